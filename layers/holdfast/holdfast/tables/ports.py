"""What the tables system asks of the outside. Each has two implementations: AWS's, and one in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from holdfast.tables.model import Description, Image, Moment, Reference

type Settings = dict[str, Any]


class NotStored(LookupError):
    """The archive has no object of that name."""


class TableMissing(LookupError):
    """There is no such table."""


class TableExists(Exception):
    """There is a table of that name already."""


class NotTaken(ValueError):
    """A table does not take an item. Names it, and says why."""


class Store(Protocol):
    """The folder of one table in the archive: objects by name. Nothing is ever deleted from it."""

    def write(self, name: str, body: bytes) -> None: ...

    def read(self, name: str) -> bytes:
        """Raises NotStored."""

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        """Names that begin with a prefix, in order, from the first behind `after`."""


class ItemObjects(Protocol):
    """The objects of items, in a bucket that keeps their versions."""

    def put(self, key: str, body: bytes, moment: Moment) -> Reference:
        """Write a version; its moment stands in its metadata."""

    def put_if_newer(self, key: str, body: bytes, moment: Moment, *, if_other: bool = False) -> Reference | None:
        """Write a version unless the newest is as new, or somebody writes at the same time; then None. `if_other`: and
        unless the newest holds the same."""

    def remove(self, key: str) -> None:
        """Cover the object with a delete marker."""

    def forget(self, reference: Reference) -> None:
        """Delete a version that was just written, and should not have been."""

    def fetch(self, reference: Reference) -> bytes:
        """The body of a version. Raises NotStored if it is gone."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a scan. `as_of`: Unix seconds by DynamoDB's clock, no later than any of them was read.
    `next_key`: where the scan goes on, None at its end. `capacity_units`: what it used."""

    items: Sequence[Image]
    as_of: int
    next_key: Image | None
    capacity_units: float


class LiveTable(Protocol):
    """One DynamoDB table. All reads are strongly consistent."""

    @property
    def name(self) -> str: ...

    def describe(self, taken_at: int) -> Description:
        """Raises TableMissing."""

    def scan(self, segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        """A page of one part of a parallel scan, of `limit` items at most. Raises TableMissing."""

    def get(self, keys: Image) -> Image | None:
        """Raises TableMissing."""

    def time(self) -> int:
        """Unix seconds by DynamoDB's clock, rounded up: no earlier than anything that was read before. Raises
        TableMissing."""

    def put_all(self, images: Sequence[Image]) -> Sequence[Image]:
        """Put up to 25 items. Returns those that DynamoDB did not get to: to be tried again, after a pause.

        Raises NotTaken for one that is not as the table's keys and indexes want it; then others may not be put either.
        """

    def change(self, keys: Image, before: Image | None, after: Image | None) -> None:
        """Make an item what it is after, if it is what it was before; None if it is not there.

        Raises Conflict if it is anything else, and has then changed nothing.
        """

    def create(self, like: Description, tags: Sequence[dict[str, str]]) -> None:
        """Create this table with keys, indexes, billing mode, stream setting and tags of another, and wait until it can
        be used. Raises TableExists."""

    def wait(self) -> None:
        """Wait until this table, which somebody has created, can be used."""

    def expire_like(self, like: Description) -> None:
        """Give this table the other's time to live."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of a stream: its sequence numbers. `last`: None while it is open."""

    shard_id: str
    parent_id: str | None
    first: int
    last: int | None


class Trimmed(LookupError):
    """The stream does not hold these records any more: a day has passed."""


class Undelivered(Exception):
    """A stream has not come to a record that it should hold: it may later."""


class Stream(Protocol):
    """One stream of a table. Its records are those that Lambda delivers, as they are there."""

    @property
    def arn(self) -> str: ...

    def shards(self) -> Sequence[Shard]:
        """Raises Trimmed if there is no such stream any more."""

    def oldest(self, shard_id: str, limit: int) -> Sequence[dict[str, Any]]:
        """The oldest records that a shard still holds. Raises Trimmed if there is no such shard any more."""

    def records(self, shard_id: str, first: int, last: int) -> Iterator[dict[str, Any]]:
        """The records from one sequence number to another, both included. Raises Trimmed, at the first or on the way;
        Undelivered if it does not come to the last."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a queue. `receipt`: what it is deleted with."""

    message_id: str
    receipt: str
    body: str


class FailureQueue(Protocol):
    """Where Lambda says which records of a stream it gave up."""

    def receive(self) -> Iterator[Message]:
        """Each message once; nobody else gets them for some minutes."""

    def delete(self, message: Message) -> None: ...

    def release(self, message: Message) -> None:
        """Let others have it again."""

    def depth(self) -> int:
        """About how many messages there are."""


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """What has Lambda call a function with the records of a stream. `settings`: as Lambda's API names them."""

    mapping_id: str
    stream_arn: str
    state: str
    settings: Settings


class StreamMappings(Protocol):
    """The event source mappings of one function."""

    def all(self) -> Sequence[StreamMapping]: ...

    def create(self, stream_arn: str, settings: Settings) -> None:
        """From the oldest record on that the stream holds. Returns once it is enabled."""

    def update(self, mapping: StreamMapping, settings: Settings) -> None:
        """Give a mapping these settings, and enable it. Returns once it is."""


class StreamSwitch(Protocol):
    """A table's stream, to be switched on."""

    def on(self) -> str:
        """Switch it on, with both images. Returns its ARN once it can be read."""
