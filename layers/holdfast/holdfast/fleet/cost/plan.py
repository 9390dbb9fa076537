"""Bytes times prices: what is stored, what it costs a month, and what another retention would make of it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from holdfast.fleet.model import Backup, Keep, Part, PartType, Retention, Tag

GB = 1024**3
"""AWS bills by 2^30 bytes and calls them a gigabyte."""

MONTH = 365 / 12
"""Days."""

CHANGE = 0.05
"""What share of a volume or database is taken to change in a day: no API tells what a snapshot shares with the one
before it."""

ASSUMED = (
    (
        "EBS and RDS keep of a snapshot what changed since the one before it, and tell nobody how much that is: the"
        " first is counted in full, each later one with {change:g} % for each day since the one before, and never with"
        " more than all."
    ),
    "Of RDS, AWS bills backups beyond the storage of the databases themselves: that allowance is not taken off.",
    "Bytes of buckets are CloudWatch's of the last days, those of tables DynamoDB's of the last six hours.",
    "Requests, transfers between regions and the functions come on top.",
)
"""What a sum rests on. It is told with it."""

type Prices = Mapping[str, Any]
"""`prices.toml`."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A kind of storage with its price: `service` and `name` as `prices.toml` has them."""

    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service} {self.name}"

    def rate(self, prices: Prices) -> float:
        """Dollars for a GB-month. The dearest, of a class that is not known: an estimate is no reason to fail."""
        rates = prices[self.service]["gb_month"]
        return float(rates.get(self.name, max(rates.values())))


EBS = Tier("ebs", "snapshot")
RDS = Tier("rds", "snapshot")
AURORA = Tier("rds", "aurora_snapshot")
TABLE = Tier("dynamodb", "standard")
STANDARD = Tier("s3", "STANDARD")

_TIERS = {PartType.SNAPSHOT: EBS, PartType.DB_SNAPSHOT: RDS, PartType.CLUSTER_SNAPSHOT: AURORA}
"""An image has no bytes of its own: its snapshots are parts too."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of a system in one tier. `name`: the bucket, the table, what the snapshots are of. `region`: with another
    account behind it, if they lie in one. `ages`: a lifecycle rule moves them as they grow older."""

    system: str
    name: str
    region: str
    tier: Tier
    size: float
    ages: bool = False

    def dollars(self, prices: Prices) -> float:
        return self.size / GB * self.tier.rate(prices)


# What snapshots come to


def snapshots(backups: Iterable[Backup], change: float = CHANGE) -> list[Stored]:
    """By source, region and tier: of each volume or database, the first snapshot in full and then what changed."""
    chains: defaultdict[tuple[str, str, Tier, str], list[tuple[datetime, Part]]] = defaultdict(list)
    for backup in backups:
        for part in backup.parts:
            if tier := _TIERS.get(part.type):
                of = part.tags.get(Tag.VOLUME) or part.of or backup.source
                chains[backup.source, str(backup.place), tier, of].append((backup.taken, part))
    sizes: defaultdict[tuple[str, str, Tier], float] = defaultdict(float)
    for (source, region, tier, _), chain in chains.items():
        sizes[source, region, tier] += _chain(sorted(chain, key=lambda one: one[0]), change)
    return [
        Stored("fleet", source, region, tier, size) for (source, region, tier), size in sorted(sizes.items(), key=str)
    ]


def _chain(chain: Sequence[tuple[datetime, Part]], change: float) -> float:
    later = sum(part.size * share(now - before, change) for (before, _), (now, part) in pairwise(chain))
    return chain[0][1].size + later


def share(span: timedelta, change: float) -> float:
    """What of a volume is taken to be other than before a span of time: each day others of its blocks change."""
    return min(1.0, change * (span / timedelta(days=1)))


def newest_sizes(backups: Iterable[Backup]) -> dict[Tier, float]:
    """What the newest snapshots would come to if all were in full, by tier: what a what-if begins with."""
    newest: dict[tuple[str, str, str, Tier], Part] = {}
    for backup in sorted(backups, key=lambda one: one.taken):
        for part in backup.parts:
            if tier := _TIERS.get(part.type):
                of = part.tags.get(Tag.VOLUME) or part.of or backup.source
                newest[backup.source, str(backup.place), of, tier] = part
    sizes: defaultdict[Tier, float] = defaultdict(float)
    for (*_, tier), part in newest.items():
        sizes[tier] += part.size
    return dict(sizes)


# What if


INTERVALS = {Retention.DAILY: 1, Retention.WEEKLY: 7, Retention.MONTHLY: 30, Retention.YEARLY: 365}
"""Days between two of a kind."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """So many snapshots, each with this share of the whole."""

    count: int
    share: float


def shelves(keep: Keep, change: float, days: float | None = None) -> list[Shelf]:
    """What a retention keeps of one volume: one snapshot in full, then of each kind what changed between two of them.

    None counts twice, although a month's first is also a week's and a day's: it is never less than is billed. `days`:
    for how long it has been kept; None for as long as it takes.
    """
    counts = {
        retention: keep.of(retention) if days is None else min(keep.of(retention), int(days // interval) + 1)
        for retention, interval in INTERVALS.items()
    }
    found = [Shelf(count, min(1.0, change * INTERVALS[retention])) for retention, count in counts.items() if count]
    if not found:
        return [Shelf(1, 1.0)]
    first = found[0]
    rest = [Shelf(first.count - 1, first.share)] if first.count > 1 else []
    return [Shelf(1, 1.0), *rest, *found[1:]]


def kept(keep: Keep, change: float, days: float | None = None) -> float:
    """How many times its full size all snapshots of a volume come to."""
    return sum(shelf.count * shelf.share for shelf in shelves(keep, change, days))


@dataclass(frozen=True, slots=True)
class WhatIf:
    """All snapshots that there are, as a retention would leave them in the end."""

    keep: Keep
    size: float
    dollars: float


def what_if(sizes: Mapping[Tier, float], keep: Keep, change: float, prices: Prices) -> WhatIf:
    times = kept(keep, change)
    dollars = sum(size / GB * tier.rate(prices) for tier, size in sizes.items())
    return WhatIf(keep, sum(sizes.values()) * times, dollars * times)


def told(keep: Keep) -> str:
    return f"{keep.daily} daily, {keep.weekly} weekly, {keep.monthly} monthly, {keep.yearly} yearly"


# What becomes of it


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """After how many days objects move."""

    infrequent_access: int = 30
    glacier: int = 90
    deep_archive: int = 365

    def stages(self) -> list[tuple[int, Tier]]:
        named = ((0, "STANDARD"), (self.infrequent_access, "STANDARD_IA"), (self.glacier, "GLACIER"))
        return [(day, Tier("s3", name)) for day, name in (*named, (self.deep_archive, "DEEP_ARCHIVE"))]

    def at(self, days: float) -> Tier:
        """Where an object of that age lies."""
        return [tier for day, tier in self.stages() if day <= days][-1]


HORIZONS = (30, 90, 365)
"""Days."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored, and by what rules it is kept. `metrics`: those that cost."""

    stored: tuple[Stored, ...]
    sizes: Mapping[Tier, float]
    keep: Keep
    lifecycle: Lifecycle
    metrics: int = 0


def projection(facts: Facts, change: float, prices: Prices) -> dict[int, float]:
    """Dollars a month so many days from now, if nothing is added but snapshots: what a lifecycle moves has moved, and
    the retention has filled up as far as it can by then."""
    others = [one for one in facts.stored if one.tier not in _TIERS.values()]
    found = {}
    for days in HORIZONS:
        still = sum(one.size / GB * _later(one, facts.lifecycle, days).rate(prices) for one in others)
        times = kept(facts.keep, change, days)
        grown = sum(size / GB * tier.rate(prices) * times for tier, size in facts.sizes.items())
        found[days] = still + grown + watching(facts, prices)
    return found


def _later(one: Stored, lifecycle: Lifecycle, days: int) -> Tier:
    return lifecycle.at(days) if one.ages and one.tier == STANDARD else one.tier


def watching(facts: Facts, prices: Prices) -> float:
    return float(facts.metrics * prices["cloudwatch"]["month"]["metric"])


def summary(facts: Facts, change: float, prices: Prices) -> dict[str, Any]:
    """All of it, as a document."""
    systems: defaultdict[str, float] = defaultdict(float)
    for one in facts.stored:
        systems[one.system] += one.dollars(prices)
    if facts.metrics:
        systems["fleet"] += watching(facts, prices)
    return {
        "prices": {"as_of": prices["as_of"], "region": prices["region"]},
        "systems": {name: round(dollars, 4) for name, dollars in sorted(systems.items())},
        "total": round(sum(systems.values()), 4),
        "items": [
            {
                "system": one.system,
                "name": one.name,
                "region": one.region,
                "tier": str(one.tier),
                "bytes": round(one.size),
                "dollars": round(one.dollars(prices), 4),
            }
            for one in facts.stored
        ],
        "metrics": facts.metrics,
        "projection": {str(days): round(sum_, 4) for days, sum_ in projection(facts, change, prices).items()},
        "assumed": [text.format(change=change * 100) for text in ASSUMED],
    }


# The arithmetic, for anybody to follow


def estimate(gigabytes: float, keep: Keep, change: float, lifecycle: Lifecycle, prices: Prices) -> Iterator[str]:
    """Of so much in a bucket, and so much in volumes."""
    yield f"At the list prices of {prices['region']}, {prices['as_of']}."
    yield ""
    yield from _objects(gigabytes, lifecycle, prices)
    yield ""
    yield from _snapshots(gigabytes, keep, change, prices)


def _objects(gigabytes: float, lifecycle: Lifecycle, prices: Prices) -> Iterator[str]:
    """What becomes of objects: class by class, and in their first year."""
    yield f"{gigabytes:,g} GB of objects through the lifecycle:"
    yield f"  {'class':<14}{'from day':>9}{'$ a GB-month':>14}{'$ a month':>11}{'days':>6}{'$ in them':>11}"
    stages = lifecycle.stages()
    first_year = 0.0
    for (day, tier), end in zip(stages, [*(day for day, _ in stages[1:]), None], strict=True):
        rate = tier.rate(prices)
        line = f"  {tier.name:<14}{day:>9}{rate:>14.5f}{gigabytes * rate:>11,.2f}"
        if end is not None:
            line += f"{end - day:>6}{gigabytes * rate * (end - day) / MONTH:>11,.2f}"
        days = max(0, min(365, end or 365) - day)
        first_year += gigabytes * rate * days / MONTH
        yield line
    standard = gigabytes * stages[0][1].rate(prices) * 12
    yield f"  The first year: ${first_year:,.2f}. In STANDARD all along: ${standard:,.2f}."
    yield "  Requests, and 40 KB of overhead for each archived object, come on top."


def _snapshots(gigabytes: float, keep: Keep, change: float, prices: Prices) -> Iterator[str]:
    """What a retention comes to for one volume."""
    rows = shelves(keep, change)
    words = told(keep)
    yield f"{gigabytes:,g} GB of EBS volumes, of which {change * 100:g} % change a day, {words}:"
    parts = " + ".join(f"{row.count} x {gigabytes * row.share:,g}" for row in rows)
    total = gigabytes * kept(keep, change)
    yield f"  {sum(row.count for row in rows)} snapshots: {parts} = {total:,g} GB"
    rate = EBS.rate(prices)
    yield f"  {total:,g} GB x ${rate:g} = ${total * rate:,.2f} a month"
