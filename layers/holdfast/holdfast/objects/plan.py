"""What the objects system decides about one original. Pure: facts in, actions with their reasons out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.events.model import Sequencer
from holdfast.objects.model import BackupObject, Copy, CopyKey, Kept, Status, Stored, Version, after, is_observed

ABANDONED_AFTER = timedelta(hours=1)
"""How long a pending copy may take: four times the longest run of a function."""

HELD_BACK = timedelta(hours=1)
"""How long after its delete a copy is disowned at the latest, if nothing stood in the way; see the breaker."""

LONG_TO_COPY = 5 * 1024**3
"""More bytes than S3 copies in one call: it may take minutes, or longer than a function may run."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How many copies an object keeps, and what may not be evicted.

    `locked`: an Object Lock holds every new copy for a time, so what would be evicted is disowned instead, and cleaned
    after the delay. `spare_younger_than`: while mass changes go on, copies younger than this neither are evicted nor
    evict others. Of two that came within that time of each other, the one evicts the other uncounted once both are
    older: it came and went on a busy day, and nobody minded for so long.
    """

    copies_to_keep: int
    locked: bool = False
    spare_younger_than: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Disown:
    """Active copies to disown, all at one moment. `deleted_at`: when their object was deleted, if it was. `counted`:
    with what the breaker lets go in an hour."""

    copies: tuple[Copy, ...]
    disowned_at: datetime
    deleted_at: datetime | None
    reason: str
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Remove:
    """A copy to delete, with its row. `guarded`: what it holds is lost with it, so the breaker is asked. `counted`:
    with what it lets go in an hour."""

    copy: Copy
    reason: str
    guarded: bool
    counted: bool = True


type Action = Disown | Remove


def why_not_copy(kept: Kept, version: Version, order: Sequencer, rules: Rules) -> str | None:
    """Why a version that an event tells of needs no copy; None if it does."""
    if kept.deletion and order <= kept.deletion.order:
        return "the object was deleted since"
    if any(copy.order == order for copy in kept.owned):
        return "it has a copy already"
    newer = [copy for copy in _needed(kept.owned) if copy.order > order]
    if version.version_id is not None and any(c.version.version_id == version.version_id for c in newer):
        return "it was seen, and copied, as the current version later on"
    if len(newer) >= rules.copies_to_keep:
        return f"{len(newer)} newer versions have copies"
    return None


def covers(kept: Kept, current: Version) -> bool:
    """Whether the newest copy of an object holds what the object holds now."""
    owned = kept.owned
    return bool(owned) and (owned[-1].version.etag, owned[-1].version.size) == (current.etag, current.size)


def order_of_sight(kept: Kept, current: Version, least: Sequencer) -> Sequencer:
    """The order of what is there now: behind all that is known, and behind `least`; or that of the copy which somebody
    is making of just this."""
    last = max(kept.last_order, least)
    being_made = [copy for copy in kept.with_status(Status.PENDING) if copy.order == last]
    return last if any(copy.version.identity == current.identity for copy in being_made) else after(last)


def settle(kept: Kept, now: datetime, rules: Rules, *, sparing: bool = False) -> list[Action]:
    """All that brings the copies of an original to rest, whatever left them as they are. `sparing`: while mass changes
    go on."""
    evictions = _evictions(kept, now, rules, sparing)
    return [*_leftovers(kept, now), *_overtaken(kept, now), *_superfluous(kept), *evictions]


def _leftovers(kept: Kept, now: datetime) -> Iterator[Remove]:
    for copy in kept.with_status(Status.REMOVING):
        yield Remove(copy, "its removal was interrupted", guarded=False)
    for copy in kept.with_status(Status.PENDING):
        if now - copy.created_at > ABANDONED_AFTER:
            yield Remove(copy, "it was announced and never completed", guarded=False)


def _overtaken(kept: Kept, now: datetime) -> Iterator[Disown]:
    """What the breaker held back for long is disowned from now on: who lets it go has the whole delay to think."""
    if kept.deletion is None:
        return
    since = kept.deletion
    disowned_at = since.disowned_at if now - since.disowned_at <= HELD_BACK else now
    if overtaken := tuple(copy for copy in kept.with_status(Status.ACTIVE) if copy.order <= since.order):
        yield Disown(overtaken, disowned_at, since.deleted_at, "the object was deleted")


def _superfluous(kept: Kept) -> Iterator[Remove]:
    needed = {copy.copy_key for copy in _needed(kept.owned)}
    for copy in kept.owned:
        if copy.copy_key not in needed:
            yield Remove(copy, "another copy holds the same version", guarded=False)


def _evictions(kept: Kept, now: datetime, rules: Rules, sparing: bool) -> Iterator[Action]:
    needed = _needed(kept.owned)
    for copy, evicting in zip(needed, needed[rules.copies_to_keep :], strict=False):
        age = now - max(copy.created_at, evicting.created_at)
        is_young = bool(rules.spare_younger_than) and age < rules.spare_younger_than
        if is_young and sparing:
            continue
        reason = f"{rules.copies_to_keep} newer versions have copies"
        came_together = abs(evicting.created_at - copy.created_at) < rules.spare_younger_than
        counted = is_young or not came_together
        if rules.locked:
            yield Disown((copy,), disowned_at=now, deleted_at=None, reason=reason, counted=counted)
        else:
            yield Remove(copy, reason, guarded=True, counted=counted)


def _needed(owned: Sequence[Copy]) -> list[Copy]:
    """Of copies, the oldest first, those that no other makes superfluous. Of some that are alike all agree on which.

    Of an event that was copied twice one copy stays. Of one version of a versioned bucket the newest sight stays.
    Elsewhere two writes may have the same content: then only what no event told of gives way, to what is newer.
    """
    first: dict[tuple[object, Sequencer], CopyKey] = {}
    newest: dict[object, Sequencer] = {}
    for copy in owned:
        first.setdefault((copy.version.identity, copy.order), copy.copy_key)
        newest[copy.version.identity] = copy.order
    return [
        copy
        for copy in owned
        if first[copy.version.identity, copy.order] == copy.copy_key
        and (copy.order == newest[copy.version.identity] or not _is_one_write(copy))
    ]


def _is_one_write(copy: Copy) -> bool:
    """Whether what is newer and has the same content is of the same write."""
    return copy.version.version_id is not None or is_observed(copy.order)


# Reconciling


def suspects(kept: Kept, listed: Sequence[BackupObject]) -> list[Copy]:
    """Complete copies that a listing of the backup bucket does not show as they were stored: to be looked at."""
    found = {entry.copy_key: (entry.etag, entry.size) for entry in listed}
    complete = kept.with_status(Status.ACTIVE, Status.DISOWNED)
    return [c for c in complete if c.stored and found.get(c.copy_key) != (c.stored.etag, c.version.size)]


def verdict(copy: Copy, found: Stored | None) -> Remove | None:
    """What to do about a suspect, once its object was looked at. None if it is intact.

    No removal of ours leaves an active row without its object: if many are, it is the backup bucket that is lost.
    """
    if found is None:
        return Remove(copy, "its object is not in the backup bucket", guarded=copy.status is Status.ACTIVE)
    if copy.stored and copy.stored.is_intact(found):
        return None
    return Remove(copy, f"its object is not what was stored: {found} instead of {copy.stored}", guarded=True)


def is_being_copied(kept: Kept, current: Version, now: datetime) -> bool:
    """Whether somebody is copying a large object just now; or was, and ran out of time. It is left to him, or to the
    next pass: else one that is too large would never let this one pass."""
    pending = [c.version for c in kept.with_status(Status.PENDING) if now - c.created_at <= ABANDONED_AFTER]
    return current.size > LONG_TO_COPY and any((v.etag, v.size) == (current.etag, current.size) for v in pending)


def unclaimed(kept: Kept, listed: Sequence[BackupObject]) -> list[BackupObject]:
    """Objects of the backup bucket that no row tells of. No copy is made before its row is: none will come."""
    told = {copy.copy_key for copy in kept.copies}
    return [entry for entry in listed if entry.copy_key not in told]


def adoption(entry: BackupObject, stored: Stored, version: Version, order: Sequencer, now: datetime) -> Copy:
    """The row of an unclaimed object: disowned from now on, so that it goes the way of every copy, after the delay."""
    return Copy(version, entry.copy_key, order, now, Status.DISOWNED, stored, disowned_at=now)
