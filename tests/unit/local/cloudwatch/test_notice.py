from datetime import UTC, datetime

from aws_lambda_powertools.utilities.data_classes import CloudWatchAlarmEvent

from local.cloudwatch.alarm import AlarmState
from local.cloudwatch.metric import Metric
from local.cloudwatch.notice import lambda_event
from tests.unit.local.cloudwatch.domain import an_alarm

ALARM = an_alarm(
    name="lambda-demo-metric-alarm",
    arn="arn:aws:cloudwatch:us-east-1:444455556666:alarm:lambda-demo-metric-alarm",
    description="Metric Alarm to test Lambda actions",
    metric=Metric("AWS/Logs", "CallCount", frozenset({("InstanceId", "i-12345678")})),
    period=60,
    statistic="Average",
    unit="Percent",
)
BEFORE = AlarmState(
    "INSUFFICIENT_DATA",
    "Insufficient Data: 5 datapoints were unknown.",
    datetime(2023, 8, 4, 12, 31, 29, 595000, UTC),
    '{"version":"1.0"}',
)
AFTER = AlarmState("ALARM", "test", datetime(2023, 8, 4, 12, 36, 15, 490000, UTC))


def test_the_published_event_but_for_the_random_id() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html"""
    event = lambda_event(ALARM, BEFORE, AFTER)
    assert event["alarmData"]["configuration"]["metrics"][0].pop("id")
    assert event == {
        "source": "aws.cloudwatch",
        "alarmArn": "arn:aws:cloudwatch:us-east-1:444455556666:alarm:lambda-demo-metric-alarm",
        "accountId": "444455556666",
        "time": "2023-08-04T12:36:15.490+0000",
        "region": "us-east-1",
        "alarmData": {
            "alarmName": "lambda-demo-metric-alarm",
            "state": {"value": "ALARM", "reason": "test", "timestamp": "2023-08-04T12:36:15.490+0000"},
            "previousState": {
                "value": "INSUFFICIENT_DATA",
                "reason": "Insufficient Data: 5 datapoints were unknown.",
                "reasonData": '{"version":"1.0"}',
                "timestamp": "2023-08-04T12:31:29.595+0000",
            },
            "configuration": {
                "description": "Metric Alarm to test Lambda actions",
                "metrics": [
                    {
                        "metricStat": {
                            "metric": {
                                "namespace": "AWS/Logs",
                                "name": "CallCount",
                                "dimensions": {"InstanceId": "i-12345678"},
                            },
                            "period": 60,
                            "stat": "Average",
                            "unit": "Percent",
                        },
                        "returnData": True,
                    }
                ],
            },
        },
    }


def test_powertools_reads_it() -> None:
    event = CloudWatchAlarmEvent(lambda_event(ALARM, BEFORE, AFTER))
    assert event.alarm_data.state.value == "ALARM"
    assert event.alarm_data.previous_state.reason_data_decoded == {"version": "1.0"}
    assert event.alarm_data.configuration.metrics[0].metric_stat.stat == "Average"


def test_the_metric_keeps_its_id_from_one_change_to_the_next() -> None:
    first, second = (lambda_event(ALARM, *states)["alarmData"] for states in ((BEFORE, AFTER), (AFTER, BEFORE)))
    assert first["configuration"] == second["configuration"]
