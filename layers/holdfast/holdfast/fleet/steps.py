"""The steps of the backup's workflow as its state machine asks for them: events in, answers out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.breaker.run import Breaker
from holdfast.fleet import backup, discover, report, verify
from holdfast.fleet.expire.run import expire
from holdfast.fleet.model import NotARun, Schedule, Slot
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
    try:
        schedule, started = Schedule(event["schedule"]), datetime.fromisoformat(event["started"])
    except (KeyError, ValueError) as error:
        raise NotARun(
            f'the event names no run ({error}): {{"schedule": "daily", "started": "2026-11-21T02:00:00Z"}} does, with'
            f" one of {', '.join(Schedule)}"
        ) from None
    try:
        due = datetime.fromisoformat(event["due"])
    except (KeyError, TypeError, ValueError):
        due = started
    return Slot(due.replace(microsecond=0), schedule)


@dataclass(frozen=True, slots=True)
class Discover:
    fleet: Fleet

    def __call__(self, event: Event) -> Answer:
        started = datetime.fromisoformat(event["started"])
        request = discover.Request(slot_of(event), started, tuple(event.get("resources") or ()))
        return discover.discover(self.fleet, request)


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
