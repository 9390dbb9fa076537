"""What the warehouse system decides. Nothing here reads, writes or knows the time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations

from holdfast.warehouse.model import (
    Engine,
    FileFormat,
    Gone,
    Kind,
    Limits,
    Manifest,
    Phase,
    Retention,
    Route,
    Source,
    State,
    Stored,
)

PATIENCE = timedelta(minutes=30)
"""How long the rest of an inventory is waited for."""

DIRECT_BYTES = 10 * 1024**4
"""What four invocations of a quarter of an hour copy, 32 objects at a time, if S3 takes a second for each 100 MB."""

ATTEMPTS = 2
"""How often a copy is tried: what failed becomes a manifest of its own, once."""

NAMED = 5
"""So many of many are named in a sentence."""


class SourcesOverlap(ValueError):
    """Two sources hold the same keys."""

    def __init__(self, one: Source, other: Source) -> None:
        super().__init__(
            f"{one} and {other} hold the same keys, and would be backed up twice: leave one of them out of"
            " WarehouseSources"
        )


def check_apart(sources: Sequence[Source]) -> None:
    """Raises SourcesOverlap."""
    for one, other in combinations(sources, 2):
        shorter, longer = sorted((one.prefix, other.prefix), key=len)
        if one.bucket == other.bucket and longer.startswith(shorter):
            raise SourcesOverlap(one, other)


class InventoryMissing(LookupError):
    """A source has no complete inventory."""

    def __init__(self, source: str, where: str) -> None:
        super().__init__(
            f"no complete inventory of {source} lies in {where}: S3's first takes up to 48 hours after it was"
            " configured; `holdfast warehouse inventory` writes one at once"
        )


class InventoryStale(Exception):
    """The newest inventory of a source is too old to go by."""

    def __init__(self, source: str, created_at: datetime, max_age: timedelta) -> None:
        super().__init__(
            f"the newest inventory of {source} is of {created_at:%Y-%m-%d %H:%M} UTC, older than"
            f" {max_age.days} days: is its configuration still enabled, and may S3 still deliver it?"
        )


class InventoryIncomplete(Exception):
    """Parts of an inventory did not come in time."""


class InventoryTooLarge(Exception):
    """An inventory is more than the functions can take, and there is nothing larger."""

    def __init__(self, source: str, manifest: Manifest, limits: Limits) -> None:
        super().__init__(
            f"the inventory of {source} has {len(manifest.parts)} files and {manifest.size:,} bytes"
            f" ({manifest.file_format}); a function takes up to {limits.lambda_files} files and"
            f" {limits.lambda_bytes:,} bytes, CSV or Parquet: deploy the task (WarehouseTaskImage)"
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of the parts of a manifest: those that are not there, and those that are not what it says."""

    missing: Sequence[str]
    wrong: Sequence[str]


def look(manifest: Manifest, found: Mapping[str, Stored | None]) -> Seen:
    """Compare parts with what is stored under their keys.

    An ETag says nothing: it is an MD5 only where KMS encrypts nothing. Each part is read as a whole, and its MD5
    checked, before anything is planned.
    """
    missing, wrong = [], []
    for part in manifest.parts:
        stored = found[part.key]
        if stored is None:
            missing.append(part.key)
        elif stored.size != part.size:
            wrong.append(f"{part.key} has {stored.size} bytes, not {part.size}")
    return Seen(missing, wrong)


def may_wait(since: datetime, now: datetime) -> bool:
    """Whether an incomplete inventory may still become complete."""
    return now - since < PATIENCE


def route(source: str, manifest: Manifest, limits: Limits, *, has_task: bool) -> Route:
    """Where an inventory is planned: by its files and bytes, and by what is there. Raises InventoryTooLarge.

    ORC goes to the task: the library that reads it does not fit beside the others into a function.
    """
    small = len(manifest.parts) <= limits.lambda_files and manifest.size <= limits.lambda_bytes
    if small and manifest.file_format is not FileFormat.ORC:
        return "lambda"
    if not has_task:
        raise InventoryTooLarge(source, manifest, limits)
    return "task" if manifest.size <= limits.task_bytes else "athena"


def engine(phase: Phase, objects: int, size: int, direct_objects: int) -> Engine:
    """Who copies so many objects, of so many bytes: the function itself as long as it can keep up, which is always
    cheaper.

    What is larger than one CopyObject takes is not for S3 Batch Operations.
    """
    few = objects <= direct_objects and size <= DIRECT_BYTES
    return Engine.DIRECT if few or phase is Phase.LARGE else Engine.BATCH


def few(names: Sequence[str]) -> str:
    """Some of them, and how many more."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


class Step(StrEnum):
    """What is done with a copy whose original seems to be gone."""

    MARK = "mark"
    EXPIRE = "expire"
    TAKE_BACK = "take back"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Decision:
    step: Step
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about such a copy, just now.

    `needed`: whether a retained restorable version has it. `listed`: whether the inventory has its key. `original`:
    what the source holds under it. `stored`: what the backup bucket holds under the copy's.
    """

    needed: bool
    listed: bool
    original: Stored | None
    stored: Stored | None


def decide(gone: Gone, facts: Facts, retention: Retention, now: datetime) -> Decision:
    """What is done with one copy. In doubt it is left, or taken back."""
    if facts.stored is None:
        return Decision(Step.LEAVE, _why_not_stored(gone))
    if why := _why_it_stays(gone, facts, retention, now):
        return Decision(Step.TAKE_BACK if gone.state is State.MARKED else Step.LEAVE, why)
    if facts.stored.size != gone.copy.size or facts.stored.etag != gone.copy.copy_etag:
        return Decision(Step.LEAVE, "its copy is not the one that the ledger knows")
    return _next(gone, retention, now)


def _why_it_stays(gone: Gone, facts: Facts, retention: Retention, now: datetime) -> str | None:
    if gone.copy.kind is not Kind.DATA:
        return "it is part of a log"
    if facts.needed:
        return "a restorable version needs it"
    if facts.listed or facts.original is not None:
        return "its original is there"
    if now - gone.copy.stored_at < retention.min_age:
        return f"it is stored for less than {retention.min_age.days} days"
    return None


def _why_not_stored(gone: Gone) -> str:
    return "the lifecycle rule removed it" if gone.state is State.EXPIRING else "its copy is not there"


def _next(gone: Gone, retention: Retention, now: datetime) -> Decision:
    since = now - gone.since if gone.since else timedelta()
    if gone.state is State.EXPIRING:
        return Decision(Step.EXPIRE, "its tag may have been lost")
    if gone.state is State.MARKED:
        if since < retention.grace:
            return Decision(Step.LEAVE, "its grace is not over")
        return Decision(Step.EXPIRE, f"its original is gone, and {retention.grace.days} days of grace are over")
    if gone.state is State.KEPT:
        if since < retention.min_age:
            return Decision(Step.LEAVE, "it was taken back")
        return Decision(Step.MARK, "its original is gone, and it was taken back long ago")
    return Decision(Step.MARK, "its original is gone")
