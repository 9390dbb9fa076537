"""Which incidents are open, and which run ends which."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from holdfast.adapters.memory_fleet import MemoryDocuments
from holdfast.fleet.alert.model import Message
from holdfast.fleet.alert.ports import NotDelivered
from holdfast.fleet.alert.run import Alert
from holdfast.fleet.model import Schedule, Slot

DAILY, WEEKLY, MANUAL, CLEANUP = Schedule.DAILY, Schedule.WEEKLY, Schedule.MANUAL, Schedule.CLEANUP
EXECUTION = "arn:aws:states:eu-west-1:1:execution:fleet:x"


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:16]


def about(name: str) -> dict[str, Any]:
    return {"arn": name, "kind": "rds:db", "name": name, "region": "eu-west-1"}


@dataclass
class Pager:
    """The incidents that are open, as a pager has them."""

    name: str = "pagerduty"
    pages: bool = True
    is_deaf: bool = False
    open: set[str] = field(default_factory=set)

    def send(self, message: Message) -> None:
        if self.is_deaf:
            raise NotDelivered("it answered 503")
        self.open |= {one.key.removeprefix("holdfast/s/") for one in message.triggers}
        self.open -= {one.removeprefix("holdfast/s/") for one in message.resolves}


@dataclass
class Mail:
    name: str = "sns"
    pages: bool = False
    subjects: list[str] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.subjects.append(message.subject)


@dataclass
class Duty:
    """Runs that end as they are told to, and a pager."""

    pager: Pager = field(default_factory=Pager)
    mail: Mail = field(default_factory=Mail)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    now: datetime = datetime(2026, 11, 21, 2, tzinfo=UTC)

    def tell(self, **event: Any) -> dict[str, Any]:
        channels = (self.mail, self.pager)
        return Alert("s", self.documents, channels, map, lambda: self.now, lambda *_, **__: None)(event)

    def run(
        self,
        schedule: Schedule,
        good: tuple[str, ...] = (),
        failed: tuple[str, ...] = (),
        unseen: tuple[str, ...] = (),
        **found: Any,
    ) -> None:
        """A run an hour later, of which failures are told at once. `unseen`: places that it could not see."""
        self.now += timedelta(hours=1)
        run = str(Slot(self.now, schedule))
        resources = {"resources": [about(one) for one in (*good, *failed)], "unprotected": [], "asked": []}
        places = [{"service": one.split()[0], "region": one.split()[-1]} for one in unseen]
        self.documents.save(f"runs/{run}/discovered.json", {**resources, "undiscovered": places, **found})
        for name in good:
            self.documents.save(f"runs/{run}/results/{digest(name)}.json", {**about(name), "status": "done"})
        for name in failed:
            self.documents.save(
                f"runs/{run}/results/{digest(name)}.json", {**about(name), "status": "failed", "why": "x"}
            )
            self.tell(kind="failure", run=run, resource=digest(name))
        failures = [*map(about, failed), *({**about(one), "kind": one.split()[0]} for one in unseen)]
        counted = dict.fromkeys(("backed_up", "unprotected", "removed", "blocked", "bytes", "seconds"), 0)
        told = {"run": run, "finished": self.now.isoformat(), "failed": failures, **counted}
        self.documents.save(f"runs/{run}/report.json", told)
        self.tell(kind="run", run=run)

    @property
    def open(self) -> set[str]:
        """By the names of the resources, where they are of some."""
        names = {f"backups/{digest(one)}": one for one in ("a", "b", "rds in eu-west-1")}
        return {names.get(one, one) for one in self.pager.open}


@pytest.fixture
def duty() -> Duty:
    return Duty()


def test_each_resource_has_an_incident_which_ends_when_a_run_backs_it_up(duty: Duty) -> None:
    duty.run(DAILY, failed=("a", "b"))
    assert duty.open == {"a", "b"}
    duty.run(DAILY, good=("a",), failed=("b",))
    assert duty.open == {"b"}
    duty.run(DAILY, good=("a", "b"))
    assert duty.open == set()


def test_a_run_by_hand_ends_only_what_it_has_backed_up(duty: Duty) -> None:
    duty.run(DAILY, failed=("a",))
    duty.run(MANUAL, failed=("b",), asked=["b"])
    duty.run(MANUAL, good=("a",), asked=["a"])
    assert duty.open == {"b"}
    duty.run(CLEANUP)
    assert duty.open == {"b"}


def test_what_a_run_would_find_and_does_not_find_any_more_needs_nobody(duty: Duty) -> None:
    duty.run(WEEKLY, failed=("a", "b"))
    duty.run(DAILY, failed=("a",))
    duty.run(MANUAL, asked=["c"])
    assert duty.open == {"a", "b"}
    duty.run(DAILY)
    assert duty.open == {"b"}
    duty.run(WEEKLY)
    assert duty.open == set()


def test_what_somebody_asked_for_is_gone_only_if_it_is_not_there(duty: Duty) -> None:
    duty.run(MANUAL, failed=("a",), asked=["a"])
    duty.run(WEEKLY, unprotected=[about("a")])
    assert duty.open == {"a"}
    duty.run(WEEKLY)
    assert duty.open == set()


def test_what_cannot_be_seen_is_not_gone_and_a_place_ends_when_it_is_seen_again(duty: Duty) -> None:
    duty.run(DAILY, failed=("a",))
    duty.run(DAILY, unseen=("rds in eu-west-1",))
    duty.run(CLEANUP, unseen=("rds in eu-west-1",))
    assert duty.open == {"a", "rds in eu-west-1"}
    duty.run(CLEANUP)
    assert duty.open == {"a"}


def test_a_run_that_was_due_before_the_failure_ends_nothing(duty: Duty) -> None:
    duty.run(MANUAL, failed=("a",), asked=["a"])
    duty.now -= timedelta(hours=3)
    duty.run(DAILY, good=("a",))
    assert duty.open == {"a"}


def test_the_same_failure_is_told_again_if_it_was_over_in_the_meantime(duty: Duty) -> None:
    for good, failed in (((), ("a",)), ((), ("a",)), (("a",), ()), ((), ("a",))):
        duty.run(DAILY, good, failed)
    assert duty.mail.subjects.count("s FAILED: backup of a: x") == 2
    assert duty.open == {"a"}


@pytest.mark.parametrize("schedule", [DAILY, MANUAL])
def test_a_workflow_that_broke_off_ends_with_the_next_run_of_its_schedule(duty: Duty, schedule: Schedule) -> None:
    given = {"schedule": "daily", "due": duty.now.isoformat()} if schedule is DAILY else {}
    duty.tell(kind="stopped", execution=EXECUTION, error={"Error": "E"}, input=given)
    detail = {"executionArn": f"{EXECUTION}2", "status": "TIMED_OUT", "input": '{"schedule": "weekly"}'}
    duty.tell(source="aws.states", detail=detail)
    duty.run(CLEANUP)
    assert duty.open == {"workflow/x", "execution/x2"}
    duty.run(schedule, failed=("a",))
    assert duty.open == {"execution/x2", "a"}
    duty.run(WEEKLY, failed=("a",))
    assert duty.open == {"a"}


@pytest.mark.parametrize("given", ["[]", "{", None])
def test_an_execution_that_tells_no_input_was_started_by_hand(duty: Duty, given: str | None) -> None:
    duty.tell(source="aws.states", detail={"executionArn": EXECUTION, "status": "ABORTED", "input": given})
    duty.run(MANUAL, asked=["c"])
    assert duty.open == set()


@pytest.mark.parametrize(("given", "drill"), [({"drill": True}, True), ({"restore": "r1"}, False)])
def test_a_restore_that_broke_off_ends_with_its_next_end(duty: Duty, given: dict[str, Any], drill: bool) -> None:
    duty.tell(kind="stopped", execution=EXECUTION, error={"Error": "E"}, input=given)
    told = {"failed": ["a"], "summary": "", "items": []}
    duty.documents.save("restores/r2/report.json", {**told, "drill": not drill})
    duty.tell(kind="restore", restore="r2")
    assert "workflow/x" in duty.open
    duty.documents.save("restores/r1/report.json", {**told, "drill": drill})
    duty.tell(kind="restore", restore="r1")
    assert "workflow/x" not in duty.open


def test_what_the_pager_did_not_hear_it_is_told_at_the_next_end_of_a_run(duty: Duty) -> None:
    duty.pager.is_deaf = True
    duty.run(DAILY, failed=("a",))
    duty.pager.is_deaf = False
    duty.run(DAILY, failed=("a",))
    assert duty.open == {"a"}
    duty.pager.is_deaf = True
    duty.run(DAILY, good=("a",))
    duty.pager.is_deaf = False
    duty.run(DAILY, good=("a",))
    assert duty.open == set()


def test_what_is_over_is_not_read_again(duty: Duty) -> None:
    duty.run(DAILY, failed=("a",))
    duty.run(DAILY, good=("a",))
    read: list[str] = []

    def note(verb: str, /, *keys: str) -> None:
        read.extend(f"{verb} {key}" for key in keys)

    duty.documents = MemoryDocuments(duty.documents.stored, note)
    duty.run(DAILY, good=("a",))
    assert [one for one in read if "alerts/o" in one] == ["keys alerts/over/", "keys alerts/open/"]
