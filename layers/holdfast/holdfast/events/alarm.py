"""What CloudWatch sends to a Lambda function that is an alarm's action, and how a schedule differs from it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

from collections.abc import Mapping
from typing import Any


def is_on(event: Mapping[str, Any]) -> bool | None:
    """Whether the alarm that sent this event is in ALARM; None if no alarm but a schedule sent it."""
    match event:
        case {"source": "aws.cloudwatch", "alarmData": {"state": {"value": str(value)}}}:
            return value == "ALARM"
        case _:
            return None
