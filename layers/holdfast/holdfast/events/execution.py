"""What EventBridge tells of an execution of a state machine that has ended.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ended:
    """`error`, `cause`: empty where Step Functions tells none: it ran out of time, or somebody stopped it."""

    arn: str
    machine: str
    status: str
    error: str = ""
    cause: str = ""


def ended(event: Mapping[str, Any]) -> Ended | None:
    """None for any other event."""
    match event:
        case {"source": "aws.states", "detail": {"executionArn": str(arn), "status": str(status), **detail}}:
            machine = str(detail.get("stateMachineArn", ""))
            return Ended(arn, machine, status, str(detail.get("error") or ""), str(detail.get("cause") or ""))
        case _:
            return None
