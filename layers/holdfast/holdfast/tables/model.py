"""The words of the tables system: items, their changes, the segments that hold them, and what tables are like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NewType

type AttributeValue = Mapping[str, Any]
"""A value in DynamoDB JSON, as it is on the wire: `{"N": "1.50"}`, `{"B": "aGk="}`. Numbers and bytes are text."""

type Image = Mapping[str, AttributeValue]
"""An item, or the key of one: its attributes by name."""

ItemId = NewType("ItemId", str)
"""The MD5 of an item's canonical key, in hex: the same for whoever writes the key, in whatever order and form."""


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """When a change came, and behind which others.

    `at`: Unix seconds: DynamoDB tells no more of a change's time. `sequence`: its SequenceNumber in the stream, which
    orders the changes of one item. 0 for what was read from the table: whatever changed within that second comes after.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
    """

    at: int
    sequence: int = 0

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


class Cause(StrEnum):
    """Why an item is as it is from a moment on."""

    WRITE = "write"
    EXPIRY = "expiry"
    """DynamoDB removed it: its time to live was over."""
    READ = "read"
    """It was found so in the table: by a backfill, or by a check."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where an image is stored: one version of an object, and the MD5 of its body in hex."""

    key: str
    version_id: str
    md5: str


@dataclass(frozen=True, slots=True)
class Change:
    """How an item is from a moment on: `image`, or what `stored` refers to, or neither if it is removed. Where both are
    there, they are the same.

    `tenant`: whose it is; of what was removed, whose it was. None where tables have no tenants, and for an item that
    names none.
    """

    item: ItemId
    keys: Image
    moment: Moment
    cause: Cause
    image: Image | None = None
    stored: Reference | None = None
    tenant: str | None = None

    @property
    def is_removal(self) -> bool:
        return self.image is None and self.stored is None


@dataclass(frozen=True, slots=True)
class Segment:
    """Some changes of one table, stored together: what its name and its first line tell of them.

    `shard`: where in the stream they came from, if that was told. `base`: the backfill that read them, if one did.
    """

    name: str
    first: Moment
    last: Moment
    count: int
    shard: str | None = None
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Base:
    """A backfill: all that a table held, read while it was in use.

    `began`: Unix seconds, no later than any read. `ended`: no earlier than any; None while it is under way.
    `total_segments`: into how many parts the scan is divided. `done`: how far each came: None once it is complete.
    """

    run: str
    began: int
    ended: int | None
    items: int
    total_segments: int
    done: Mapping[int, Image | None]


@dataclass(frozen=True, slots=True)
class Description:
    """What a table is like, besides its items: as DynamoDB describes it. `taken_at`: Unix seconds."""

    taken_at: int
    table: Mapping[str, Any]
    time_to_live: Mapping[str, Any]
    tags: tuple[Mapping[str, str], ...] = ()

    @property
    def name(self) -> str:
        return str(self.table["TableName"])

    @property
    def has_stream(self) -> bool:
        """Whether its stream is on. `LatestStreamLabel` and `LatestStreamArn` stay when it is switched off."""
        return bool(self.table.get("StreamSpecification", {}).get("StreamEnabled"))

    @property
    def key_names(self) -> tuple[str, ...]:
        """The attributes of the key: of the partition key, then of the sort key if there is one."""
        schema = sorted(self.table["KeySchema"], key=lambda part: part["KeyType"] != "HASH")
        return tuple(part["AttributeName"] for part in schema)

    @property
    def key_types(self) -> Mapping[str, str]:
        """S, N or B, by the key's attributes."""
        types = {one["AttributeName"]: one["AttributeType"] for one in self.table["AttributeDefinitions"]}
        return {name: types[name] for name in self.key_names}


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes that the archive misses and nobody can deliver any more. Times are Unix seconds; either may be unknown.

    A backfill since then closes it for every later moment; the moments within stay uncertain.
    """

    first_at: int | None
    last_at: int | None
    why: str
    records: int | None = None
    shard: str | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The items of a table at a moment, each as a change that made it so. `base`: the backfill that it builds on.

    `complete_since`: from when on the archive holds every item. `gaps`: those that touch it.
    """

    at: int
    items: Mapping[ItemId, Change]
    base: Base | None
    complete_since: int | None
    gaps: tuple[Gap, ...]

    @property
    def is_complete(self) -> bool:
        return self.complete_since is not None and self.complete_since <= self.at and not self.gaps
