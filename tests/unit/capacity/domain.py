"""Builders for what the capacity system speaks of, so that a test shows only what matters to it."""

from datetime import UTC, datetime, timedelta

from holdfast.capacity.model import (
    BucketState,
    Listed,
    ObjectRow,
    StoredObject,
    Tracked,
)
from holdfast.capacity.plan import Candidate
from holdfast.events.model import ObjectEvent, sequencer

BUCKET = "watched"
T0 = datetime(2026, 1, 1, tzinfo=UTC)

HOSTILE_NAMES = [
    "__STATE__",
    "__RECONCILE__",
    "..",
    "../../etc/passwd",
    "/leading//slash/",
    "a+b c%20%2F100%",
    "'single' \"double\" `back`",
    "comma, semicolon; <tag> & | $HOME",
    "line\nbreak\ttab",
    "?versionId=1&x=y#z",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{COMBINING DIAERESIS}日本",
    "\N{GRINNING FACE}",
    "\N{REPLACEMENT CHARACTER}",
    "n" * 1024,
    "é" * 512,
]
"""Legal all of them, the last two as long as S3 allows."""


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def created(name: str, size: int, *, seq: str, seconds: float = 0) -> ObjectEvent:
    return ObjectEvent(BUCKET, name, "ObjectCreated:Put", sequencer(seq), at(seconds), size)


def deleted(name: str, *, seq: str, seconds: float = 0, version: str | None = None) -> ObjectEvent:
    return ObjectEvent(BUCKET, name, "ObjectRemoved:Delete", sequencer(seq), at(seconds), None, version_id=version)


def a_row(name: str, size: int, *, seq: str = "", eviction: str | None = None) -> ObjectRow:
    """An object that is there."""
    return ObjectRow(BUCKET, name, size, sequencer(seq), T0, last_size=size, eviction=eviction)


def a_tombstone(name: str, *, seq: str, last_size: int | None = None) -> ObjectRow:
    """An object that is gone."""
    return ObjectRow(BUCKET, name, None, sequencer(seq), T0, last_size=last_size)


def rows(*of: ObjectRow) -> dict[str, ObjectRow]:
    return {row.name: row for row in of}


def a_state(total_size: int = 0, object_count: int = 0, version: int = 1) -> BucketState:
    return BucketState(BUCKET, total_size, object_count, version, T0)


def stored(name: str, size: int, etag: str = '"1"') -> StoredObject:
    return StoredObject(name, size, etag)


def a_candidate(
    name: str, size: int, *, tracked: int | None = None, kept: bool = False, backed_up: bool = True
) -> Candidate:
    """An object of this size, tracked with the same unless told otherwise."""
    return Candidate(Tracked(name, size if tracked is None else tracked), stored(name, size), kept, backed_up)


def a_vanished(name: str, tracked: int) -> Candidate:
    """Tracked, but in the bucket no more."""
    return Candidate(Tracked(name, tracked), None)


def listed(name: str, size: int | None, noncurrent_size: int = 0) -> Listed:
    return Listed(name, size, noncurrent_size)
