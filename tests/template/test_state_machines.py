"""What every state machine has; and each path through them, played on an interpreter in memory."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.engine import ACCOUNT, REGION
from tests.template import player
from tests.template.machine import MACHINES, Machine
from tests.template.player import Ended, answered, definition, interpreter, raised
from tests.template.role import machine_statements
from tests.template.stack import FUNCTIONS, ROOT, deployed, function, logical_id

EACH = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
[RESTORE] = [machine for machine in MACHINES if machine.path.stem == "table_restore.asl"]

DAYS = {"WarehouseBackupStateMachine": 14, "FleetBackupStateMachine": 2, "FleetRestoreStateMachine": 2}
"""For how long a machine may run that takes more than one."""


def next_of(state: Mapping[str, Any]) -> set[str]:
    """The states that one leads to."""
    told = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {one[name] for one in told for name in ("Next", "Default") if name in one}


# As they are written


def test_each_definition_is_that_of_a_machine() -> None:
    assert sorted((ROOT / "statemachine").iterdir()) == sorted(machine.path for machine in MACHINES)


@EACH
def test_every_state_is_reached_and_leads_on_or_ends(machine: Machine) -> None:
    for flow in machine.flows():
        reached = {flow["StartAt"]}
        while more := {name for one in reached for name in next_of(flow["States"][one])} - reached:
            reached |= more
        assert reached == flow["States"].keys()
        for state in flow["States"].values():
            assert next_of(state) or state.get("End") or state["Type"] in {"Succeed", "Fail"}


@EACH
def test_a_call_is_tried_again_at_random_times_that_grow_to_a_limit(machine: Machine) -> None:
    for name, _ in machine.calls():
        *named, retry = dict(machine.states())[name]["Retry"]
        assert [one["MaxAttempts"] for one in named] == [0] * len(named)  # what would be no better the second time
        assert (retry["JitterStrategy"], retry["BackoffRate"]) == ("FULL", 2)
        assert 0 < retry["IntervalSeconds"] < retry["MaxDelaySeconds"]
        assert 3 <= retry["MaxAttempts"] <= 10


@EACH
def test_a_call_is_waited_for_no_less_than_its_function_may_run(machine: Machine) -> None:
    folders = {logical_id(folder): folder for folder in FUNCTIONS}
    for name, called in machine.calls():
        assert dict(machine.states())[name]["TimeoutSeconds"] >= function(folders[called])["Timeout"]


@EACH
def test_whatever_fails_ends_in_a_state_that_says_so(machine: Machine) -> None:
    """At once, or once people were told: then however that goes."""
    states = machine.definition["States"]
    for state in states.values():
        if state["Type"] in {"Task", "Map"}:
            [catch] = state["Catch"]
            assert catch["ErrorEquals"] == ["States.ALL"]
            ends = states[catch["Next"]]
            for end in [ends] if ends["Type"] == "Fail" else [states[name] for name in next_of(ends)]:
                assert end["Type"] == "Fail"


@EACH
def test_a_definition_is_filled_in_with_all_that_it_names_and_nothing_else(machine: Machine) -> None:
    assert machine.holes == machine.substitutions.keys()
    assert re.findall(r"arn:(?!\$\{Partition}:(?:states:::|s3:::\$))", machine.text) == []


@EACH
def test_a_definition_has_no_aliases(machine: Machine) -> None:
    """CloudFormation does not resolve them."""
    assert re.findall(r"^[^#]*\s[&*]\w", machine.text, re.MULTILINE) == []


@EACH
def test_a_machine_is_logged_traced_and_over_some_day(machine: Machine) -> None:
    stated = deployed()[machine.name].properties
    assert stated["StateMachineType"] == "STANDARD"
    assert stated["TracingConfiguration"] == {"Enabled": True}
    assert stated["LoggingConfiguration"]["Level"] == "ALL"
    assert machine.definition["TimeoutSeconds"] <= DAYS.get(machine.name, 1) * 86_400


def test_a_restore_may_call_its_function_run_its_own_parts_and_log() -> None:
    machine = f"{REGION}:{ACCOUNT}:"
    allowed = {
        (action, statement["Resource"])
        for statement in machine_statements("TablesRestoreStateMachine")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if not action.startswith("logs:")
    }
    assert allowed == {
        ("lambda:InvokeFunction", f"arn:aws:lambda:{machine}function:TablesRestoreFunction"),
        ("states:StartExecution", f"arn:aws:states:{machine}stateMachine:holdfast-table-restore"),
        ("states:DescribeExecution", f"arn:aws:states:{machine}execution:holdfast-table-restore/*"),
        ("states:StopExecution", f"arn:aws:states:{machine}execution:holdfast-table-restore/*"),
    }
    everything = [one for one in machine_statements("TablesRestoreStateMachine") if one["Resource"] == "*"]
    assert [one["Sid"] for one in everything] == ["DeliverItsLog"]


def test_many_parts_are_restored_at_a_time_and_each_as_an_execution_of_its_own() -> None:
    parts = RESTORE.definition["States"]["TablesRestorePartitions"]
    assert parts["MaxConcurrency"] == 40
    assert parts["ToleratedFailureCount"] == 0  # which the interpreter below does not heed
    assert parts["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_what_all_parts_answer_is_less_than_a_state_may_hold() -> None:
    parts = RESTORE.definition["States"]["TablesRestorePartitions"]
    [part] = parts["ItemProcessor"]["States"].values()
    assert part["ResultSelector"] == {"items.$": "$.items"}
    assert 4096 * len(json.dumps({"items": 1_000_000})) + 4096 * len('"fff", ') < 256 * 1024


# As they run: the interpreter plays distributed maps too, though not as executions of their own


PREPARED = {"table": "orders", "at": "2026-01-15T09:30:00Z", "to": "orders-then", "run": "first"}


@dataclass
class Function:
    """What is called in the place of tables_restore. `fails`: how often each step fails first, and with what."""

    verified: bool = True
    fails: dict[str, list[str]] = field(default_factory=dict)
    called: list[Mapping[str, Any]] = field(default_factory=list)

    def invoke(self, *, Payload: Any, **_: object) -> dict[str, Any]:  # noqa: N803 boto3 calls it so
        event = json.loads(Payload)
        self.called.append(event)
        if waiting := self.fails.get(event["step"]):
            return raised(waiting.pop())
        return answered(self._answer(event))

    def _answer(self, event: Mapping[str, Any]) -> Any:
        match event["step"]:
            case "prepare":
                return PREPARED | {"prefixes": ["0", "1", "2"], "items": 3}
            case "partition":
                return {"prefix": event["prefix"], "items": 1, "digest": "0a"}
            case _:
                return {"items": 3, "digest": "1e", "verified": self.verified, "why": "it differs"}


type Play = Callable[[Function], Ended]


@pytest.fixture
def play() -> Iterator[Play]:
    with interpreter() as states:
        yield lambda function: player.play(states, definition(RESTORE), PREPARED, lambda _service: function)


def steps(function: Function) -> list[str]:
    return [event["step"] for event in function.called]


def test_a_restore_makes_the_table_fills_its_parts_and_verifies_it(play: Play) -> None:
    function = Function()
    ended = play(function)
    assert ended.status == "SUCCEEDED"
    assert ended.output["verified"] is True
    assert ended.states == [
        "TablesRestorePrepare",
        "TablesRestorePartitions",
        "TablesRestoreVerify",
        "TablesRestoreVerified",
        "TablesRestoreDone",
    ]
    prepared, *parts, verified = function.called
    assert prepared == {"step": "prepare", **PREPARED}
    assert sorted(parts, key=lambda part: str(part["prefix"])) == [
        {"step": "partition", **PREPARED, "prefix": prefix} for prefix in ("0", "1", "2")
    ]
    assert verified == {"step": "verify", **PREPARED}


def test_a_table_that_is_not_what_was_archived_fails_with_the_reason(play: Play) -> None:
    ended = play(Function(verified=False))
    assert ended.states[-1] == "TablesRestoreDiffers"
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "TablesRestoreDiffers", "it differs")


@pytest.mark.parametrize("step", ["prepare", "verify"])
def test_what_cannot_be_done_fails_at_once_and_says_why(play: Play, step: str) -> None:
    function = Function(fails={step: ["Occupied"]})
    ended = play(function)
    assert (ended.status, ended.error, ended.states[-1]) == ("FAILED", "TablesRestoreFailed", "TablesRestoreFailed")
    assert ended.cause is not None
    assert json.loads(ended.cause)["Error"] == "Occupied"
    assert steps(function).count(step) == 1


@pytest.mark.parametrize(("step", "error"), [("prepare", "Lambda.TooManyRequestsException"), ("partition", "TooBusy")])
def test_what_passes_is_tried_again(play: Play, step: str, error: str) -> None:
    function = Function(fails={step: [error] * 2})
    assert play(function).status == "SUCCEEDED"
    assert steps(function).count(step) == (3 if step == "prepare" else 5)
