"""Alarms in CloudWatch."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.fleet.status.model import SYSTEMS, Alarm

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient


class AlarmMissing(LookupError):
    """There is no alarm of this name: it was deleted behind the stack's back."""


@dataclass(frozen=True, slots=True)
class CloudWatchAlarm:
    """The `Alarm` of the capacity system."""

    client: "CloudWatchClient"
    name: str

    def is_on(self) -> bool:
        alarms = self.client.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        if not alarms:
            raise AlarmMissing(f"alarm {self.name} does not exist: deploy the stack again to get it back")
        return alarms[0]["StateValue"] == "ALARM" and alarms[0]["ActionsEnabled"]


_GIVEN = re.compile(r"-[A-Za-z0-9]{8,16}$")
"""What CloudFormation puts behind a logical ID."""


@dataclass(frozen=True, slots=True)
class StackAlarms:
    """Those alarms of a stack that are on, by system: the names of a system's alarms begin with its own."""

    client: "CloudWatchClient"
    stack: str

    def __call__(self) -> dict[str, list[Alarm]]:
        found: dict[str, list[Alarm]] = {}
        pages = self.client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self.stack}-", StateValue="ALARM", AlarmTypes=["MetricAlarm"]
        )
        for one in (alarm for page in pages for alarm in page["MetricAlarms"]):
            name = one["AlarmName"].removeprefix(f"{self.stack}-")
            system = next((system for system in SYSTEMS if name.lower().startswith(system)), None)
            if system is not None and one["StateValue"] == "ALARM":
                since = one.get("StateTransitionedTimestamp", one["StateUpdatedTimestamp"])
                alarm = Alarm(_GIVEN.sub("", name), since, one.get("AlarmDescription", ""))
                found.setdefault(system, []).append(alarm)
        return found
