"""The ports of the objects system in memory: what its model tests run on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from holdfast.objects import naming
from holdfast.objects.model import (
    BackupObject,
    Copy,
    CopyKey,
    Deletion,
    DisownedCopy,
    Kept,
    Original,
    Pass,
    Status,
    Stored,
    Version,
    Walk,
)
from holdfast.objects.ports import Locked, SourceChanged, SourceGone
from holdfast.ports import Conflict


@dataclass
class MemoryCopyTable:
    """The copy table, with an index that lags."""

    rows: dict[tuple[Original, CopyKey], Copy] = field(default_factory=dict)
    deletions: dict[Original, Deletion] = field(default_factory=dict)
    folders: dict[str, Original] = field(default_factory=dict)
    passes: dict[str, Pass] = field(default_factory=dict)
    objects: int = 0
    ghosts: list[Copy] = field(default_factory=list)
    """Disowned copies that the index has not dropped yet, though their rows are gone."""

    def read(self, original: Original) -> Kept:
        rows = sorted((c for (of, _), c in self.rows.items() if of == original), key=lambda c: c.copy_key)
        return Kept(original, tuple(rows), self.deletions.get(original))

    def announce(self, copy: Copy) -> None:
        self.rows[copy.original, copy.copy_key] = copy
        if naming.is_cut(folder := naming.folder(copy.original)):
            self.folders[folder] = copy.original

    def activate(self, copy: Copy, stored: Stored) -> None:
        self._change(copy, {Status.PENDING}, status=Status.ACTIVE, stored=stored)

    def remember(self, original: Original, deletion: Deletion) -> Deletion:
        known = self.deletions.get(original)
        if known is None or known.order < deletion.order:
            self.deletions[original] = deletion
        return self.deletions[original]

    def disown(self, copy: Copy, disowned_at: datetime, deleted_at: datetime | None) -> None:
        self._change(copy, {Status.ACTIVE}, status=Status.DISOWNED, disowned_at=disowned_at, deleted_at=deleted_at)

    def adopt(self, copy: Copy) -> None:
        if (copy.original, copy.copy_key) in self.rows:
            raise Conflict(f"{copy.copy_key!r} has a row")
        self.rows[copy.original, copy.copy_key] = copy

    def condemn(self, copy: Copy) -> None:
        self._change(copy, {copy.status, Status.REMOVING}, status=Status.REMOVING)

    def forget(self, copies: Sequence[Copy | DisownedCopy]) -> None:
        for copy in copies:
            gone = self.rows.pop((copy.original, copy.copy_key), None)
            if gone and gone.status is Status.DISOWNED:
                self.ghosts.append(gone)

    def disowned(self, until: datetime) -> Iterator[DisownedCopy]:
        found = [c for c in (*self.rows.values(), *self.ghosts) if c.status is Status.DISOWNED]
        due = [
            DisownedCopy(c.original, c.copy_key, c.version.size, c.disowned_at)
            for c in found
            if c.disowned_at and c.disowned_at <= until
        ]
        yield from sorted(due, key=lambda copy: (copy.disowned_at, copy.copy_key))

    def original_of(self, folder: str) -> Original | None:
        return self.folders.get(folder)

    def _change(self, copy: Copy, expected: set[Status], **changes: object) -> None:
        row = self.rows.get((copy.original, copy.copy_key))
        if row is None or row.status not in expected:
            raise Conflict(f"{copy.copy_key!r} is {row.status if row else 'gone'}")
        self.rows[copy.original, copy.copy_key] = replace(row, **changes)  # type: ignore[arg-type]

    # Census and Passes

    def count(self, change: int) -> int:
        self.objects += change
        return self.objects

    def counted(self) -> int:
        return self.objects

    def set(self, number: int) -> None:
        self.objects = number

    def load(self, bucket: str) -> Pass | None:
        return self.passes.get(bucket)

    def save(self, bucket: str, passed: Pass) -> None:
        self.passes[bucket] = passed

    def save_walk(self, bucket: str, number: int, walk: Walk) -> None:
        walks = self.passes[bucket].walks
        self.passes[bucket] = replace(self.passes[bucket], walks=(*walks[:number], walk, *walks[number + 1 :]))


@dataclass(frozen=True, slots=True)
class Written:
    """A version in a MemorySources bucket. A delete marker has no `version`."""

    id: str
    version: Version | None


@dataclass
class MemorySources:
    """Source buckets, versioned or not. `told` is called with each event: type, original, version, version id."""

    versioned: bool = False
    keys: dict[Original, list[Written]] = field(default_factory=dict)
    """The versions of each key, the newest first."""
    told: Callable[[str, Original, Version | None, str | None], None] = lambda *_: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    made: int = 0

    def put(self, original: Original, etag: str, size: int = 1) -> None:
        self.made += 1
        version = Version(original, etag, size, self.now(), f"v{self.made}" if self.versioned else None)
        self.keys[original] = [
            Written(f"v{self.made}", version),
            *(self.keys.get(original, []) if self.versioned else []),
        ]
        self.told("ObjectCreated:Put", original, version, version.version_id)

    def remove(self, original: Original) -> None:
        """Delete without a version id."""
        self.made += 1
        if self.versioned:
            self.keys[original] = [Written(f"v{self.made}", None), *self.keys.get(original, [])]
            self.told("ObjectRemoved:DeleteMarkerCreated", original, None, f"v{self.made}")
        elif self.keys.pop(original, None):
            self.told("ObjectRemoved:Delete", original, None, None)

    def remove_version(self, original: Original, version_id: str) -> None:
        self.keys[original] = [written for written in self.keys[original] if written.id != version_id]
        self.told("ObjectRemoved:Delete", original, None, version_id)

    def find(self, version: Version) -> Version:
        """Exactly this version, or in a bucket without versions this content. Raises SourceGone, SourceChanged."""
        written = self.keys.get(version.original, [])
        if version.version_id is not None:
            found = [w.version for w in written if w.version and w.version.version_id == version.version_id]
            if not found:
                raise SourceGone(f"{version.original} has no version {version.version_id}")
            return found[0]
        current = written[0].version if written else None
        if current is None:
            raise SourceGone(f"{version.original} is gone")
        if current.etag != version.etag:
            raise SourceChanged(f"{version.original} is another object now")
        return current

    def head(self, original: Original) -> Version | None:
        written = self.keys.get(original)
        return written[0].version if written else None

    def listing(self, bucket: str, prefix: str, after: str) -> Iterator[Version]:
        for original in sorted(self.keys):
            current = self.head(original)
            if current and original.bucket == bucket and original.key.startswith(prefix) and original.key > after:
                yield replace(current, version_id=None)

    def prefixes(self, bucket: str, prefix: str) -> list[str]:
        keys = (listed.original.key for listed in self.listing(bucket, prefix, ""))
        rests = ((key, key[len(prefix) :]) for key in keys)
        return sorted({prefix + rest.split("/")[0] + "/" for _, rest in rests if "/" in rest})


@dataclass
class MemoryBackups:
    """The backup bucket, and what copies into it. `locked` holds what may not be deleted yet."""

    sources: MemorySources
    objects: dict[CopyKey, tuple[Version, Stored]] = field(default_factory=dict)
    locked: set[CopyKey] = field(default_factory=set)

    def copy(self, version: Version, copy_key: CopyKey) -> Stored:
        found = self.sources.find(version)
        stored = Stored(found.etag, checksum=f"MEMORY:{found.etag}")
        self.objects[copy_key] = found, stored
        return stored

    def head(self, copy_key: CopyKey, version_id: str | None) -> Stored | None:  # noqa: ARG002 - it keeps no versions
        found = self.objects.get(copy_key)
        return found[1] if found else None

    def remove(self, copy_key: CopyKey) -> None:
        if copy_key in self.locked:
            raise Locked(f"{copy_key!r} is locked")
        self.objects.pop(copy_key, None)

    def listing(self, prefix: str, after: str) -> Iterator[BackupObject]:
        for copy_key in sorted(self.objects):
            if copy_key.startswith(prefix) and copy_key > after and copy_key in self.objects:
                version, stored = self.objects[copy_key]
                yield BackupObject(copy_key, version.size, stored.etag, stored.version_id)

    def names(self, prefix: str) -> Iterator[CopyKey]:
        return (entry.copy_key for entry in self.listing(prefix, ""))
