"""Resources, parts and backups, and an account in which the steps of a run are taken one by one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from holdfast.adapters.memory import MemoryBreakerStore
from holdfast.adapters.memory_fleet import MemoryBuckets, MemoryDocuments, MemoryFleet, MemoryShelf
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import Breaker
from holdfast.fleet import plan, steps
from holdfast.fleet.model import (
    Backup,
    Keep,
    Kind,
    Part,
    PartType,
    Place,
    Resource,
    Schedule,
    Service,
    Slot,
    Status,
    Tag,
)
from holdfast.fleet.run import Fleet, Rules
from holdfast.fleet.sets import Positions

HOME, ABROAD, OTHER = Place("eu-west-1"), Place("eu-central-1"), Place("eu-west-1", "999999999999")
DUE = datetime(2026, 11, 21, 2, tzinfo=UTC)
SLOT = Slot(DUE, Schedule.DAILY)
DAILY = {"holdfast:backup": "daily"}
OWN_KEY = "arn:aws:kms:eu-west-1:123456789012:key/ours"
GIB = 1024**3


def instance(*volumes: str, tags: Mapping[str, str] | None = None, **more: Any) -> Resource:
    arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"
    told: dict[str, Any] = {"region": "eu-west-1", "name": "i-1", "status": "running", "identity": "i-1", **more}
    return Resource(arn, Kind.INSTANCE, tags=tags or {}, volumes=volumes or ("vol-1",), **told)


def slot(moment: datetime, schedule: Schedule = Schedule.DAILY) -> Slot:
    return Slot(moment, schedule)


def tags_of(of: Resource, run: Slot = SLOT, taken: datetime | None = None, parts: int = 1) -> dict[str, str]:
    return {
        Tag.STACK.value: "holdfast",
        Tag.SOURCE.value: of.arn,
        Tag.KIND.value: of.kind.value,
        Tag.IDENTITY.value: of.identity,
        Tag.RUN.value: str(run),
        Tag.TAKEN.value: (taken or run.due).isoformat(),
        Tag.PARTS.value: str(parts),
    }


def part(
    id_: str = "snap-1",
    *,
    run: Slot = SLOT,
    taken: datetime | None = None,
    parts: int = 1,
    verified: bool = False,
    tags: Mapping[str, str] | None = None,
    resource: Resource | None = None,
    without: Iterable[str] = (),
    **more: Any,
) -> Part:
    """A snapshot of a volume of an instance, complete and encrypted."""
    own = tags_of(resource or instance(), run, taken, parts)
    if verified:
        own[Tag.VERIFIED.value] = ((taken or run.due) + timedelta(minutes=5)).isoformat()
    own = {name: value for name, value in {**own, **(tags or {})}.items() if name not in set(without)}
    told: dict[str, Any] = {
        "type": PartType.SNAPSHOT,
        "arn": f"arn:aws:ec2:eu-west-1::snapshot/{id_}",
        "region": "eu-west-1",
        "status": Status.COMPLETE,
        "of": "vol-1",
        "size": 8 * GIB,
        "encrypted": True,
    }
    return Part(id=id_, tags=own, **{**told, **more})


def copied(of: Part, place: Place = ABROAD, **more: Any) -> Part:
    tags = {**of.tags, Tag.ORIGIN.value: of.id, Tag.VOLUME.value: of.of}
    told: dict[str, Any] = {"id": f"{of.id}-copy", "region": place.region, "account": place.account, "tags": tags}
    return replace(of, **{**told, **more})


def backup(*parts: Part) -> Backup:
    """The only backup that parts make up."""
    (one,) = plan.gather(parts)
    return one


def good(moment: datetime, **more: Any) -> Backup:
    """A backup that was found good."""
    return backup(part(f"snap-{moment:%Y%m%d%H}", run=slot(moment), verified=True, **more))


def bad(moment: datetime, **more: Any) -> Backup:
    return backup(part(f"snap-{moment:%Y%m%d%H}", run=slot(moment), **more))


@dataclass
class Estate:
    """An account with a stack. `copies`: where copies go. `positions`: what other systems have of a moment."""

    copies: Place | None = None
    keep: Keep = field(default_factory=lambda: Keep(7, 4, 12, 3))
    minimum: timedelta = timedelta(days=1)
    images: bool = False
    include_all: bool = False
    require_encryption: bool = True
    regions: tuple[str, ...] = ("eu-west-1", "eu-central-1")
    budget: Budget = field(default_factory=lambda: Budget(100, 10))
    positions: Mapping[str, Positions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.time = DUE
        self.hook: Callable[..., None] = lambda *_: None
        self.logged: list[tuple[str, dict[str, object]]] = []
        self.account = MemoryFleet(now=lambda: self.time, before=self._before)
        self.documents = MemoryDocuments(before=self._before)
        self.breaker = Breaker(MemoryBreakerStore(), self.budget, lambda: self.time)

    def _before(self, call: str, /, *what: str) -> None:
        self.hook(call, *what)

    @property
    def fleet(self) -> Fleet:
        """As the parameters are now: they may change between two steps."""
        return Fleet(
            stack="holdfast",
            rules=Rules(
                regions=self.regions,
                include_all=self.include_all,
                images=self.images,
                copies_to=self.copies,
                keep=self.keep,
                minimum=self.minimum,
                require_encryption=self.require_encryption,
                patience=timedelta(hours=1),
                poll_seconds=60,
                replica_suffix="-replica",
            ),
            documents=self.documents,
            shelf_of=self.shelf,
            buckets_of=self.buckets,
            each=lambda function, items: [function(item) for item in items],
            now=lambda: self.time,
            log=lambda message, **fields: self.logged.append((message, fields)),
        )

    def shelf(self, service: Service, place: Place) -> MemoryShelf:
        name: Literal["ec2", "rds"] = "ec2" if service is Service.EC2 else "rds"
        images = self.images and service is Service.EC2
        return MemoryShelf(self.account, name, place.region, account=place.account, images=images)

    def buckets(self, region: str) -> MemoryBuckets:
        return MemoryBuckets(self.account, region, self.copies.region if self.copies else "", switch=True)

    def later(self, **span: float) -> None:
        self.time += timedelta(**span)

    # The steps

    def discover(self, schedule: str = "daily", *resources: str, **event: Any) -> dict[str, Any]:
        moment = self.time.isoformat()
        asked = {"schedule": schedule, "due": moment, "started": moment, "resources": list(resources), **event}
        return steps.Discover(self.fleet)(asked)

    def step(self, run: str, digest: str) -> dict[str, Any]:
        return steps.Backup(self.fleet)({"run": run, "resource": digest})

    def verify(self, run: str, digest: str) -> dict[str, Any]:
        return steps.Verify(self.fleet)({"run": run, "resource": digest})

    def finish(self, run: str, digest: str) -> str:
        """Steps until the backup is done and verified, or failed; a minute passes after each."""
        for _ in range(1000):
            answer = self.step(run, digest)
            if answer["status"] == "done":
                return str(self.verify(run, digest)["status"])
            if answer["status"] == "failed":
                return "failed"
            self.later(seconds=answer["wait"])
        raise AssertionError(f"it still waits: {answer['why']}")

    def report(self, run: str) -> dict[str, Any]:
        return steps.Report(self.fleet, self.positions)({"step": "report", "run": run})

    def run(self, schedule: str = "daily", *resources: str) -> dict[str, Any]:
        """A whole run, and its report."""
        found = self.discover(schedule, *resources)
        for digest in digests(found):
            self.finish(found["run"], digest)
        return self.report(found["run"])

    def expire(self, run: str = "", time_left: Callable[[], bool] = lambda: True) -> dict[str, Any]:
        run = run or self.discover("cleanup")["run"]
        return steps.Expire(self.fleet, self.breaker)({"run": run}, time_left=time_left)

    # What there is

    def document(self, key: str) -> Any:
        """Any of JSON."""
        return MemoryDocuments(self.documents.stored).load(key)

    def result(self, run: str, digest: str) -> dict[str, Any]:
        told: dict[str, Any] = self.document(f"runs/{run}/results/{digest}.json")
        return told

    def ids(self, place: Place = HOME) -> list[str]:
        return [one.id for one in self.account.all_parts(place.region, place.account or self.account.account)]

    def verified(self, place: Place = HOME) -> list[bool]:
        parts = self.account.all_parts(place.region, place.account or self.account.account)
        return [Tag.VERIFIED in one.tags for one in parts]


def digests(found: Mapping[str, Any]) -> list[str]:
    return [digest for service in found["services"] for digest in service["resources"]]
