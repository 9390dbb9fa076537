"""The fleet's workflow as statemachine/fleet_backup.asl.yaml has it, its steps tried again whenever they die."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from botocore.exceptions import ClientError

from holdfast.breaker.run import Breaker
from holdfast.fleet import steps
from holdfast.fleet.model import Keep, Place
from holdfast.fleet.run import Fleet

STUCK = 150
"""Steps of a backup after which it does not move any more."""


class Crash(BaseException):
    """A function dies between two calls: nothing catches it."""


class Violated(AssertionError):
    """The account is not as it must be."""


@dataclass
class Workflow:
    """`pass_by`: lets time pass; `poll`: so much between two looks."""

    fleet: Fleet
    breaker: Breaker
    random: Random
    pass_by: Callable[[timedelta], None]
    poll: timedelta = timedelta(minutes=1)

    def discover(self, schedule: str) -> dict[str, Any]:
        now = self.fleet.now().isoformat()
        asked = {"schedule": schedule, "due": now, "started": now}
        found: dict[str, Any] = self.retried(lambda: steps.Discover(self.fleet)(asked))
        return found

    def back_up(self, found: Mapping[str, Any]) -> None:
        """Side by side: each is asked in turn, and time passes between."""
        waiting = [
            {"run": found["run"], "resource": digest}
            for service in found["services"]
            for digest in service["resources"]
        ]
        for _ in range(STUCK):
            if not waiting:
                return
            answers = [(item, self.retried(lambda item=item: steps.Backup(self.fleet)(item))) for item in waiting]
            for item, answer in answers:
                if answer["status"] == "done":
                    self.retried(lambda item=item: steps.Verify(self.fleet)(item))
            waiting = [item for item, answer in answers if answer["status"] == "waiting"]
            self.pass_by(self.poll)
        raise Violated(f"{waiting} have waited for {STUCK} minutes")

    def clean(self, found: Mapping[str, Any]) -> None:
        expire = steps.Expire(self.fleet, self.breaker)
        for _ in range(STUCK):
            left = iter(range(self.random.choice([0, 1, 5, 1000])))
            answer = self.retried(
                lambda left=left: expire({"run": found["run"]}, time_left=lambda: next(left, None) is not None)
            )
            if answer["done"]:
                return
        raise Violated(f"the cleaning of {found['run']} does not end")

    def report(self, found: Mapping[str, Any]) -> dict[str, Any]:
        reporting = steps.Report(self.fleet, {})
        told: dict[str, Any] = self.retried(lambda: reporting({"step": "report", "run": found["run"]}))
        return told

    def retried(self, step: Any) -> Any:
        """As Step Functions does, and often enough."""
        for _ in range(1000):
            try:
                return step()
            except (Crash, ClientError):
                self.pass_by(timedelta(seconds=self.random.choice([1, 5, 70])))
        raise Violated("a step never comes through")


def schedules(time: datetime, random: Random) -> Iterable[str]:
    """What is due on a day. Cleaning comes every week, so that more is seen of it."""
    if time.weekday() == 6:
        yield "weekly"
    if random.random() < 0.7:  # a schedule is switched off for a day now and then
        yield "daily"
    if time.weekday() == 0:
        yield "cleanup"


def must_stay(good: Mapping[tuple[str, Place], Mapping[str, datetime]], keep: Keep) -> set[tuple[str, str, Place]]:
    """Of all good backups that ever were, the first of each of the newest periods, and the newest: the rule, told
    another way. `good`: when each was taken, by source and place and run."""
    return {(source, run, place) for (source, place), runs in good.items() for run in set(_stays(runs, keep))}


def _stays(runs: Mapping[str, datetime], keep: Keep) -> Iterator[str]:
    ordered = sorted(runs, key=lambda run: runs[run])
    yield from ordered[-1:]
    counts = (("%Y-%m-%d", keep.daily), ("%G-%V", keep.weekly), ("%Y-%m", keep.monthly), ("%Y", keep.yearly))
    for form, count in counts:
        first: dict[str, str] = {}
        for run in ordered:
            first.setdefault(runs[run].strftime(form), run)
        yield from (first[name] for name in sorted(first)[::-1][:count])
