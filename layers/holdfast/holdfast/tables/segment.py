"""Segments: changes stored together, as gzip JSON lines. The first line tells of the others, which are sorted.

A segment is named `FIRST-LAST-COUNT-DIGEST.jsonl.gz`, FIRST and LAST each `SECONDS.SEQUENCE`, so that a listing alone
tells which segments a reader needs; and never two of different content alike.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.tables.model import Cause, Change, ItemId, Moment, Reference, Segment

FORMAT = 1
CHANGES = "changes/"
BASES = "bases/"
_NAME = re.compile(r"(\d+)\.(\d+)-(\d+)\.(\d+)-(\d+)-[0-9a-f]{16}\.jsonl\.gz\Z")
_HEAD = re.compile(rb'\{"item":"([0-9a-f]+)","at":(\d+),"sequence":"(\d+)"')
_LEVEL = 6


class Unreadable(ValueError):
    """A segment is not what a segment holds: cut off, altered, or of a later format. Names it."""


def encode(
    table: str, changes: Sequence[Change], *, shard: str | None = None, base: str | None = None
) -> tuple[Segment, bytes]:
    """The segment of some changes, one at least, and its bytes: the same for the same changes."""
    ordered = sorted(changes, key=lambda change: (change.item, change.moment))
    first, last = min(change.moment for change in changes), max(change.moment for change in changes)
    told = {
        "format": FORMAT,
        "table": table,
        "shard": shard,
        "base": base,
        "first": {"at": first.at, "sequence": str(first.sequence)},
        "last": {"at": last.at, "sequence": str(last.sequence)},
        "count": len(ordered),
    }
    whole = "".join(f"{_json(line)}\n" for line in (told, *map(_line, ordered))).encode()
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest()[:16]
    name = f"{first.at}.{first.sequence}-{last.at}.{last.sequence}-{len(ordered)}-{digest}.jsonl.gz"
    where = f"{BASES}{base}/" if base else f"{CHANGES}{first.time:%Y/%m/%d}/"
    segment = Segment(where + name, first, last, len(ordered), shard, base)
    return segment, gzip.compress(whole, _LEVEL, mtime=0)


def of_name(name: str) -> Segment | None:
    """What a segment's name tells; None if it is not one."""
    where, _, last = name.rpartition("/")
    match = _NAME.match(last)
    if not match:
        return None
    first_at, first_sequence, last_at, last_sequence, count = map(int, match.groups())
    base = where.removeprefix(BASES) if where.startswith(BASES) else None
    return Segment(name, Moment(first_at, first_sequence), Moment(last_at, last_sequence), count, base=base)


def lines(segment: Segment, body: bytes) -> list[bytes]:
    """The lines of a segment's changes. Raises Unreadable."""
    try:
        told, *rest = gzip.decompress(body).splitlines()
        header = json.loads(told)
    except (OSError, EOFError, ValueError) as error:
        raise Unreadable(f"segment {segment.name!r} cannot be read: {error}") from error
    if header["format"] != FORMAT:
        raise Unreadable(f"segment {segment.name!r} is of format {header['format']}; this release reads {FORMAT}")
    if len(rest) != segment.count:
        raise Unreadable(f"segment {segment.name!r} holds {len(rest)} changes, not {segment.count}")
    return rest


def decode(segment: Segment, body: bytes, wanted: Callable[[ItemId], bool] = bool) -> Iterator[Change]:
    """A segment's changes of these items, by item, each item's in their order. Raises Unreadable."""
    return (line.change for line in heads(segment, body, wanted))


@dataclass(frozen=True, slots=True)
class Line:
    """A change as it lies in its segment: read only as far as to tell of which item and moment it is."""

    item: ItemId
    moment: Moment
    text: bytes

    @property
    def change(self) -> Change:
        return change(self.text)

    @property
    def is_removal(self) -> bool:
        return self.change.is_removal


def heads(segment: Segment, body: bytes, wanted: Callable[[ItemId], bool] = bool) -> Iterator[Line]:
    """What `decode` tells, unread: whoever wants few items, or only the last change of each, has many to pass over.
    Raises Unreadable."""
    for line in lines(segment, body):
        found = _HEAD.match(line)
        if found is None:  # not written by this release
            one = change(line)
            head = Line(one.item, one.moment, line)
        else:
            head = Line(ItemId(found[1].decode()), Moment(int(found[2]), int(found[3])), line)
        if wanted(head.item):
            yield head


def change(line: bytes) -> Change:
    """The change of a line."""
    told = json.loads(line)
    stored = told.get("stored")
    return Change(
        item=ItemId(told["item"]),
        keys=told["keys"],
        moment=Moment(told["at"], int(told["sequence"])),
        cause=Cause(told["cause"]),
        image=told.get("image"),
        stored=Reference(**stored) if stored else None,
        tenant=told.get("tenant"),
    )


def _line(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {
        "item": change.item,
        "at": change.moment.at,
        "sequence": str(change.moment.sequence),
        "cause": change.cause,
        "keys": change.keys,
    }
    if change.tenant is not None:
        told["tenant"] = change.tenant
    if change.stored is not None:
        told["stored"] = {
            "key": change.stored.key,
            "version_id": change.stored.version_id,
            "md5": change.stored.md5,
        }
    if change.image is not None:
        told["image"] = change.image
    return told


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def overlapping(segments: Iterable[Segment], since: int, until: int) -> Iterator[Segment]:
    """Those that may hold a change of these seconds, both included."""
    return (one for one in segments if one.last.at >= since and one.first.at <= until)
