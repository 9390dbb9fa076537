"""What a restore of a table decides. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from holdfast.tables import item
from holdfast.tables import plan as tables
from holdfast.tables.model import Change, Description, Image, ItemId
from holdfast.tables.restore.model import (
    Back,
    Difference,
    Holding,
    Kind,
    Leave,
    Run,
    Same,
    Wanted,
    Why,
    stamp,
)

SOURCE_TAG = "holdfast:restored-from"
RUN_TAG = "holdfast:restore-run"
"""What a new table is tagged with: what it is a restore of, and the run that makes it."""

TAG_VALUE_LIMIT = 256

OWN_TAGS = 48
"""A table has 50 tags at most: two of a new one are those. AWS's own do not count."""

PARTITION_ITEMS = 100_000
"""As many items a partition of a large restore has at most, more or less."""

PARTITION_BYTES = 200_000_000
"""As large they are together, as DynamoDB counts: a function holds them all in memory, as text."""

UNSEEN = (
    "the archive has no change of it since then: what made it differ is not archived yet, or never will be: then "
    "--unarchived restores it"
)

_DEEPEST = 3
"""Hex digits of a prefix: 4,096 partitions."""

_TTL_YEARS = 5 * 365 * 86_400
"""Seconds. What has expired longer ago DynamoDB leaves alone, as a mistake.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""


# Of what moment, and what of it


def second(moment: datetime) -> int:
    """The second that a moment is in: DynamoDB tells the time of a change no finer, so all of it counts."""
    return int(moment.timestamp())


def wanted_ids(wanted: Wanted) -> Callable[[ItemId], bool]:
    """Which items of an archive are needed."""
    if wanted.item is None:
        return bool
    one = item.item_id(wanted.item)
    return lambda other: other == one


def owner(change: Change, column: str) -> str | None:
    """Whose an item was: as it was archived, or as its image says, if tables had no tenants then."""
    if change.tenant is None and column and change.image is not None:
        return tables.tenant(change.image, column)
    return change.tenant


def is_wanted(change: Change, wanted: Wanted, column: str) -> bool:
    return wanted.tenant is None or owner(change, column) == wanted.tenant


def holding(changes: Iterable[Change], wanted: Wanted, column: str, expiry: str | None, now: int) -> Holding:
    """What was there. `expiry`: the attribute of the time to live."""
    items = size = apart = nobodys = over = 0
    for change in changes:
        nobodys += bool(column) and owner(change, column) is None
        if not is_wanted(change, wanted, column):
            continue
        items += 1
        if change.image is None:
            apart += 1
            continue
        size += len(item.wire(change.image))
        over += expiry is not None and is_over(change.image, expiry, now)
    return Holding(items, size, apart, nobodys, over)


def is_over(image: Image, expiry: str, now: int) -> bool:
    """Whether DynamoDB removes an item, once its table has a time to live."""
    told = image.get(expiry, {}).get("N")
    return told is not None and now - _TTL_YEARS < float(told) < now


# In place


def decide(
    keys: Image,
    then: Image | None,
    now: Image | None,
    *,
    owner_then: str | None,
    owner_now: str | None,
    tenant: str | None,
    complete: bool,
) -> Difference | Leave | Same | None:
    """What becomes of an item by what it was and what it is; None if it is none of what is wanted.

    `tenant`: whose items are wanted, None for all. `complete`: whether the archive holds all that there was then.
    """
    mine_then = then is not None and tenant in {None, owner_then}
    mine_now = now is not None and tenant in {None, owner_now}
    if mine_then:
        return _brought_back(keys, then, now, None if mine_now else owner_now)
    if not mine_now:
        return None
    if then is not None:
        whose = "named no tenant" if owner_then is None else f"was of tenant {owner_then!r}"
        return Leave(keys, Why.OTHERS_THEN, f"it {whose} then")
    if not complete:
        return Leave(keys, Why.UNKNOWN, "the archive is not complete then: nobody knows whether it was there")
    return Difference(Kind.REMOVE, keys, now, None, "it was not there then")


def _brought_back(
    keys: Image, then: Image | None, now: Image | None, other_owner: str | None
) -> Difference | Leave | Same:
    """Of an item that was there, and is wanted. `other_owner`: who has it now, if not whom it is wanted for."""
    if now is None:
        return Difference(Kind.ADD, keys, None, then, "it is not there now")
    if item.is_same(then, now):
        return Same()
    if other_owner is not None:
        return Leave(keys, Why.OTHERS_NOW, f"it is of tenant {other_owner!r} now")
    return Difference(Kind.CHANGE, keys, now, then, _what_differs(then or {}, now))


def _what_differs(then: Image, now: Image) -> str:
    names = sorted(
        name
        for name in then.keys() | now.keys()
        if name not in then or name not in now or not item.is_same({name: then[name]}, {name: now[name]})
    )
    shown = ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return f"it differs in {shown}"


def confirmed(
    found: Iterable[Difference | Leave], is_known: Callable[[Difference], bool]
) -> tuple[tuple[Difference, ...], tuple[Leave, ...]]:
    """What may be restored, and what is left: also what differs though the archive has no change of it since.

    `is_known`: whether it has. What made such an item differ is on its way to the archive, or lost, and may be older
    than the moment: then the archive does not know how it was.
    """
    differences: list[Difference] = []
    left: list[Leave] = []
    for one in found:
        if isinstance(one, Leave):
            left.append(one)
        elif is_known(one):
            differences.append(one)
        else:
            left.append(Leave(one.keys, Why.UNSEEN, UNSEEN))
    order = {kind: place for place, kind in enumerate(Kind)}
    differences.sort(key=lambda one: (order[one.kind], item.canonical(one.keys)))
    left.sort(key=lambda one: (one.why, item.canonical(one.keys)))
    return tuple(differences), tuple(left)


def take_back(before: Image | None, after: Image | None, now: Image | None) -> Back:
    """What taking back a change of a restore comes to, by what the item is now."""
    if item.is_same(now, before):
        return Back.DONE
    return Back.UNDO if item.is_same(now, after) else Back.CONFLICT


# A new table


def source(table: str, at: int, wanted: Wanted) -> str:
    """What a restore restores: the value of a tag, the same for the same."""
    value = f"{table}@{stamp(at)}"
    if not wanted.is_all:
        chosen = f"{wanted.tenant!r} {item.canonical(wanted.item) if wanted.item is not None else None}"
        value += f"/{_digest(chosen)}"
    if len(value) <= TAG_VALUE_LIMIT:
        return value
    return f"{_digest(table)}@{value.rpartition('@')[2]}"


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:16]


def tags(run: Run) -> list[dict[str, str]]:
    return [{"Key": SOURCE_TAG, "Value": run.source}, {"Key": RUN_TAG, "Value": run.run}]


def run_of(description: Description, source: str) -> str | None:
    """The run that makes a table, if it is a restore of that source."""
    told: Mapping[str, str] = {tag["Key"]: tag["Value"] for tag in description.tags}
    return told.get(RUN_TAG) if told.get(SOURCE_TAG) == source else None


def own_tags(description: Description) -> tuple[Mapping[str, str], ...]:
    """The tags of a table that are neither AWS's nor tell that it was itself restored."""
    marks = {SOURCE_TAG, RUN_TAG}
    return tuple(tag for tag in description.tags if tag["Key"] not in marks and not tag["Key"].startswith("aws:"))


def without_marks(description: Description) -> Description:
    """A description with as many of its own tags as a new table has room for."""
    return replace(description, tags=own_tags(description)[:OWN_TAGS])


def item_bytes(description: Description | None) -> float:
    """How large an item is on average, as DynamoDB has counted some hours ago; 0 if it has not."""
    told = description.table if description else {}
    return float(told.get("TableSizeBytes", 0)) / max(1, int(told.get("ItemCount", 0)))


def prefixes(items: int, item_size: float = 0.0) -> tuple[str, ...]:
    """The partitions of a large restore: what the ids of their items begin with. `item_size`: bytes of one."""
    parts = max(items / PARTITION_ITEMS, items * item_size / PARTITION_BYTES)
    digits = next((n for n in range(1, _DEEPEST) if parts <= 16**n), _DEEPEST)
    return tuple(f"{number:0{digits}x}" for number in range(16**digits))
