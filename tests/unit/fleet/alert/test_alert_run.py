"""Who hears of what: everybody, once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet.alert.model import Message
from holdfast.fleet.alert.ports import NotDelivered
from holdfast.fleet.alert.run import Alert, NobodyTold, NothingToTell

RUN = "daily-2026-11-21T02-00-00Z"
FAILURE = {"kind": "failure", "run": RUN, "resource": "d1"}


@dataclass
class Listener:
    """A channel that keeps what it was told, unless it is deaf."""

    name: str
    deaf: bool = False
    pages: bool = False
    heard: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        if self.deaf:
            raise NotDelivered("it is deaf")
        self.heard.append(message)


@dataclass
class Office:
    """Alerts with listeners, and what was logged."""

    listeners: Sequence[Listener]
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    logged: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    now: datetime = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)

    def __post_init__(self) -> None:
        told = {"arn": "arn:x", "kind": "rds:db", "name": "orders", "region": "eu-west-1", "why": "it is stopped"}
        self.documents.save(f"runs/{RUN}/results/d1.json", {**told, "status": "failed", "mend": "start it"})

    def tell(self, event: dict[str, Any]) -> dict[str, Any]:
        def log(message: str, **fields: object) -> None:
            self.logged.append((message, fields))

        return Alert("holdfast", self.documents, self.listeners, map, lambda: self.now, log)(event)


@pytest.fixture
def office() -> Office:
    return Office([Listener("sns"), Listener("slack")])


def subjects(office: Office) -> list[str]:
    return [message.subject for message in office.listeners[0].heard]


def published(**told: str) -> dict[str, Any]:
    """The event of an alarm's topic."""
    message = {
        "AlarmName": "holdfast-X",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:1:alarm:holdfast-X",
        "AlarmDescription": "Look.",
        "OldStateValue": "OK",
        "NewStateValue": "ALARM",
        "NewStateReason": "so",
        "StateChangeTime": "2026-11-21T02:00:00.000+0000",
        **told,
    }
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(message)}}]}


def test_a_failure_goes_to_all_channels(office: Office) -> None:
    assert office.tell(FAILURE) == {"sent": 1, "suppressed": 0, "undelivered": 0}
    assert [len(one.heard) for one in office.listeners] == [1, 1]
    assert subjects(office) == ["holdfast FAILED: backup of orders: it is stopped"]


def test_the_same_failure_is_told_once_a_day(office: Office) -> None:
    office.tell(FAILURE)
    assert office.tell(FAILURE) == {"sent": 0, "suppressed": 1, "undelivered": 0}
    office.now = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    assert office.tell(FAILURE)["sent"] == 1
    assert len(subjects(office)) == 2


def test_a_channel_that_does_not_work_keeps_nobody_else_from_being_told() -> None:
    office = Office([Listener("slack", deaf=True), Listener("sns")])
    assert office.tell(FAILURE) == {"sent": 1, "suppressed": 0, "undelivered": 1}
    assert len(office.listeners[1].heard) == 1
    assert office.logged[0] == (
        "not delivered",
        {"channel": "slack", "reason": "it is deaf", "subject": "holdfast FAILED: backup of orders: it is stopped"},
    )


def test_what_nobody_heard_is_an_error_and_told_when_it_is_tried_again() -> None:
    office = Office([Listener("sns", deaf=True)])
    with pytest.raises(NobodyTold, match="the log says why"):
        office.tell(FAILURE)
    office.listeners[0].deaf = False
    assert office.tell(FAILURE)["sent"] == 1


def test_a_run_a_restore_and_a_workflow_that_broke_off_are_told(office: Office) -> None:
    counted = {"backed_up": 1, "unprotected": 0, "removed": 0, "blocked": 0, "bytes": 1, "seconds": 1}
    office.documents.save(
        f"runs/{RUN}/report.json", {"run": RUN, "failed": [], "finished": "2026-11-21T02:30:00+00:00", **counted}
    )
    office.documents.save("restores/r1/report.json", {"failed": [], "summary": "all well", "drill": False, "items": []})
    office.tell({"kind": "run", "run": RUN})
    office.tell({"kind": "restore", "restore": "r1"})
    office.tell({"kind": "stopped", "execution": "arn:e", "error": {"Error": "E", "Cause": "C"}})
    assert subjects(office) == [
        f"holdfast OK: {RUN}: 1 backed up (1 bytes) in 1 s",
        "holdfast OK: restore r1 is done",
        "holdfast FAILED: a run stopped before its end: E",
    ]


def test_an_alarm_is_told_each_time_that_it_changes_and_once(office: Office) -> None:
    for at in ("00", "00", "01"):
        office.tell(published(StateChangeTime=f"2026-11-21T02:{at}:00.000+0000"))
    office.tell(published(OldStateValue="ALARM", NewStateValue="OK"))
    assert len(subjects(office)) == 3
    assert office.tell(published(NewStateValue="INSUFFICIENT_DATA")) == {"sent": 0, "suppressed": 0, "undelivered": 0}


@pytest.mark.parametrize("message", ["no JSON", "{}", '{"AlarmArn": "arn"}', "[]"])
def test_what_is_no_alarm_on_its_topic_is_passed_over(office: Office, message: str) -> None:
    assert office.tell({"Records": [{"Sns": {"Message": message}}]})["sent"] == 0


def test_an_execution_that_failed_is_told(office: Office) -> None:
    detail = {"executionArn": "arn:e", "stateMachineArn": "arn:m:Warehouse", "status": "FAILED", "error": "X"}
    assert office.tell({"source": "aws.states", "detail": detail})["sent"] == 1
    assert office.tell({"source": "aws.states", "detail": {**detail, "error": "FleetIncomplete"}})["sent"] == 0


def test_a_run_that_broke_off_is_told_once_by_itself_or_by_its_execution(office: Office) -> None:
    detail = {"executionArn": "arn:e", "stateMachineArn": "arn:m", "status": "FAILED", "error": "FleetStopped"}
    assert office.tell({"kind": "stopped", "execution": "arn:e", "error": {"Error": "E"}, "input": {}})["sent"] == 1
    assert office.tell({"source": "aws.states", "detail": detail})["suppressed"] == 1
    assert office.tell({"source": "aws.states", "detail": {**detail, "executionArn": "arn:f"}})["sent"] == 1


@pytest.mark.parametrize(
    "event", [{}, {"kind": "run"}, {"kind": "run", "run": RUN}, {"kind": "failure", "run": RUN, "resource": "d2"}]
)
def test_an_event_that_tells_of_nothing_is_an_error(office: Office, event: dict[str, Any]) -> None:
    with pytest.raises(NothingToTell):
        office.tell(event)
