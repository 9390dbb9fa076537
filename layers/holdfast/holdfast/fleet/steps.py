"""The steps of the backup's workflow as its state machine asks for them: events in, answers out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.breaker.run import Breaker
from holdfast.fleet import backup, discover, report, verify
from holdfast.fleet.expire.run import expire
from holdfast.fleet.model import NotARun, Schedule, Slot, moment_of
from holdfast.fleet.run import Fleet, Item
from holdfast.fleet.sets import Positions

type Event = Mapping[str, Any]
type Answer = dict[str, Any]


class NotAStep(ValueError):
    """A request asks for a step that there is not."""


def slot_of(event: Event) -> Slot:
    """Which run an event asks for. Whatever is no moment was not due at one: it begins a run of its own, to the second.

    Raises NotARun.
    """
    due = moment_of(str(event.get("due"))) or started_of(event)
    if event.get("schedule") not in list(Schedule):
        raise NotARun(f"{event.get('schedule')!r} is no schedule: one of {', '.join(Schedule)} is")
    return Slot(due.replace(microsecond=0), Schedule(event["schedule"]))


def started_of(event: Event) -> datetime:
    """When the execution began that an event is of. Raises NotARun."""
    if started := moment_of(str(event.get("started"))):
        return started
    raise NotARun(f"the event tells no moment as started, but {event.get('started')!r}: 2026-11-21T02:00:00Z is one")


@dataclass(frozen=True, slots=True)
class Discover:
    fleet: Fleet

    def __call__(self, event: Event) -> Answer:
        asked = event.get("resources") or ()
        resources = (asked,) if isinstance(asked, str) else tuple(asked)
        return discover.discover(self.fleet, discover.Request(slot_of(event), started_of(event), resources))


@dataclass(frozen=True, slots=True)
class Backup:
    fleet: Fleet

    def __call__(self, event: Event) -> Answer:
        return backup.advance(self.fleet, Item.of(event))


@dataclass(frozen=True, slots=True)
class Verify:
    fleet: Fleet

    def __call__(self, event: Event) -> Answer:
        return verify.verify(self.fleet, Item.of(event))


@dataclass(frozen=True, slots=True)
class Expire:
    fleet: Fleet
    breaker: Breaker

    def __call__(self, event: Event, *, time_left: Callable[[], bool]) -> Answer:
        return expire(self.fleet, str(Slot.parse(str(event.get("run")))), self.breaker, time_left)


@dataclass(frozen=True, slots=True)
class Report:
    """`systems`: what each other system has of a moment."""

    fleet: Fleet
    systems: Mapping[str, Positions]

    def __call__(self, event: Event) -> Answer:
        match event.get("step"):
            case "failed":
                return report.failed(self.fleet, Item.of(event), event.get("error") or {})
            case "report":
                return report.report(self.fleet, Slot.parse(str(event.get("run"))), self.systems)
            case other:
                raise NotAStep(f"{other!r} is no step: failed or report")
