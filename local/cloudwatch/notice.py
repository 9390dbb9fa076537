"""What an alarm tells a function when it changes its state."""

import uuid
from typing import Any

from local.cloudwatch.alarm import Alarm, AlarmState
from local.cloudwatch.reason import stamp


def lambda_event(alarm: Alarm, previous: AlarmState, state: AlarmState) -> dict[str, Any]:
    """The event of a Lambda action.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    """
    _, _, _, region, account, *_ = alarm.arn.split(":")
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.arn,
        "accountId": account,
        "time": stamp(state.since),
        "region": region,
        "alarmData": {
            "alarmName": alarm.name,
            "state": _state(state),
            "previousState": _state(previous),
            "configuration": _configuration(alarm),
        },
    }


def _state(state: AlarmState) -> dict[str, str]:
    return {
        "value": state.value,
        "reason": state.reason,
        **({"reasonData": state.data} if state.data else {}),
        "timestamp": stamp(state.since),
    }


def _configuration(alarm: Alarm) -> dict[str, Any]:
    metric = {
        "namespace": alarm.metric.namespace,
        "name": alarm.metric.name,
        "dimensions": dict(sorted(alarm.metric.dimensions)),
    }
    query = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, alarm.arn)),
        "metricStat": {
            "metric": metric,
            "period": alarm.period,
            "stat": alarm.statistic,
            **({"unit": alarm.unit} if alarm.unit else {}),
        },
        "returnData": True,
    }
    return {**({"description": alarm.description} if alarm.description else {}), "metrics": [query]}
