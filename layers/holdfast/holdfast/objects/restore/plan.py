"""Which copy is restored, and whether it may be written to its target. Pure."""

from datetime import datetime, timedelta

from holdfast.objects.model import Copy, Kept, Original, Status, Stored, is_observed
from holdfast.objects.restore.model import Found, Keep, Refuse, Restore, Skip, Why, short, stamp

WHOLE_SECOND = timedelta(seconds=1)
"""S3 tells the time of a write in an event to the millisecond, and of an object cut to the second."""


class Differs(Exception):
    """What was written is not what was kept."""


# Which copy


def newest(kept: Kept) -> Copy | Skip:
    """The newest complete copy."""
    if complete := _complete(kept):
        return complete[-1]
    return Skip(kept.original, Why.NO_COPY, "no complete copy of it is kept")


def named(kept: Kept, name: str) -> Copy | Skip:
    """The complete copy of that copy key, or of that end of one."""
    for copy in _complete(kept):
        if name in {copy.copy_key, short(copy.copy_key)}:
            return copy
    return Skip(kept.original, Why.NO_COPY, f"there is no complete copy {name!r} of it")


def as_of(kept: Kept, at: datetime, copies_to_keep: int) -> Copy | Skip:
    """The copy of what the object held at a moment."""
    complete = _complete(kept)
    if not complete:
        return newest(kept)
    written = [copy for copy in complete if _current_since(copy, complete) <= at]
    if not written:
        oldest = min(complete, key=lambda copy: copy.version.written_at)
        reason = (
            f"it did not exist yet at {stamp(at)}, or its copies of then are gone: the newest {copies_to_keep} "
            f"are kept, the oldest is {_named(oldest)}"
        )
        return Skip(kept.original, Why.TOO_OLD, reason)
    deleted_at = deletion_of(written[-1], kept)
    if deleted_at and deleted_at <= at:
        later = [copy for copy in complete if copy not in written]
        nearest = f"the last copy before is {_named(written[-1])}" + (f", the next {_named(later[0])}" if later else "")
        reason = f"it did not exist at {stamp(at)}: it was deleted at {stamp(deleted_at)}; {nearest}"
        return Skip(kept.original, Why.DID_NOT_EXIST, reason)
    return written[-1]


def _complete(kept: Kept) -> list[Copy]:
    """The copies that can be restored, the oldest first."""
    return kept.with_status(Status.ACTIVE, Status.DISOWNED)


def _current_since(copy: Copy, complete: list[Copy]) -> datetime:
    """From when on an object held what a copy holds.

    A version that is older than what it follows was covered by it, and came to light later: when it was seen.
    """
    written_at = copy.version.written_at
    if not is_observed(copy.order):
        return written_at
    earlier = [other for other in complete if other.rank < copy.rank]
    last = max((other.deleted_at or other.version.written_at for other in earlier), default=written_at)
    return copy.created_at if written_at + WHOLE_SECOND <= last else written_at


def deletion_of(copy: Copy, kept: Kept) -> datetime | None:
    """When the object that a copy is of was deleted, as far as anybody told."""
    if copy.deleted_at or kept.deletion is None or copy.order > kept.deletion.order:
        return copy.deleted_at
    return kept.deletion.deleted_at


def _named(copy: Copy) -> str:
    return f"of {stamp(copy.version.written_at)} ({short(copy.copy_key)})"


# Whether it may be written


def decide(copy: Copy, target: Original, found: Found | None, *, overwrite: bool) -> Restore | Keep | Refuse:
    """What to do with a copy, by what is at its target."""
    if found is None:
        return Restore(copy, target, None, "it is not there")
    if _holds(found, copy):
        return Keep(copy.original, target, "the same is there already")
    there = f"what is there is of {stamp(found.written_at)}"
    if found.written_at + WHOLE_SECOND <= copy.version.written_at:
        return Restore(copy, target, found, f"{there}, older")
    if overwrite:
        return Restore(copy, target, found, f"{there}, and is overwritten")
    return Refuse(copy.original, f"{there}, not older than the copy: --overwrite writes over it")


def undelete(kept: Kept, since: datetime) -> Copy | Skip:
    """The copy that undoes a deletion at or after a moment, if the object is not there."""
    copy = newest(kept)
    if isinstance(copy, Copy) and (deleted_at := deletion_of(copy, kept)) and deleted_at < since:
        return Skip(kept.original, Why.DELETED_BEFORE, f"it was deleted at {stamp(deleted_at)}, before")
    return copy


def decide_undelete(copy: Copy, kept: Kept, found: Found | None) -> Restore | Skip:
    """Bring an object back if it is not there. A deletion that nobody told of yet is the most recent of all."""
    if found:
        return Skip(kept.original, Why.THERE, "it is there")
    deleted_at = deletion_of(copy, kept)
    reason = f"it was deleted at {stamp(deleted_at)}" if deleted_at else "it is gone, and nobody has told of it yet"
    return Restore(copy, copy.original, None, reason)


def _holds(found: Found, copy: Copy) -> bool:
    """Whether a target holds what a copy is of."""
    if found.size != copy.version.size:
        return False
    if found.etag == copy.version.etag:
        return True
    return copy.stored is not None and (
        found.etag == copy.stored.etag or (found.checksum is not None and found.checksum == copy.stored.checksum)
    )


# Whether it was written


def verify(kept: Stored, written: Stored) -> str | None:
    """By what it is proved that what was written is what was kept; None if nothing can be compared.

    Raises Differs.
    """
    for name, was, now in (("checksum", kept.checksum, written.checksum), ("ETag", kept.etag, written.etag)):
        if was and now and _alike(was, now):
            if was != now:
                raise Differs(f"what was written has the {name} {now}, and not {was}")
            return name
    return None


def _alike(one: str, other: str) -> bool:
    """Whether two checksums, or two ETags, are made alike: by one algorithm, and of the whole object."""
    return "-" not in one + other and one.rpartition(":")[0] == other.rpartition(":")[0]
