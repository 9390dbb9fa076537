"""A state machine, as who starts one of its executions and follows it sees it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.workflow import Execution, Status

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_STATUS = {"SUCCEEDED": Status.SUCCEEDED, "RUNNING": Status.RUNNING, "PENDING_REDRIVE": Status.RUNNING}
"""All others are failures: FAILED, TIMED_OUT, ABORTED."""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """The `Workflow` that a state machine is."""

    client: "SFNClient"
    arn: str

    def start(self, name: str, told: Mapping[str, Any]) -> str:
        try:
            answer = self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(told))
        except self.client.exceptions.ExecutionAlreadyExists:
            return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        return answer["executionArn"]

    def look(self, execution: str) -> Execution:
        found = self.client.describe_execution(executionArn=execution)
        status = _STATUS.get(found["status"], Status.FAILED)
        if status is Status.FAILED:
            why = ": ".join(filter(None, (found.get("error"), found.get("cause"))))
            return Execution(status, why=why or found["status"])
        return Execution(status, answer=json.loads(found["output"]) if "output" in found else None)
