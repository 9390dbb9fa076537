"""How the systems stand, as a page, a terminal and JSON tell it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SYSTEMS = {
    "objects": "a copy of every object written",
    "tables": "every change of a DynamoDB table",
    "warehouse": "incremental backups of Delta tables",
    "fleet": "instances, databases and buckets, on schedules",
    "capacity": "a bucket that cannot outgrow its limit",
}
"""In the order in which they are shown, each in a few words."""


class Health(StrEnum):
    GOOD = "good"
    EMPTY = "nothing yet"
    """Nothing is wrong, and nothing is backed up."""
    ATTENTION = "attention"
    UNKNOWN = "unknown"
    """It could not be looked at."""
    OFF = "not deployed"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is protected. `detail`: in words; `is_bad`: somebody has to look at it."""

    name: str
    detail: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a system tells of itself. `age`: of the oldest of its newest good backups, in seconds; None where there are
    none, or they are made as things change. `wrong`: what somebody has to look at. `notes`: what is worth to know.
    `is_empty`: nothing was ever backed up."""

    protected: str
    last_backup: datetime | None = None
    age: float | None = None
    verified: datetime | None = None
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that is on."""

    name: str
    since: datetime
    description: str


@dataclass(frozen=True, slots=True)
class System:
    """`told`: None if it is not deployed, or could not be looked at (`error`). `breaker`: why it is open; None if it is
    closed, or the system has none (`has_breaker`)."""

    name: str
    told: Told | None = None
    error: str = ""
    alarms: tuple[Alarm, ...] = ()
    breaker: str | None = None
    has_breaker: bool = False

    @property
    def what(self) -> str:
        return SYSTEMS[self.name]

    @property
    def health(self) -> Health:
        if self.error:
            return Health.UNKNOWN
        if self.told is None:
            return Health.OFF
        if self.alarms or self.breaker or self.told.wrong:
            return Health.ATTENTION
        return Health.EMPTY if self.told.is_empty else Health.GOOD

    def as_json(self) -> dict[str, Any]:
        told = self.told or Told("")
        return {
            "system": self.name,
            "health": self.health.value,
            "protected": told.protected,
            "last_backup": _iso(told.last_backup),
            "rpo_age_seconds": None if told.age is None else round(told.age),
            "last_verification": _iso(told.verified),
            "alarms": [
                {"name": one.name, "since": _iso(one.since), "description": one.description} for one in self.alarms
            ],
            "breaker": ("open" if self.breaker else "closed") if self.has_breaker else None,
            "breaker_reason": self.breaker,
            "wrong": list(told.wrong),
            "notes": list(told.notes),
            "resources": [{"name": row.name, "detail": row.detail, "attention": row.is_bad} for row in told.rows],
            "error": self.error or None,
        }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


@dataclass(frozen=True, slots=True)
class Overview:
    """`unknown`: what could not be looked at for all systems together: alarms, breakers."""

    stack: str
    at: datetime
    systems: Sequence[System]
    unknown: Sequence[str] = field(default_factory=tuple)

    @property
    def health(self) -> Health:
        """Of all together. Systems that are not deployed are nothing to worry about."""
        found = {one.health for one in self.systems}
        if Health.ATTENTION in found:
            return Health.ATTENTION
        if Health.UNKNOWN in found or self.unknown:
            return Health.UNKNOWN
        return next((one for one in (Health.GOOD, Health.EMPTY) if one in found), Health.OFF)

    @property
    def verdict(self) -> str:
        """In a sentence."""
        bad = [one.name for one in self.systems if one.health in (Health.ATTENTION, Health.UNKNOWN)]
        if self.health is Health.ATTENTION:
            return f"Somebody has to look at {_and(bad)}"
        if self.health is Health.UNKNOWN:
            return f"Not everything could be looked at: {', '.join([*bad, *self.unknown])}"
        empty = [one.name for one in self.systems if one.health is Health.EMPTY]
        if self.health is Health.GOOD:
            return "All is well" + (f"; nothing is backed up yet by {_and(empty)}" if empty else "")
        return "Nothing is backed up yet" if empty else "No system is deployed"

    def as_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "at": _iso(self.at),
            "health": self.health.value,
            "systems": [one.as_json() for one in self.systems],
            "unknown": list(self.unknown),
        }


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
