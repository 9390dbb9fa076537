"""The workflow of a large restore: in memory, and a state machine as an operator's machine sees it."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from holdfast.adapters.memory_workflow import MemoryWorkflow
from holdfast.adapters.stepfunctions import StateMachine
from holdfast.workflow import Execution, Status, Workflow
from tests.contract.tables import a_name

ORDER = {"table": "orders", "at": "2026-01-01T00:00:00Z", "to": "restored", "run": "run"}
ANSWER = {"items": 3, "digest": "d", "verified": True}
ROLE = "arn:aws:iam::123456789012:role/any"


def in_memory(fails: bool) -> Workflow:
    def step(event: Mapping[str, Any]) -> Mapping[str, Any]:
        if fails:
            raise ValueError("no")
        return {**event, **ANSWER, "prefixes": []}

    return MemoryWorkflow(step)


def a_state_machine(fails: bool) -> Workflow:
    ends = {"Type": "Fail", "Error": "ValueError", "Cause": "no"} if fails else {"Type": "Pass", "End": True}
    definition = json.dumps({"StartAt": "Only", "States": {"Only": ends}})
    client = boto3.client("stepfunctions")
    made = client.create_state_machine(name=a_name("machine"), definition=definition, roleArn=ROLE)
    return StateMachine(client, made["stateMachineArn"])


@pytest.fixture(params=["memory", "moto"])
def workflow(request: pytest.FixtureRequest, moto_account: None) -> Any:
    return in_memory if request.param == "memory" else a_state_machine


def test_an_execution_is_begun_once_for_each_name(workflow: Any) -> None:
    one = workflow(fails=False)
    first = one.start("first", ORDER)
    assert one.start("first", ORDER) == first
    assert one.start("second", ORDER) != first


def test_an_execution_that_was_begun_can_be_looked_at(workflow: Any) -> None:
    one = workflow(fails=False)
    assert one.look(one.start("run", ORDER)).status in {Status.RUNNING, Status.SUCCEEDED}


# What moto does not execute


class Described:
    """A client that describes an execution as Step Functions does."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        assert executionArn == "any"
        return self.told


@pytest.mark.parametrize(
    ("told", "execution"),
    [
        ({"status": "RUNNING"}, Execution(Status.RUNNING)),
        ({"status": "PENDING_REDRIVE"}, Execution(Status.RUNNING)),
        ({"status": "SUCCEEDED", "output": json.dumps(ANSWER)}, Execution(Status.SUCCEEDED, ANSWER)),
        ({"status": "FAILED", "error": "TooBusy", "cause": "no"}, Execution(Status.FAILED, why="TooBusy: no")),
        ({"status": "TIMED_OUT"}, Execution(Status.FAILED, why="TIMED_OUT")),
        ({"status": "ABORTED", "cause": "by hand"}, Execution(Status.FAILED, why="by hand")),
    ],
)
def test_what_step_functions_tells_of_an_execution(told: dict[str, Any], execution: Execution) -> None:
    client: Any = Described(**told)
    assert StateMachine(client, "arn").look("any") == execution


def test_the_workflow_in_memory_tells_why_it_failed() -> None:
    one = in_memory(fails=True)
    assert one.look(one.start("run", ORDER)) == Execution(Status.FAILED, why="ValueError: no")
