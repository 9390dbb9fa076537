"""Builders for what the objects system speaks of, so that a test shows only what matters to it."""

from datetime import UTC, datetime, timedelta

from holdfast.events.model import ObjectEvent, Sequencer, sequencer
from holdfast.objects.model import (
    BackupObject,
    Copy,
    CopyKey,
    Deletion,
    Kept,
    Original,
    Status,
    Stored,
    Version,
)
from holdfast.objects.naming import copy_key
from holdfast.objects.plan import Rules

BUCKET = "source"
T0 = datetime(2026, 1, 1, tzinfo=UTC)
THREE = Rules(copies_to_keep=3)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def original(key: str = "a") -> Original:
    return Original(BUCKET, key)


def a_version(content: str = "A", *, key: str = "a", size: int = 1, id: str | None = None) -> Version:  # noqa: A002
    return Version(original(key), content, size, T0, id)


def a_copy(
    order: str,
    content: str | None = None,
    *,
    status: Status = Status.ACTIVE,
    made: float = 0,
    key: str = "a",
    id: str | None = None,  # noqa: A002 - as it is called
    token: str = "t",
    disowned: float = 0,
) -> Copy:
    """A copy of the write of this order, by default of a content of its own. `made` and `disowned`: seconds."""
    version = a_version(content or f"content of {order}", key=key, id=id)
    complete = status in (Status.ACTIVE, Status.DISOWNED)
    return Copy(
        version,
        copy_key(version.original, T0, Sequencer(order), token),
        Sequencer(order),
        created_at=at(made),
        status=status,
        stored=Stored(version.etag, f"MEMORY:{version.etag}") if complete else None,
        disowned_at=at(disowned) if status is Status.DISOWNED else None,
    )


def kept(*copies: Copy, deleted: str | None = None, key: str = "a") -> Kept:
    """What the table holds of an object, with its deletion of this order, if there is one."""
    deletion = Deletion(Sequencer(deleted), deleted_at=at(5), disowned_at=at(6)) if deleted is not None else None
    return Kept(original(key), copies, deletion)


def listed(copy: Copy, *, etag: str | None = None, size: int | None = None) -> BackupObject:
    """The object of a copy, as a listing of the backup bucket shows it."""
    return BackupObject(copy.copy_key, copy.version.size if size is None else size, etag or copy.version.etag)


def a_stray(name: str, *, etag: str = "stray", size: int = 1) -> BackupObject:
    return BackupObject(CopyKey(name), size, etag)


def created(
    order: str,
    content: str = "A",
    *,
    key: str = "a",
    seconds: float = 0,
    version: str | None = None,
    bucket: str = BUCKET,
) -> ObjectEvent:
    return ObjectEvent(
        bucket, key, "ObjectCreated:Put", sequencer(order), at(seconds), size=1, version_id=version, etag=content
    )


def deleted(order: str, *, key: str = "a", seconds: float = 0, version: str | None = None) -> ObjectEvent:
    return ObjectEvent(BUCKET, key, "ObjectRemoved:Delete", sequencer(order), at(seconds), None, version_id=version)


def marked_deleted(order: str, *, key: str = "a", marker: str = "m") -> ObjectEvent:
    """In a versioned bucket: a delete marker covers the object."""
    kind = "ObjectRemoved:DeleteMarkerCreated"
    return ObjectEvent(BUCKET, key, kind, sequencer(order), T0, None, version_id=marker)
