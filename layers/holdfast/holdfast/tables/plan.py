"""What the tables system decides. Pure: facts in, decisions with their reasons out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from holdfast.events.dynamodb import StreamRecord
from holdfast.tables import item
from holdfast.tables.model import Base, Cause, Change, Description, Gap, Image, ItemId, Moment

COMPLETE_AT_CREATION = 1
"""Seconds between a table and its stream that are one creation: DynamoDB gives both the same time. A stream that was
switched on later, be it by seconds, does not tell of the first items."""

AT_ONCE = 60
"""Seconds between a description and a backfill that were made by one command, by two clocks."""

STREAM_SECONDS = 86_400
"""As long as a stream keeps a record."""

_TEXT_TYPES = ("S", "N", "B")


# Whose an item is


def tenant(image: Image, column: str) -> str | None:
    """The value of an item's tenant column: a text, a number, or bytes. None if it has none such.

    The image alone decides, so that whoever knows what an item was also knows whose it was.
    """
    value = image.get(column, {})
    for kind in _TEXT_TYPES:
        if kind in value:
            return item.number(value[kind]) if kind == "N" else str(value[kind])
    return None


# What a record means


@dataclass(frozen=True, slots=True)
class Archived:
    """A change to store, and whose the item was before, if it was another's: there it must not stay."""

    change: Change
    left: str | None = None
    moved: bool = False


def archived(record: StreamRecord, column: str) -> Archived:
    """What to store of a record. `column`: the tenant's attribute, empty where tables have no tenants."""
    removed = record.name == "REMOVE"
    owner = tenant(record.new or record.old or record.keys, column) if column else None
    before = tenant(record.old, column) if column and record.old else owner
    change = Change(
        item=item.item_id(record.keys),
        keys=record.keys,
        moment=Moment(record.at, record.sequence),
        cause=Cause.EXPIRY if removed and record.expired else Cause.WRITE,
        image=record.new,
        tenant=owner,
    )
    return Archived(change, before, moved=before != owner)


def seen(image: Image, key_names: Sequence[str], column: str, as_of: int) -> Change:
    """The change that a read of the table stands for: it is so from then on, unless the stream tells otherwise."""
    keys = item.keys_of(image, key_names)
    owner = tenant(image, column) if column else None
    return Change(item.item_id(keys), keys, Moment(as_of), Cause.READ, image=image, tenant=owner)


# How a table was


def base_for(bases: Iterable[Base], at: int) -> Base | None:
    """The newest backfill that was over by then: whatever is older is not needed."""
    over = [base for base in bases if base.ended is not None and base.ended <= at]
    return max(over, key=lambda base: base.began, default=None)


class Dated(Protocol):
    """What is known of an item from a moment on."""

    @property
    def item(self) -> ItemId: ...

    @property
    def moment(self) -> Moment: ...


def latest[C: Dated](
    changes: Iterable[C], at: int, wanted: Callable[[ItemId], bool] = bool, *, since: int = 0
) -> dict[ItemId, C]:
    """Of each wanted item the last change until a moment, removals among them; whatever comes twice counts once.

    `since`: what came before tells nothing any more: that the backfill which began then read the item does.
    """
    last: dict[ItemId, C] = {}
    for change in changes:
        if not since <= change.moment.at <= at or not wanted(change.item):
            continue
        known = last.get(change.item)
        if known is None or known.moment < change.moment:
            last[change.item] = change
    return last


def complete_since(
    description: Description | None, bases: Iterable[Base], first_known: int | None = None
) -> int | None:
    """From when on, in Unix seconds, the archive holds every item; None if from no moment on.

    That is the end of the first backfill; or the table's creation, if its stream is as old, and the archive not so much
    younger that the stream had lost its first records. `first_known`: when the archive knew of the table first. If a
    backfill was there before, that was perhaps all: a backfill needs no mapping.
    """
    bases = list(bases)
    ends = [base.ended for base in bases if base.ended is not None]
    born = _born_with_its_stream(description.table) if description else None
    if born is not None and (
        first_known is None
        or (first_known - born <= STREAM_SECONDS and all(first_known - base.began <= AT_ONCE for base in bases))
    ):
        ends.append(born)
    return min(ends, default=None)


def _born_with_its_stream(table: Mapping[str, object]) -> int | None:
    created, label = table.get("CreationDateTime"), table.get("LatestStreamLabel")
    if not isinstance(created, int | float) or not isinstance(label, str):
        return None
    return int(created) if abs(seconds(label) - created) <= COMPLETE_AT_CREATION else None


def seconds(label: str) -> float:
    """When a stream was created: its label is the time, in UTC."""
    return datetime.fromisoformat(label).replace(tzinfo=UTC).timestamp()


def hole(known: Description, found: Description) -> Gap | None:
    """What nobody tells of a table, if the stream that it had is off, or another one is on.

    The gap begins when the stream was last seen: it may have been on for longer. It has no end while none is on.
    """
    had, has = known.table.get("LatestStreamLabel"), _stream(found)
    if had is None or had == has:
        return None
    if has is None:
        return Gap(known.taken_at, None, "the table's stream is off")
    return Gap(known.taken_at, int(seconds(has)), "the table's stream was off, until a new one was switched on")


def _stream(description: Description) -> str | None:
    """The label of the stream that is on."""
    return str(description.table["LatestStreamLabel"]) if description.has_stream else None


def touches(gap: Gap, since: int, at: int) -> bool:
    """Whether a gap makes a state uncertain that builds on what happened between two moments."""
    return (gap.first_at is None or gap.first_at <= at) and (gap.last_at is None or gap.last_at >= since)
