"""The ports of the warehouse system in memory: buckets with versions, classes, tags, and a clock that dates them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path

from holdfast.ports import Clock
from holdfast.warehouse.model import Listed, Stored, Tier, kind_of
from holdfast.warehouse.ports import (
    Access,
    Found,
    Frozen,
    NotStored,
    SourceChanged,
    SourceGone,
    SourceUnreadable,
    TierRefused,
    check_length,
)

ARCHIVE_CLASSES = {"GLACIER", "DEEP_ARCHIVE"}
COPIED_AT_ONCE = 5 * 1024**3
PIECE = 1024**2

type Hook = Callable[[str, str, str], None]
"""Called before each call: its name, the bucket, the key or prefix. It may raise, or change what is there."""


@dataclass(frozen=True, slots=True)
class Written:
    """A version of an object; without a body, a delete marker. `size`: as S3 tells it, whatever the body.

    `thawed`: from when until when it can be read, though its class is one that freezes.
    """

    id: str
    body: bytes | None
    modified: datetime
    size: int = 0
    etag: str = ""
    storage_class: str = "STANDARD"
    tags: Mapping[str, str] = field(default_factory=dict)
    thawed: tuple[datetime, datetime] | None = None

    @property
    def stored(self) -> Stored:
        return Stored(self.size, self.etag, self.storage_class)

    def access(self, now: datetime) -> Access:
        if self.storage_class not in ARCHIVE_CLASSES or (self.thawed and self.thawed[0] <= now < self.thawed[1]):
            return Access.READABLE
        return Access.THAWING if self.thawed and now < self.thawed[0] else Access.FROZEN


@dataclass
class MemoryWarehouse:
    """All buckets of an account. `thawing`: how long an object takes to thaw."""

    now: Clock = lambda: datetime.now(UTC)
    before: Hook = lambda *_: None
    thawing: timedelta = timedelta(hours=4)
    buckets: dict[str, "MemoryBucket"] = field(default_factory=dict)
    made: int = 0

    def bucket(self, name: str, *, versioned: bool = False) -> "MemoryBucket":
        """The bucket of that name: made if there is none."""
        return self.buckets.setdefault(name, MemoryBucket(self, name, versioned))

    def version_id(self) -> str:
        self.made += 1
        return f"v{self.made}"


@dataclass
class MemoryBucket:
    """The `Bucket` of the warehouse system, and what its users do.

    `keys` are the versions of each, the newest first; without versioning, one.
    """

    account: MemoryWarehouse = field(repr=False)
    name: str
    versioned: bool = False
    keys: dict[str, list[Written]] = field(default_factory=dict)

    # What users do

    def put(
        self, key: str, body: bytes, storage_class: str = "STANDARD", *, size: int | None = None, etag: str = ""
    ) -> Listed:
        """Write an object; returns it as an inventory lists it."""
        written = Written(
            id=self.account.version_id(),
            body=body,
            modified=self.account.now().replace(microsecond=0),
            size=len(body) if size is None else size,
            etag=etag or md5(body, usedforsecurity=False).hexdigest(),
            storage_class=storage_class,
        )
        self.keys[key] = [written, *(self.keys.get(key, []) if self.versioned else [])]
        version_id = written.id if self.versioned else None
        return Listed(key, version_id, written.etag, written.size, written.modified, kind_of(key))

    def remove(self, key: str) -> None:
        """Delete without a version id."""
        if self.versioned:
            marker = Written(self.account.version_id(), None, self.account.now().replace(microsecond=0))
            self.keys[key] = [marker, *self.keys.get(key, [])]
        else:
            self.keys.pop(key, None)

    def remove_version(self, key: str, version_id: str) -> None:
        self.keys[key] = [written for written in self.keys[key] if written.id != version_id]

    def current(self, key: str) -> Written | None:
        """None behind a delete marker, as where nothing is."""
        versions = self.keys.get(key)
        return versions[0] if versions and versions[0].body is not None else None

    def change(self, written: Written, key: str, **changes: object) -> None:
        """The same version with other properties."""
        changed = replace(written, **changes)  # type: ignore[arg-type]
        self.keys[key] = [changed if one is written else one for one in self.keys[key]]

    # Bucket

    def read(self, key: str) -> bytes:
        return self._body("read", key)

    def stream(self, key: str) -> Iterator[bytes]:
        body = self._body("stream", key)
        return (body[start : start + PIECE] for start in range(0, len(body), PIECE))

    def read_from(self, key: str, start: int) -> bytes:
        return self._body("read_from", key)[start:]

    def _body(self, call: str, key: str) -> bytes:
        self.account.before(call, self.name, key)
        found = self.find(key)
        if found.body is None or found.access(self.account.now()) is not Access.READABLE:
            raise Frozen(f"{key!r} in {self.name} lies in an archive class: it can be read when it is thawed")
        return found.body

    def find(self, key: str) -> Written:
        """Raises NotStored."""
        found = self.current(key)
        if found is None:
            raise NotStored(f"{key!r} is not in {self.name}")
        return found

    def write(self, key: str, body: bytes) -> None:
        self.account.before("write", self.name, key)
        self.put(key, body)

    def write_file(self, key: str, path: Path) -> Stored:
        self.account.before("write_file", self.name, key)
        self.put(key, path.read_bytes())
        return self.find(key).stored

    def head(self, key: str) -> Stored | None:
        self.account.before("head", self.name, key)
        found = self.current(key)
        return found.stored if found else None

    def listing(self, prefix: str, after: str = "") -> Iterator[Found]:
        self.account.before("listing", self.name, prefix)
        for key in sorted(key for key in list(self.keys) if key.startswith(prefix) and key > after):
            if found := self.current(key):
                yield Found(key, found.stored, found.modified)

    def prefixes(self, prefix: str) -> Iterator[str]:
        self.account.before("prefixes", self.name, prefix)
        rests = (key.removeprefix(prefix) for key in list(self.keys) if key.startswith(prefix) and self.current(key))
        yield from sorted({f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest})

    def tags(self, key: str) -> Mapping[str, str]:
        self.account.before("tags", self.name, key)
        return dict(self.find(key).tags)

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        self.account.before("tag", self.name, key)
        self.change(self.find(key), key, tags=dict(tags))


@dataclass(frozen=True, slots=True)
class MemoryCopier:
    """The `Copier` of the warehouse system. What is larger than S3 copies at once has an ETag of its own."""

    source: MemoryBucket
    target: MemoryBucket
    storage_class: str = "STANDARD"

    def __call__(self, listed: Listed, copy_key: str) -> Stored:
        self.source.account.before("copy", self.source.name, listed.key)
        check_length(listed, copy_key)
        found = self._find(listed)
        if found.body is None:
            raise SourceGone(f"{listed.key!r} is gone")
        if found.access(self.source.account.now()) is not Access.READABLE:
            raise SourceUnreadable(f"{listed.key!r} lies in an archive")
        etag = f"{found.etag}-2" if found.size > COPIED_AT_ONCE else found.etag.partition("-")[0]
        self.target.put(copy_key, found.body, self.storage_class, size=found.size, etag=etag)
        return self.target.find(copy_key).stored

    def _find(self, listed: Listed) -> Written:
        if listed.version_id in (None, "null"):
            current = self.source.current(listed.key)
            if current is None:
                raise SourceGone(f"{listed.key!r} is gone")
            if current.etag != listed.etag:
                raise SourceChanged(f"{listed.key!r} is another object now")
            return current
        for written in self.source.keys.get(listed.key, []):
            if written.id == listed.version_id:
                return written
        raise SourceGone(f"{listed.key!r} is gone")


@dataclass(frozen=True, slots=True)
class MemoryVault:
    """The `Vault` of the warehouse system."""

    bucket: MemoryBucket

    def access(self, key: str) -> Access:
        self.bucket.account.before("access", self.bucket.name, key)
        return self.bucket.find(key).access(self.bucket.account.now())

    def thaw(self, key: str, days: int, tier: Tier) -> None:
        self.bucket.account.before("thaw", self.bucket.name, key)
        found, now = self.bucket.find(key), self.bucket.account.now()
        if found.storage_class == "DEEP_ARCHIVE" and tier == "Expedited":
            raise TierRefused(f"{key!r} does not thaw in tier {tier}")
        access = found.access(now)
        if found.storage_class in ARCHIVE_CLASSES and access is not Access.THAWING:
            begin = now if access is Access.READABLE else now + self.bucket.account.thawing
            self.bucket.change(found, key, thawed=(begin, begin + timedelta(days=days)))
