"""A small fleet in memory that is backed up and restored: what tests of restores need, and no more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from holdfast.adapters.memory_fleet import MemoryBuckets, MemoryDocuments, MemoryFleet, MemoryShelf
from holdfast.adapters.memory_fleet_restore import MemoryVersions, MemoryWorkshop
from holdfast.fleet import steps
from holdfast.fleet.model import Keep, Place, Service, digest_of
from holdfast.fleet.restore.model import Placement, Plan
from holdfast.fleet.restore.plan import Drills, Wanted
from holdfast.fleet.restore.prepare import Onto, Planner
from holdfast.fleet.restore.record import Record
from holdfast.fleet.restore.steps import Restore
from holdfast.fleet.run import Fleet, Rules

HOME, ABROAD = "us-east-1", "eu-west-1"
BEGINNING = datetime(2026, 11, 21, 2, tzinfo=UTC)
DAILY = {"holdfast:backup": "daily"}
KEY = f"arn:aws:kms:{HOME}:123456789012:key/ours"
STUCK = 4_000

RULES = Rules(
    regions=(HOME,),
    include_all=False,
    images=False,
    copies_to=None,
    keep=Keep(7, 4, 12, 3),
    minimum=timedelta(days=1),
    require_encryption=False,
    patience=timedelta(hours=2),
    poll_seconds=60,
    replica_suffix="-replica",
)


class Crash(BaseException):
    """A function dies between two calls: nothing catches it."""


@dataclass
class House:
    """`account`: what there is; `workshop`: what restores make. Time stands still until something waits."""

    rules: Rules = RULES
    time: datetime = BEGINNING
    drills: Drills | None = None
    kill_at: int | None = None
    calls: int = 0
    between: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.documents = MemoryDocuments(before=self._before)
        self.account = MemoryFleet(now=lambda: self.time, before=self._before)
        self.workshop = MemoryWorkshop(self.account)
        self.versions = MemoryVersions(self.account)
        self.fleet = Fleet(
            stack="holdfast",
            rules=self.rules,
            documents=self.documents,
            shelf_of=self.shelf,
            buckets_of=lambda region: MemoryBuckets(self.account, region, ABROAD, switch=True),
            each=lambda function, items: [function(item) for item in items],
            now=lambda: self.time,
            log=lambda *_, **__: None,
        )

    def shelf(self, service: Service, place: Place) -> MemoryShelf:
        name: Literal["ec2", "rds"] = "ec2" if service is Service.EC2 else "rds"
        images = self.rules.images and service is Service.EC2
        return MemoryShelf(self.account, name, place.region, account=place.account, images=images)

    @property
    def restore(self) -> Restore:
        return Restore(self.fleet, self.workshop.provisioner, self.versions, self.drills)

    def _before(self, call: str, /, *what: str) -> None:
        """A function dies at the call that `kill_at` counts down to; `between` calls others may come, or it dies."""
        self.between()
        self.calls += 1
        if self.kill_at is not None:
            self.kill_at -= 1
            if self.kill_at < 0:
                self.kill_at = None
                raise Crash(call, *what)

    def pass_by(self, **time: float) -> None:
        self.time += timedelta(**time)

    # Backing up

    def back_up(self, schedule: str = "daily", *resources: str) -> str:
        """A run, in no time; returns its name."""
        now = self.time.isoformat()
        asked = {"schedule": schedule, "due": now, "started": now, "resources": resources}
        found = steps.Discover(self.fleet)(asked)
        for digest in [digest for service in found["services"] for digest in service["resources"]]:
            item = {"run": found["run"], "resource": digest}
            for _ in range(STUCK):
                if (answer := steps.Backup(self.fleet)(item))["status"] != "waiting":
                    break
            assert answer["status"] == "done", answer
            steps.Verify(self.fleet)(item)
        steps.Report(self.fleet, {})({"step": "report", "run": found["run"]})
        return str(found["run"])

    # Restoring

    def plan(
        self, resource: str, wanted: Wanted | None = None, placement: Placement | None = None, onto: Onto | None = None
    ) -> Plan:
        """A plan that is stored."""
        planner = Planner(self.fleet, wanted or Wanted(), placement or Placement(), onto or Onto())
        planned = planner.resource(resource)
        return Record(self.documents, planned.restore).add(planned)

    def carry_out(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """As statemachine/fleet_restore.asl.yaml has it. Returns what the report answers."""
        prepared = self.do({"step": "prepare", **asked})
        for stage in prepared["stages"]:
            for item in stage["items"]:
                self._item({"restore": prepared["restore"], "item": item}, drill=prepared["drill"])
        return self.do({"step": "report", "restore": prepared["restore"]})

    def _item(self, which: Mapping[str, Any], *, drill: bool) -> None:
        try:
            for step in ("provision", "configure", "validate"):
                if self._until_it_ends(step, which) != "done":
                    break
        except Exception as error:
            told = {"Error": type(error).__name__, "Cause": str(error)}
            self.do({"step": "failed", **which, "error": told})
        if drill:
            self._until_it_ends("destroy", which)

    def _until_it_ends(self, step: str, which: Mapping[str, Any]) -> str:
        for _ in range(STUCK):
            answer = self.do({"step": step, **which})
            if answer["status"] != "waiting":
                return str(answer["status"])
            self.pass_by(seconds=answer["wait"])
        raise AssertionError(f"{step} of {which} does not end: {answer}")

    def known_bucket(self, name: str, replica: str, *, verified: bool = True) -> str:
        """A bucket that is replicated, as a run has written it down. Returns its ARN."""
        arn = f"arn:aws:s3:::{name}"
        now = self.time.isoformat() if verified else None
        told = {"arn": arn, "name": name, "region": HOME, "replica": replica, "verified": now, "taken": now}
        self.documents.save(f"buckets/{digest_of(arn)}.json", {**told, "behind": 0, "failed": 0, "job": ""})
        return arn

    def again[T](self, do: Callable[[], T]) -> T:
        """What dies is done again."""
        try:
            return do()
        except Crash:
            return do()

    def do(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """A step, which is asked for again when its function dies."""
        try:
            return self.restore(event)
        except Crash:
            self.pass_by(seconds=5)
            return self.do(event)
