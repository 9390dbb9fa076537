"""What people are called for, and when it is over. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from holdfast.fleet.alert.model import Ends, Incident, Of
from holdfast.fleet.model import Schedule, Slot, moment_of

DISCOVERED_BY = {
    Schedule.DAILY: (Schedule.DAILY, Schedule.WEEKLY, Schedule.MANUAL),
    Schedule.WEEKLY: (Schedule.WEEKLY, Schedule.MANUAL),
    Schedule.MANUAL: (Schedule.WEEKLY, Schedule.MANUAL),
}
"""Which runs would find what a run of a schedule has found, if it were still there to be backed up."""

_OFTEN = tuple(Schedule)


def of_failure(slot: Slot, result: Mapping[str, Any]) -> Ends:
    """Of a resource, or of all of a service in a region, which could not be seen."""
    service, colon, _ = str(result["kind"]).partition(":")
    place = f"{service} in {result['region']}"
    return Ends(Of.RESOURCE if colon else Of.PLACE, str(result["arn"]), slot.due, place, slot.schedule)


def of_workflow(given: Mapping[str, Any], now: datetime) -> Ends:
    """`given`: what the execution was started with."""
    due = (moment_of(str(given.get("due"))) or now).replace(microsecond=0)
    if "restore" in given:
        return Ends(Of.WORKFLOW, of_restore(str(given["restore"])), due)
    return Ends(Of.WORKFLOW, DRILL if given.get("drill") else str(given.get("schedule") or Schedule.MANUAL), due)


DRILL = "drill"


def of_restore(restore: str) -> str:
    return f"restore/{restore}"


def again(before: Ends, now: Ends) -> Ends:
    """It failed once more. The schedule that finds it most often tells soonest that it is gone."""
    schedules = [one.schedule for one in (before, now) if one.schedule]
    often = min(schedules, key=_OFTEN.index, default=None)
    return replace(now, since=max(before.since, now.since), schedule=often)


@dataclass(frozen=True, slots=True)
class Noted:
    """An incident that is open. `paged`: whether every pager has heard of it."""

    key: str
    ends: Ends
    paged: bool

    def as_json(self) -> dict[str, Any]:
        ends = self.ends
        return {
            "incident": self.key,
            "of": ends.of.value,
            "what": ends.what,
            "since": ends.since.isoformat(),
            "place": ends.place,
            "schedule": ends.schedule.value if ends.schedule else None,
            "paged": self.paged,
        }

    @classmethod
    def parse(cls, told: Mapping[str, Any]) -> Self:
        schedule = Schedule(told["schedule"]) if told["schedule"] else None
        since = datetime.fromisoformat(told["since"])
        return cls(told["incident"], Ends(Of(told["of"]), told["what"], since, told["place"], schedule), told["paged"])


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended. `is_whole`: it was to find everything; `good`: what it has backed up, of the resources of
    open incidents; `unseen`: where it could see nothing."""

    slot: Slot
    is_whole: bool
    resources: frozenset[str]
    unprotected: frozenset[str]
    unseen: frozenset[str]
    good: frozenset[str]

    @classmethod
    def of(cls, slot: Slot, discovered: Mapping[str, Any], good: Iterable[str]) -> Self:
        resources, unprotected = (
            frozenset(str(one["arn"]) for one in discovered[name]) for name in ("resources", "unprotected")
        )
        unseen = frozenset(f"{one['service']} in {one['region']}" for one in discovered["undiscovered"])
        return cls(slot, not discovered["asked"], resources, unprotected, unseen, frozenset(good))


def over(noted: Iterable[Noted], ran: Ran) -> list[str]:
    """Which incidents a run has ended."""
    return [one.key for one in noted if _is_over(one.ends, ran)]


def _is_over(ends: Ends, ran: Ran) -> bool:
    if ran.slot.due < ends.since:
        return False
    match ends.of:
        case Of.WORKFLOW:
            return ends.what == ran.slot.schedule
        case Of.PLACE:
            return ends.what not in ran.unseen
        case _:
            return ends.what in ran.good or _is_gone(ends, ran)


def _is_gone(ends: Ends, ran: Ran) -> bool:
    """What a person asked for may be something that no schedule backs up: that it is there is enough."""
    schedule = ends.schedule or Schedule.MANUAL
    found = ran.resources | ran.unprotected if schedule is Schedule.MANUAL else ran.resources
    can_tell = ran.is_whole and ends.place not in ran.unseen and ran.slot.schedule in DISCOVERED_BY.get(schedule, ())
    return can_tell and ends.what not in found


def ended(noted: Iterable[Noted], what: str) -> list[str]:
    """Which incidents of workflows the end of a restore or drill has ended."""
    return [one.key for one in noted if (one.ends.of, one.ends.what) == (Of.WORKFLOW, what)]


def unknown(incidents: Iterable[Incident], noted: Iterable[Noted]) -> tuple[Incident, ...]:
    """Those that a pager has yet to hear of."""
    known = {one.key for one in noted if one.paged}
    return tuple(one for one in incidents if one.key not in known)
