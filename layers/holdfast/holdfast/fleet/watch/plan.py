"""Which resources are to have backups, how old theirs are, and which runs did not come. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from holdfast.fleet.model import Backup, Kind, Resource, Schedule, Tag
from holdfast.fleet.plan import how_often

INTERVALS = {Schedule.WEEKLY: timedelta(days=7), Schedule.CLEANUP: timedelta(days=31)}
"""Between two runs that were due, at most. That of the daily ones is a setting: the RPO."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`rpo`: how old the newest good backup of a daily resource may be as the next run begins. `grace`: how long a run
    may take. `schedules`: those that are due at all."""

    rpo: timedelta
    grace: timedelta
    schedules: tuple[Schedule, ...] = (Schedule.DAILY, Schedule.WEEKLY, Schedule.CLEANUP)

    def target(self, schedule: Schedule) -> timedelta:
        """Every day the age passes 24 hours: until the new backup is verified, the newest good one is yesterday's. So a
        target without the grace would be missed each night."""
        return INTERVALS.get(schedule, self.rpo) + self.grace


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a run of a schedule was to back up."""

    schedule: Schedule
    due: datetime
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A resource, how often it is backed up, and when a run first found it."""

    resource: Resource
    schedule: Schedule
    first_seen: datetime


def guarded(discoveries: Iterable[Discovery], seen: Mapping[str, datetime]) -> list[Guarded]:
    """What is to have backups, by the newest discovery that could tell of it: a daily resource that was in last week's
    weekly run, and is not in today's daily one, is gone. `seen`: since when resources are known, by ARN."""
    newest = sorted(discoveries, key=lambda one: one.due)
    last_daily = max((one.due for one in newest if one.schedule is Schedule.DAILY), default=None)
    found: dict[str, Guarded] = {}
    for discovery in newest:
        for resource in discovery.resources:
            often = how_often(resource, include_all=True)
            if not isinstance(often, Schedule):
                continue
            if often is Schedule.DAILY and last_daily is not None and discovery.due < last_daily:
                continue
            first_seen = seen.get(resource.arn, discovery.due)
            before = found.get(resource.arn)
            found[resource.arn] = Guarded(resource, often, min(first_seen, before.first_seen if before else first_seen))
    return sorted(found.values(), key=lambda one: one.resource.arn)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Where something could not be looked at, and why."""

    service: str
    place: str
    why: str

    def as_json(self) -> dict[str, str]:
        return {"service": self.service, "place": self.place, "why": self.why}


@dataclass(frozen=True, slots=True)
class Good:
    """A backup that was found good: the moment that it is of, and when it was verified."""

    id: str
    taken: datetime
    verified: datetime


def newest_good(backups: Iterable[Backup], resources: Mapping[str, Resource]) -> dict[str, Good]:
    """Of each resource, wherever it lies. What is of a namesake protects nobody. `backups`: the oldest first."""
    found: dict[str, Good] = {}
    for backup in backups:
        resource, verified = resources.get(backup.source), backup.verified
        if resource is None or verified is None:
            continue
        if backup.tags.get(Tag.IDENTITY, resource.identity) != resource.identity:
            continue
        found[backup.source] = Good(backup.id, backup.taken, verified)
    return found


def known(told: Iterable[Mapping[str, Any]], unseen: Iterable[Unseen]) -> dict[str, Good]:
    """What an hour ago was the newest good backup of each resource (`told`), as far as it is of a service that cannot
    be seen everywhere now: that a region does not answer does not make a backup go away."""
    services = {one.service for one in unseen}
    return {
        one["arn"]: Good(one["backup"], *(datetime.fromisoformat(one[name]) for name in ("taken", "verified")))
        for one in told
        if one["backup"] and Kind(one["kind"]).service.value in services
    }


def newer(one: Mapping[str, Good], other: Mapping[str, Good]) -> dict[str, Good]:
    """Of each resource, the newer one of the two."""
    both = {**other, **one}
    return {arn: max(good, other.get(arn, good), key=lambda found: found.taken) for arn, good in both.items()}


def unheard(listeners: int | None) -> str | None:
    """What is wrong if nobody gets alerts. `listeners`: how many ways to people there are; None if it is not known."""
    if listeners is None or listeners > 0:
        return None
    return (
        "nobody gets the alerts: no subscription of FleetAlertTopic is confirmed, and there is no webhook; follow the"
        " link in the mail that AWS has sent, or deploy with AlertEmail, FleetAlertPhone, FleetSlackSecretArn or"
        " FleetPagerDutySecretArn"
    )


def replica(told: Mapping[str, Any] | None) -> Good | None:
    """What was written down of a bucket; None unless its replica was found good."""
    if told is None or not told["verified"] or not told["taken"]:
        return None
    taken, verified = (datetime.fromisoformat(told[name]) for name in ("taken", "verified"))
    return Good(str(told["replica"]), taken, verified)


@dataclass(frozen=True, slots=True)
class Age:
    """How a resource stands. Without any good backup it counts from when it was first seen."""

    guarded: Guarded
    good: Good | None
    seconds: float
    target: timedelta

    @property
    def is_over(self) -> bool:
        return self.seconds > self.target.total_seconds()

    @property
    def name(self) -> str:
        """The value of the metric's dimension."""
        return f"{self.guarded.resource.region}/{self.guarded.resource.name}"

    def as_json(self) -> dict[str, Any]:
        resource, good = self.guarded.resource, self.good
        return {
            **{name: resource.as_json()[name] for name in ("arn", "kind", "name", "region", "size")},
            "schedule": self.guarded.schedule.value,
            "first_seen": self.guarded.first_seen.isoformat(),
            "backup": good.id if good else None,
            "taken": good.taken.isoformat() if good else None,
            "verified": good.verified.isoformat() if good else None,
            "age_seconds": round(self.seconds),
            "target_seconds": round(self.target.total_seconds()),
            "over": self.is_over,
        }


def ages(resources: Iterable[Guarded], good: Mapping[str, Good], rules: Rules, now: datetime) -> list[Age]:
    """The greatest first, each by its own target."""
    found = []
    for one in resources:
        newest = good.get(one.resource.arn)
        since = newest.taken if newest else one.first_seen
        found.append(Age(one, newest, max(0.0, (now - since).total_seconds()), rules.target(one.schedule)))
    return sorted(found, key=lambda age: (-age.seconds / age.target.total_seconds(), age.name))


@dataclass(frozen=True, slots=True)
class Last:
    """The newest run of a schedule that has its report. Both None if there was none."""

    schedule: Schedule
    run: str | None = None
    finished: datetime | None = None
    failed: int = 0


def missed(runs: Sequence[Last], since: datetime, rules: Rules, now: datetime) -> list[Schedule]:
    """Schedules of which no run has finished within their interval and the grace. `since`: when the watch began: before
    that none was due."""
    return [
        last.schedule
        for last in runs
        if last.schedule in rules.schedules and now - (last.finished or since) > rules.target(last.schedule)
    ]
