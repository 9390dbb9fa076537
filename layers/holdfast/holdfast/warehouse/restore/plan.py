"""Which run's log is asked for a table, where its files may go, and what that costs. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from holdfast import prices
from holdfast.warehouse.delta.model import Verdict
from holdfast.warehouse.delta.plan import History
from holdfast.warehouse.model import Item, Source, Tally, Tier
from holdfast.warehouse.restore.model import (
    BadDestination,
    Candidate,
    Chosen,
    LeftOut,
    NameAmbiguous,
    TierMissing,
    objects,
    some,
)

ARCHIVES = {
    "GLACIER": {"Expedited": "1 to 5 minutes", "Standard": "3 to 5 hours", "Bulk": "5 to 12 hours"},
    "DEEP_ARCHIVE": {"Standard": "up to 12 hours", "Bulk": "up to 48 hours"},
}
"""How long it takes by tier. https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html"""

SINGLE_COPY = 5 * 1024**3
"""What is larger is copied in parts: its ETag tells nothing that could be compared."""
SINGLE_UPLOAD = 8 * 1024**2
"""The same, for what is uploaded."""

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)

_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9.-]{3,63})(?P<path>/.*)?", re.DOTALL)

MONTH_DAYS = 30


# What is asked for


def place(sources: Sequence[tuple[Source, str]], name: str) -> tuple[str, str]:
    """The bucket and the prefix that a name means. Raises NameAmbiguous."""
    found = sorted({(source.bucket, prefix) for source, prefix in sources})
    if len(found) > 1:
        raise NameAmbiguous(name, [f"{bucket}/{prefix}".rstrip("/") for bucket, prefix in found])
    return found[0]


def candidates(
    recorded: Iterable[tuple[Item, Mapping[str, Any]]], bucket: str, prefix: str
) -> tuple[dict[str, list[Candidate]], frozenset[str]]:
    """By table at or below a prefix, the runs that have recorded it, the newest first; and those tables that their
    source's newest run has not found any more. `recorded`: as each verified them, of the newest run first."""
    found: dict[str, list[Candidate]] = {}
    seen, dropped = set[Source](), set[str]()
    for item, roots in recorded:
        if item.source.bucket != bucket:
            continue
        newest = item.source not in seen
        seen.add(item.source)
        for root, told in roots.items():
            if root.startswith(prefix):
                if root not in found and not newest:
                    dropped.add(root)
                found.setdefault(root, []).append(Candidate(item, root, told["version"]))
    return dict(sorted(found.items())), frozenset(dropped)


def judged(candidate: Candidate, wanted: int | None, verdict: Verdict) -> Chosen | LeftOut:
    """What a verdict means for a table: what is restored, or why it cannot be. `wanted`: this version and no other."""
    snapshot, run = verdict.snapshot, candidate.item.run
    if snapshot and wanted in {None, snapshot.version}:
        return Chosen(candidate, snapshot, verdict.newest, verdict.missing, verdict.missing_count)
    if verdict.newest is None or (wanted is not None and verdict.newest != wanted):
        what = "no version" if wanted is None else f"no version {wanted}"
        return LeftOut(candidate.root, f"the log that run {run} has copied names {what}", existed=False)
    instead = f"; version {snapshot.version} can be restored" if snapshot else ""
    return LeftOut(candidate.root, f"version {verdict.newest}, as run {run} found it, {_lacks(verdict)}{instead}")


def _lacks(verdict: Verdict) -> str:
    if not verdict.missing_count:
        return f"cannot be read: {'; '.join(verdict.unusable)}"
    return f"lacks {objects(verdict.missing_count)}: {some(verdict.missing, verdict.missing_count)}"


def unknown(version: int, told: History, later: int | None) -> tuple[int, int] | None:
    """The versions after one of a moment of which no log tells when they were committed. `later`: the oldest version
    that the logs of later runs tell of."""
    if version + 1 in told.commits or later is None or later <= version + 1:
        return None
    return version + 1, later - 1


# Where to


@dataclass(frozen=True, slots=True)
class To:
    """A bucket, and a prefix in it, which is empty or ends with a slash."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "To":
        """Raises BadDestination."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise BadDestination(f"--to {text!r} names no place: s3://BUCKET/PREFIX does")
        path = (found["path"] or "").strip("/")
        return cls(found["bucket"], f"{path}/" if path else "")

    def check(self, backup: str, prefix: str) -> None:
        """Raises BadDestination where the backup itself lies. `prefix`: of the backup."""
        if self.bucket == backup and (self.prefix.startswith(prefix) or prefix.startswith(self.prefix)):
            raise BadDestination(f"--to {str(self)!r} is where the backup itself lies: restore to another place")

    def within(self, sources: Iterable[Source]) -> Source | None:
        """The source that backs up what is restored there."""
        found = (one for one in sources if one.bucket == self.bucket and self.prefix.startswith(one.prefix))
        return next(found, None)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


# What it costs


def check_tier(storage_class: str, tier: Tier) -> None:
    """Raises TierMissing."""
    told = ARCHIVES[storage_class]
    if tier not in told:
        others = " or ".join(f"{name} ({time})" for name, time in told.items())
        raise TierMissing(f"{storage_class} does not thaw in tier {tier}: give --tier {others}")


def thaw_dollars(storage_class: str, tier: str, asked: Tally, days: int) -> float:
    """To have objects thawed, and to keep for so many days what can be read of them."""
    kept = prices.month("STANDARD", asked.objects, asked.size) * days / MONTH_DAYS
    return prices.thaw(storage_class, tier, asked.objects, asked.size) + kept


def copy_dollars(copies: Tally, slow: dict[str, Tally]) -> float:
    """To copy objects into STANDARD, and to read those of classes that are billed for it."""
    rates = prices.prices()["s3"]["retrieval_gb"]
    read = sum(tally.size / prices.GB * rates[name] for name, tally in slow.items())
    return float(prices.writing("STANDARD", copies.objects) + read)


# How long to wait


def pauses() -> Iterator[float]:
    """Seconds between one look and the next: they grow."""
    pause = FIRST_PAUSE
    while True:
        yield pause.total_seconds()
        pause = min(2 * pause, LONGEST_PAUSE)
