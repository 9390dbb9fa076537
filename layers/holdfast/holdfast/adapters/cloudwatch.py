"""Alarms in CloudWatch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
