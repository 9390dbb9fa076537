"""Looks at everything once an hour, and writes down how it stands: for the status, the metrics, the alarms."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from holdfast.fleet import naming
from holdfast.fleet import plan as backups
from holdfast.fleet.model import Backup, Kind, Part, Place, Resource, Schedule, Service, Slot
from holdfast.fleet.run import Fleet
from holdfast.fleet.watch import plan

METRICS = 100
"""So many resources have a metric of their own, those nearest to their targets or over: each costs $0.30 a month."""

SHOWN = 100
"""So many resources without backups are named; all are counted."""

LOOK_BACK = timedelta(days=40)
"""Runs are sought so far back, where none is known yet."""


@dataclass(frozen=True, slots=True)
class Newest:
    """Of a schedule: the last run that has its report, and the last that has discovered something."""

    last: plan.Last
    discovered: str | None = None

    def as_json(self) -> dict[str, Any]:
        finished = self.last.finished.isoformat() if self.last.finished else None
        return {
            "run": self.last.run,
            "finished": finished,
            "failed": self.last.failed,
            "discovered": self.discovered,
        }


@dataclass(frozen=True, slots=True)
class Before:
    """What the watch knew an hour ago. `since`: when it first looked."""

    since: datetime
    first_seen: Mapping[str, datetime] = field(default_factory=dict)
    newest: Mapping[Schedule, Newest] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any] | None, now: datetime) -> Self:
        if told is None:
            return cls(now)
        return cls(
            since=datetime.fromisoformat(told["since"]),
            first_seen={one["arn"]: datetime.fromisoformat(one["first_seen"]) for one in told["resources"]},
            newest={Schedule(name): _newest(Schedule(name), one) for name, one in told["runs"].items()},
        )


def _newest(schedule: Schedule, told: Mapping[str, Any]) -> Newest:
    finished = datetime.fromisoformat(told["finished"]) if told["finished"] else None
    return Newest(plan.Last(schedule, told["run"], finished, told["failed"]), told["discovered"])


def _discovery(told: Mapping[str, Any]) -> plan.Discovery:
    resources = tuple(map(Resource.of, told["resources"]))
    return plan.Discovery(Schedule(told["schedule"]), datetime.fromisoformat(told["due"]), resources)


@dataclass(frozen=True, slots=True)
class Watch:
    """`listeners`: counts the ways by which alerts get to people."""

    fleet: Fleet
    rules: plan.Rules
    listeners: Callable[[], int]

    def __call__(self, _event: Mapping[str, Any]) -> dict[str, Any]:
        now = self.fleet.now()
        last = self.fleet.documents.load(naming.STATUS)
        before = Before.of(last, now)
        newest = [self._look(schedule, before, now) for schedule in self.rules.schedules]
        told = [self.fleet.documents.load(naming.discovered(one.discovered)) for one in newest if one.discovered]
        resources = plan.guarded(map(_discovery, told), before.first_seen)
        found, unseen = self._backups()
        good = self._good(resources, found)
        if last and unseen:
            good = plan.newer(good, plan.known(last["resources"], unseen))
        ages = plan.ages(resources, good, self.rules, now)
        listeners, unheard_of = self._listeners()
        unseen += unheard_of
        missed = plan.missed([one.last for one in newest], before.since, self.rules, now)
        unprotected = max(told, key=lambda one: one["due"])["unprotected"] if told else []
        status = {
            "at": now.isoformat(),
            "since": before.since.isoformat(),
            "resources": [age.as_json() for age in ages],
            "runs": {one.last.schedule.value: one.as_json() for one in newest},
            "missed": [schedule.value for schedule in missed],
            "unprotected": len(unprotected),
            "unprotected_resources": unprotected[:SHOWN],
            "unseen": [one.as_json() for one in unseen],
            "unheard": plan.unheard(listeners),
        }
        self.fleet.documents.save(naming.STATUS, status)
        return {
            "resources": len(ages),
            "over_target": sum(age.is_over for age in ages),
            "max_age_seconds": round(max((age.seconds for age in ages), default=0)),
            "missed": status["missed"],
            "unprotected": len(unprotected),
            "unseen": len(unseen),
            "unheard": status["unheard"] is not None,
            "ages": [{"name": age.name, "seconds": round(age.seconds)} for age in ages[:METRICS]],
        }

    def _backups(self) -> tuple[list[Backup], list[plan.Unseen]]:
        """Whatever can be seen, and where nothing can: a region that does not answer hides no other."""
        places = self.fleet.places()
        parts: list[Part] = []
        unseen = []
        for (service, place), answer in zip(places, self.fleet.each(self._parts, places), strict=True):
            if isinstance(answer, str):
                unseen.append(plan.Unseen(service.value, str(place), answer))
            else:
                parts += answer
        return backups.gather(parts), unseen

    def _parts(self, where: tuple[Service, Place]) -> list[Part] | str:
        try:
            return list(self.fleet.shelf_of(*where).parts())
        except Exception as error:  # whatever keeps it from us is told
            return self._failed(where[0].value, str(where[1]), error)

    def _listeners(self) -> tuple[int | None, list[plan.Unseen]]:
        try:
            return self.listeners(), []
        except Exception as error:  # whom alerts reach is worth less than how old backups are
            return None, [plan.Unseen("sns", "FleetAlertTopic", self._failed("sns", "FleetAlertTopic", error))]

    def _failed(self, service: str, place: str, error: Exception) -> str:
        self.fleet.log("could not be looked at", service=service, place=place, reason=str(error))
        return f"{type(error).__name__}: {error}"

    def _good(self, resources: Sequence[plan.Guarded], there: Sequence[Backup]) -> dict[str, plan.Good]:
        by_arn = {one.resource.arn: one.resource for one in resources}
        buckets = [one for one in by_arn.values() if one.kind is Kind.BUCKET]
        told = self.fleet.each(lambda one: self.fleet.documents.load(naming.bucket(one.digest)), buckets)
        replicas = {one.arn: plan.replica(found) for one, found in zip(buckets, told, strict=True)}
        known = {arn: replica for arn, replica in replicas.items() if replica}
        return plan.newest_good(there, by_arn) | known

    def _look(self, schedule: Schedule, before: Before, now: datetime) -> Newest:
        """From today back to the run that was the newest an hour ago: never through all runs that there were.

        What was discovered too long ago is told no more: S3 may have moved it to where it cannot be read at once. That
        no run has come since then is an alarm of its own.
        """
        known = before.newest.get(schedule, Newest(plan.Last(schedule)))
        oldest = Slot.parse(known.last.run).due if known.last.run else now - LOOK_BACK
        runs = list(self._runs(schedule, max(oldest, now - LOOK_BACK), now))
        discovered = next((run for run, keys in runs if naming.discovered(run) in keys), known.discovered)
        if discovered and Slot.parse(discovered).due < now - LOOK_BACK:
            discovered = None
        finished = next((run for run, keys in runs if naming.report(run) in keys), None)
        if finished is None or finished == known.last.run:
            return Newest(known.last, discovered)
        report = self.fleet.documents.load(naming.report(finished))
        ended = datetime.fromisoformat(report["finished"])
        return Newest(plan.Last(schedule, finished, ended, len(report["failed"])), discovered)

    def _runs(self, schedule: Schedule, oldest: datetime, now: datetime) -> Iterator[tuple[str, set[str]]]:
        """The runs of a schedule with the keys of their documents, the newest first."""
        for days in range((now.date() - oldest.date()).days + 1):
            day = now - timedelta(days=days)
            keys = list(self.fleet.documents.keys(f"{naming.RUNS}{schedule}-{day:%Y-%m-%d}"))
            for run in sorted({key.split("/")[1] for key in keys}, reverse=True):
                yield run, {key for key in keys if key.startswith(f"{naming.RUNS}{run}/")}
