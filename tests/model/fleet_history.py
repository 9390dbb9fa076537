"""A random history of an account and its backups: users, slow snapshots, lagging listings, crashes, months that pass.

After each run, an oracle that shares no code with the system looks at what is there.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_fleet import MemoryBuckets, MemoryDocuments, MemoryFleet, MemoryShelf
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.fleet.model import Keep, Part, Place, Service
from holdfast.fleet.run import Fleet, Rules
from tests.model.fleet_workflow import Crash, Violated, Workflow, must_stay, schedules

BEGINNING = datetime(2025, 12, 20, 2, tzinfo=UTC)
"""Shortly before a year ends, in the middle of an ISO week."""

HOME, ABROAD, COPIES = "eu-west-1", "us-east-1", "eu-central-1"
KEEPS = [Keep(7, 4, 3, 1), Keep(3, 2, 2, 2), Keep(2, 0, 1, 0), Keep(1, 1, 0, 0), Keep(0, 0, 0, 0)]


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong, at each call."""

    crashes: float = 0.0
    lag: timedelta = timedelta(0)
    slow: timedelta = timedelta(0)
    accidents: float = 0.0


def weather_of(random: Random) -> Weather:
    return Weather(
        crashes=random.choice([0, 0.02, 0.1]),
        lag=timedelta(seconds=random.choice([0, 0, 30, 100])),
        slow=timedelta(minutes=random.choice([0, 3, 8])),
        accidents=random.choice([0, 0.1, 0.4]),
    )


@dataclass
class History:
    """`good`: of all backups that were ever found good, when they were taken, by source and place and run. `theirs`:
    parts that are not ours."""

    random: Random
    weather: Weather
    images: bool = False
    copies: bool = True
    time: datetime = BEGINNING
    good: dict[tuple[str, Place], dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    theirs: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    kill_at: int | None = None

    def __post_init__(self) -> None:
        self.keep = self.random.choice(KEEPS)
        self.account = MemoryFleet(
            now=lambda: self.time,
            before=self._before,
            lag=self.weather.lag,
            taking=self.weather.slow,
            copying=self.weather.slow * 2,
            copies_at_once=self.random.choice([1, 3, 20]),
        )
        self.breaker = Breaker(MemoryBreakerStore(), Budget(100, 0), lambda: self.time)
        self.documents = MemoryDocuments(before=self._before)
        place = Place(COPIES, self.random.choice(["", "999999999999"])) if self.copies else None
        rules = Rules(
            regions=(HOME, ABROAD),
            include_all=self.random.random() < 0.3,
            images=self.images,
            copies_to=place,
            keep=self.keep,
            minimum=timedelta(days=self.random.choice([0, 1, 3])),
            require_encryption=False,
            patience=timedelta(minutes=20),
            poll_seconds=60,
            replica_suffix="-replica",
        )
        self.fleet = Fleet(
            stack="holdfast",
            rules=rules,
            documents=self.documents,
            shelf_of=self._shelf,
            buckets_of=lambda region: MemoryBuckets(self.account, region, COPIES, switch=True),
            each=lambda function, items: [function(item) for item in items],
            now=lambda: self.time,
            log=lambda *_, **__: None,
        )
        self.workflow = Workflow(self.fleet, self.breaker, self.random, self.pass_by)
        for _ in range(self.random.randrange(1, 5)):
            self._new_resource()

    def _shelf(self, service: Service, place: Place) -> MemoryShelf:
        images = self.images and service is Service.EC2
        name: Literal["ec2", "rds"] = "ec2" if service is Service.EC2 else "rds"
        return MemoryShelf(self.account, name, place.region, account=place.account, images=images)

    def _before(self, call: str, /, *_: str) -> None:
        self.calls[call] += 1
        if self.kill_at is not None:
            self.kill_at -= 1
            if self.kill_at < 0:
                self.kill_at = None
                raise Crash(call)
        if self.random.random() < self.weather.crashes:
            raise Crash(call)

    @property
    def was_killed(self) -> bool:
        return self.kill_at is None

    # The users

    def _new_resource(self) -> None:
        tags = self.random.choice([{}, *[{"holdfast:backup": often} for often in ("daily", "daily", "weekly", "none")]])
        region = self.random.choice([HOME, HOME, ABROAD])
        # Another account may not use the keys that AWS manages.
        key = self.random.choice(["", f"arn:aws:kms:{region}:123456789012:key/ours"])
        name = f"name-{self.account.made}"
        match self.random.randrange(6):
            case 0 | 1 | 2:
                sizes = [self.random.randrange(1, 50) for _ in range(self.random.choice([0, 1, 1, 2, 5]))]
                self.account.instance(region, tags, sizes=sizes, kms_key=key)
            case 3:
                self.account.database(region, name, tags, kms_key=key)
            case 4:
                self.account.database(region, name, tags, cluster=True, kms_key=key)
            case _:
                self.account.bucket(region, name, tags)
                self.account.put(name, "one", "two")

    def _act(self) -> None:
        """One thing that users do, or that happens to them."""
        databases = list(self.account.databases.values())
        resources = [one.arn for one in self.account.machines.values() if one.is_there]
        resources += [one.arn for one in databases]
        ours = [part for part in self.account.all_parts() if part.tags]
        match self.random.randrange(7):
            case 0 | 1:
                self._new_resource()
            case 2 if resources:
                self.account.remove(self.random.choice(resources))
            case 3 if databases:
                one = self.random.choice(databases)
                one.state = "available" if one.state != "available" else "modifying"
            case 4 if ours:
                self.account.change(self.random.choice(ours).id, tags={"holdfast:legal-hold": "case 12"})
            case 5 if snapshots := [part for part in ours if part.type == "snapshot"]:
                self.theirs.add(self.account.image_of(self.random.choice(snapshots).id))
            case 6 if ours:
                self._lose(self.random.choice(ours))
            case _:
                pass

    def _lose(self, part: Part) -> None:
        """Somebody deletes a part by hand: the backup is none any more, and the oracle does not ask for it."""
        if self._pinned(part):
            return
        self.account.lose(part.id)
        for (source, _), runs in self.good.items():  # copies of a DB snapshot have its ID
            if source == part.tags["holdfast:source"]:
                runs.pop(part.tags["holdfast:run"], None)

    def _pinned(self, part: Part) -> bool:
        return any(part.id in kept.stands_on for kept in self.account.kept.values())

    # Runs

    def run(self, schedule: str, *, twice: bool = False) -> dict[str, Any]:
        """A run; all of it a second time, if `twice`."""
        for _ in range(1 + twice):
            found = self.workflow.discover(schedule)
            self.workflow.back_up(found)
            if found["cleanup"]:
                stay = must_stay(self.good, self.keep) | self._held()
                self.workflow.clean(found)
                self._look_after_cleaning(stay)
        return self.workflow.report(found)

    def pass_by(self, time: timedelta) -> None:
        self.time += time

    # The oracle

    def _parts(self) -> dict[tuple[str, str, Place], list[Part]]:
        groups: dict[tuple[str, str, Place], list[Part]] = defaultdict(list)
        for kept in self.account.kept.values():
            if "holdfast:run" in kept.part.tags:
                account = "" if kept.account == self.account.account else kept.account
                place = Place(kept.part.region, account)
                groups[kept.part.tags["holdfast:source"], kept.part.tags["holdfast:run"], place].append(
                    kept.seen(self.time)
                )
        return groups

    def look(self) -> None:
        """After each run: nothing was made twice, and what is called good is whole."""
        for (source, run, place), parts in self._parts().items():
            pieces = Counter((part.type, part.of or part.id) for part in parts)
            if twice := [piece for piece, count in pieces.items() if count > 1]:
                raise Violated(f"{run} of {source} is in {place} with {twice} twice")
            if all("holdfast:verified" in part.tags for part in parts):
                self._look_at_good(source, run, place, parts)
        images = {part.id for part in self.account.all_parts()}
        if gone := self.theirs - images:
            raise Violated(f"images of users are gone: {gone}")

    def _look_at_good(self, source: str, run: str, place: Place, parts: list[Part]) -> None:
        if any(part.status != "complete" for part in parts):
            raise Violated(f"{run} of {source} in {place} is called good, and is not complete")
        if len(parts) < int(parts[0].tags["holdfast:parts"]):
            return  # somebody has deleted a part of it since
        self.good[source, place][run] = datetime.fromisoformat(parts[0].tags["holdfast:taken"])

    def look_at_report(self, report: Mapping[str, Any], chosen: int) -> None:
        """All that was to be backed up was, or is told of."""
        if report["backed_up"] + len(report["failed"]) != chosen:
            raise Violated(f"{chosen} were to be backed up, and the report tells {report['summary']}")

    def _held(self) -> set[tuple[str, str, Place]]:
        """What a court may want to see stays, whatever the rule says."""
        return {
            whose for whose, parts in self._parts().items() if any("holdfast:legal-hold" in part.tags for part in parts)
        }

    def _look_after_cleaning(self, stay: set[tuple[str, str, Place]]) -> None:
        present = self._parts()
        if lost := stay - set(present):
            raise Violated(f"cleaning removed what the rule keeps: {sorted(lost)}")
        for (source, run, place), parts in present.items():
            if (source, run, place) in stay or (source, place) not in self.good:
                continue
            is_good = run in self.good[source, place]
            young = self.time - datetime.fromisoformat(parts[0].tags["holdfast:taken"])
            blocked = any("holdfast:legal-hold" in part.tags or self._pinned_by_users(part) for part in parts) or any(
                part.status == "pending" for part in self._copies_of(parts, present)
            )
            if is_good and young >= max(self.fleet.rules.minimum, timedelta(days=8)) and not blocked:
                raise Violated(f"{run} of {source} in {place} should be gone: it is {young} old")
        for key in list(self.good):
            self.good[key] = {run: taken for run, taken in self.good[key].items() if (key[0], run, key[1]) in present}

    def _pinned_by_users(self, part: Part) -> bool:
        users = [kept for kept in self.account.kept.values() if part.id in kept.stands_on]
        return any(user.part.id in self.theirs for user in users)

    @staticmethod
    def _copies_of(parts: list[Part], present: Mapping[Any, list[Part]]) -> Iterator[Part]:
        ids = {part.id for part in parts}
        for others in present.values():
            yield from (part for part in others if part.tags.get("holdfast:origin") in ids)


def play(seed: int, weather: Weather | None = None, days: int = 50, **more: Any) -> History:
    """A history of some months: daily runs, weekly ones on Sundays, a cleaning every week, so that more is seen."""
    random = Random(seed)
    history = History(random, weather or weather_of(random), images=seed % 3 == 0, copies=seed % 4 != 0, **more)
    for day in range(days):
        history.time = BEGINNING + timedelta(days=day)
        while random.random() < history.weather.accidents:
            history._act()
        for schedule in schedules(history.time, random):
            _run(history, schedule, random)
            history.time += timedelta(minutes=1)
    return history


def _run(history: History, schedule: str, random: Random) -> None:
    report = history.run(schedule, twice=random.random() < 0.1)
    told = json.loads(history.documents.stored[f"runs/{report['run']}/discovered.json"])
    history.look()
    history.look_at_report(report, len(told["resources"]))
