"""What CloudWatch sends to a Lambda function that is an alarm's action, how a schedule differs from it; and what it
sends to a topic.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


def is_on(event: Mapping[str, Any]) -> bool | None:
    """Whether the alarm that sent this event is in ALARM; None if no alarm but a schedule sent it."""
    match event:
        case {"source": "aws.cloudwatch", "alarmData": {"state": {"value": str(value)}}}:
            return value == "ALARM"
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm that went from one state (`before`) to another: OK, ALARM, INSUFFICIENT_DATA. `at`: as CloudWatch writes
    it; `description`: what the alarm is for, as it was deployed."""

    arn: str
    name: str
    region: str
    description: str
    before: str
    state: str
    reason: str
    at: str


def changes(event: Mapping[str, Any]) -> Iterator[Change]:
    """Of alarms whose topic has a function for a subscriber. What else is published there is none."""
    for record in event["Records"]:
        try:
            told = json.loads(record["Sns"]["Message"])
            yield Change(
                arn=told["AlarmArn"],
                name=told["AlarmName"],
                region=told["AlarmArn"].split(":")[3],
                description=told.get("AlarmDescription") or "",
                before=told["OldStateValue"],
                state=told["NewStateValue"],
                reason=told["NewStateReason"],
                at=told["StateChangeTime"],
            )
        except (KeyError, TypeError, ValueError, IndexError):
            continue
