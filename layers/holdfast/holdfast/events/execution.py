"""What EventBridge tells of an execution of a state machine that has ended.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Ended:
    """`error`, `cause`: empty where Step Functions tells none: it ran out of time, or somebody stopped it. `given`:
    what it was started with, as far as that is told."""

    arn: str
    machine: str
    status: str
    error: str = ""
    cause: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


def ended(event: Mapping[str, Any]) -> Ended | None:
    """None for any other event."""
    match event:
        case {"source": "aws.states", "detail": {"executionArn": str(arn), "status": str(status), **detail}}:
            machine = str(detail.get("stateMachineArn", ""))
            error, cause = (str(detail.get(name) or "") for name in ("error", "cause"))
            return Ended(arn, machine, status, error, cause, _given(detail.get("input")))
        case _:
            return None


def _given(told: object) -> Mapping[str, Any]:
    """EventBridge leaves out what is long."""
    try:
        given = json.loads(str(told))
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}
