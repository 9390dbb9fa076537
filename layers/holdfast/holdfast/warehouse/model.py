"""What the warehouse system speaks of: sources and their inventories, objects, copies, and what becomes of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal


class SourceInvalid(ValueError):
    """What should name a source does not."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} names no source: s3://BUCKET/PREFIX is one database, s3://BUCKET/PREFIX/* one for each prefix"
            " below it; #ID may follow, the name of the inventory configuration"
        )


_SOURCE = re.compile(
    r"s3://(?P<bucket>[a-z0-9.-]{3,63})(?P<path>/[^*#,]*?)?(?P<star>/\*)?/?(#(?P<id>[A-Za-z0-9._-]{1,64}))?"
)

DEFAULT_INVENTORY_ID = "holdfast"


@dataclass(frozen=True, slots=True)
class Source:
    """A prefix of a bucket that is backed up, and the S3 Inventory configuration that lists it.

    `prefix`: empty, or ends with a slash. `many`: each first-level prefix below is a database; else the whole is one.
    """

    bucket: str
    prefix: str
    many: bool = False
    inventory_id: str = DEFAULT_INVENTORY_ID

    @classmethod
    def parse(cls, text: str) -> "Source":
        """`s3://BUCKET/PREFIX`, `s3://BUCKET/PREFIX/*`, each with `#ID` or without. Raises SourceInvalid."""
        found = _SOURCE.fullmatch(text)
        if found is None:
            raise SourceInvalid(text)
        path = (found["path"] or "").strip("/")
        prefix = f"{path}/" if path else ""
        return cls(found["bucket"], prefix, found["star"] is not None, found["id"] or DEFAULT_INVENTORY_ID)

    @property
    def name(self) -> str:
        """What people, metrics and folder names call it."""
        return f"{self.bucket}/{self.prefix}{'*' if self.many else ''}".rstrip("/")

    def __str__(self) -> str:
        """As `parse` reads it."""
        id_ = "" if self.inventory_id == DEFAULT_INVENTORY_ID else f"#{self.inventory_id}"
        return f"s3://{self.name}{id_}"

    def database_of(self, key: str) -> str | None:
        """The database a key belongs to; None if it is none's."""
        if not key.startswith(self.prefix):
            return None
        if not self.many:
            return self.prefix.rstrip("/") or self.bucket
        name, slash, _ = key.removeprefix(self.prefix).partition("/")
        return f"{self.prefix}{name}" if slash and name else None


class FileFormat(StrEnum):
    """Of the parts of an inventory, as its manifest spells it."""

    CSV = "CSV"
    ORC = "ORC"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True)
class Part:
    """A data file of an inventory. `size` in bytes, as stored; `md5` in hex."""

    key: str
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `manifest.json` says of an inventory.

    `columns`: the names of its columns in their order, in the spelling of CSV inventories (`StorageClass`), whatever
    the format. https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """

    source_bucket: str
    created_at: datetime
    file_format: FileFormat
    columns: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts, as stored."""
        return sum(part.size for part in self.parts)


class Kind(StrEnum):
    """What a key is to a Delta table."""

    LOG = "log"
    """Anything below `_delta_log/`: commits, checkpoints, their sidecars, `_last_checkpoint`."""
    DATA = "data"
    """Parquet files and deletion vectors."""
    OTHER = "other"


def kind_of(key: str) -> Kind:
    """https://github.com/delta-io/delta/blob/master/PROTOCOL.md#file-types"""
    *folders, name = key.split("/")
    if "_delta_log" in folders:
        return Kind.LOG
    if name.endswith(".parquet") or (name.startswith("deletion_vector_") and name.endswith(".bin")):
        return Kind.DATA
    return Kind.OTHER


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the inventory lists it and as a manifest names it. `version_id`: None without versioning."""

    key: str
    version_id: str | None
    etag: str
    size: int
    modified: datetime
    kind: Kind


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as S3 tells of it. `etag` without quotes."""

    size: int
    etag: str
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class Copy:
    """A row of the ledger: a copy that was seen stored.

    `run` and the source's key make its key in the backup bucket. `etag`, `version_id`: of the source's object.
    `copy_etag`: of the copy, which differs where S3 put it together anew.
    """

    run: str
    key: str
    version_id: str | None
    etag: str
    size: int
    modified: datetime
    kind: Kind
    stored_at: datetime
    copy_etag: str
    storage_class: str


class Phase(StrEnum):
    """What is copied together. Logs come last: a log that is there never names what was not yet tried."""

    DATA = "data"
    LARGE = "large"
    """Data objects above what one CopyObject, and S3 Batch Operations, take."""
    LOGS = "logs"


class Engine(StrEnum):
    """Who copies."""

    DIRECT = "direct"
    BATCH = "batch"


type Route = Literal["lambda", "task", "athena"]
"""Where a source is planned."""


class State(StrEnum):
    """What was decided last of a copy whose original is gone."""

    MARKED = "marked"
    """Tagged as retired; its grace has begun."""
    EXPIRING = "expiring"
    """Handed to the lifecycle rule. It counts as backed up no more."""
    KEPT = "kept"
    """Taken back."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """A row of what was decided of a copy: the newest counts."""

    run: str
    """Of the copy."""
    key: str
    etag: str
    state: State
    at: datetime


@dataclass(frozen=True, slots=True)
class Gone:
    """A copy whose original the inventory does not list, with the state of its retirement, if it has one."""

    copy: Copy
    state: State | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one place can take."""

    lambda_files: int
    lambda_bytes: int
    """Of an inventory's parts, as stored."""
    task_bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """When copies of what is gone may go."""

    min_age: timedelta
    """Since the copy was stored: Glacier bills at least 90 days."""
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Tally:
    """Objects and their bytes."""

    objects: int = 0
    size: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.objects + other.objects, self.size + other.size)


def total(tallies: Sequence[Tally]) -> Tally:
    return sum(tallies, Tally())


type Tier = Literal["Expedited", "Standard", "Bulk"]
"""How fast an object thaws. https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html"""


class NotAnItem(ValueError):
    """An event tells no run and source."""


@dataclass(frozen=True, slots=True)
class Item:
    """One source in one run. `inventory`: the folder of its inventory, with a slash at its end; None without one."""

    run: str
    source: Source
    inventory: str | None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Item":
        """Raises NotAnItem, SourceInvalid."""
        try:
            run, source, inventory = event["run"], event["source"], event["inventory"]
        except KeyError as error:
            raise NotAnItem(f"the event tells no {error} of a source to back up") from None
        if not isinstance(run, str) or not isinstance(source, str) or not isinstance(inventory, str | None):
            raise NotAnItem("the event's run, source and inventory are to be texts")
        return cls(run, Source.parse(source), inventory)

    @property
    def told(self) -> dict[str, Any]:
        return {"run": self.run, "source": str(self.source), "inventory": self.inventory}
