"""Adds up, once a day and whenever somebody asks, what backups of all systems cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from holdfast import prices
from holdfast.fleet import naming
from holdfast.fleet.cost import plan
from holdfast.fleet.cost.ports import Sizes, Spend
from holdfast.fleet.model import Backup, Keep
from holdfast.fleet.ports import Documents
from holdfast.fleet.watch.run import METRICS
from holdfast.ports import Clock, Each, Log


class Bucket(NamedTuple):
    """`ages`: it has the lifecycle rule that the stack's parameters tell of."""

    system: str
    name: str
    region: str
    ages: bool = False


class Table(NamedTuple):
    system: str
    name: str


class SpendUnknown(Exception):
    """Cost Explorer does not answer: it is not switched on, or not allowed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`documents`, `backups`: the fleet's; none where it is not deployed. `replicas`: where replicas of buckets are,
    empty if nowhere. `spend`: Cost Explorer, for whom it is switched on."""

    documents: Documents | None
    backups: Callable[[], Sequence[Backup]]
    buckets: Sequence[Bucket]
    tables: Sequence[Table]
    region: str
    replicas: str
    keep: Keep
    lifecycle: plan.Lifecycle
    sizes: Sizes
    spend: Spend | None
    each: Each
    now: Clock
    log: Log

    def __call__(self, _event: Mapping[str, Any]) -> dict[str, Any]:
        """Writes down the sum of the day."""
        told = self.look(self.facts())
        if self.documents:
            self.documents.save(f"costs/{self.now():%Y-%m-%d}.json", told)
        return {"systems": told["systems"], "total": told["total"], "projection": told["projection"]}

    def facts(self) -> plan.Facts:
        backups = self.backups()
        stored = [*plan.snapshots(backups), *self._buckets(), *self._tables()]
        return plan.Facts(tuple(stored), plan.newest_sizes(backups), self.keep, self.lifecycle, self._metrics())

    def look(self, facts: plan.Facts, change: float = plan.CHANGE) -> dict[str, Any]:
        """The sum, with what AWS has billed beside it."""
        told = plan.summary(facts, change, prices.prices())
        return {"at": self.now().isoformat(), **told, "billed": self._billed()}

    def _buckets(self) -> Iterator[plan.Stored]:
        buckets = [*self.buckets, *self._replicas()]
        now = self.now()
        found = self.each(lambda one: self.sizes.bucket(one.name, one.region, now), buckets)
        for bucket, classes in zip(buckets, found, strict=True):
            for storage_class, size in sorted(classes.items()):
                tier = plan.Tier("s3", storage_class)
                yield plan.Stored(bucket.system, bucket.name, bucket.region, tier, size, bucket.ages)

    def _replicas(self) -> Iterator[Bucket]:
        if self.documents is None or not self.replicas:
            return
        for told in self.each(self.documents.load, self.documents.keys(naming.BUCKETS)):
            yield Bucket("fleet", told["replica"], self.replicas)

    def _tables(self) -> Iterator[plan.Stored]:
        for table in self.tables:
            if size := self.sizes.table(table.name):
                yield plan.Stored(table.system, table.name, self.region, plan.TABLE, size)

    def _metrics(self) -> int:
        status = self.documents.load(naming.STATUS) if self.documents else None
        return min(METRICS, len(status["resources"])) if status else 0

    def _billed(self) -> dict[str, float] | None:
        """None where nobody asks, or nobody may: the sum by prices stands without it."""
        if self.spend is None:
            return None
        try:
            return {name: round(dollars, 4) for name, dollars in self.spend.this_month(self.now()).items()}
        except SpendUnknown as error:
            self.log("Cost Explorer tells nothing", reason=str(error))
            return None
