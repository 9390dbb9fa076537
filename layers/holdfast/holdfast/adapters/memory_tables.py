"""The ports of the tables system in memory: what its model tests run on."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import md5
from typing import Any

from holdfast.ports import Conflict
from holdfast.tables import item
from holdfast.tables.model import Description, Image, ItemId, Moment, Reference
from holdfast.tables.ports import (
    Message,
    NotStored,
    Page,
    Settings,
    Shard,
    StreamMapping,
    TableExists,
    TableMissing,
    Trimmed,
    Undelivered,
)


@dataclass
class MemoryStore:
    """A table's folder."""

    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, name: str, body: bytes) -> None:
        self.files[name] = body

    def read(self, name: str) -> bytes:
        try:
            return self.files[name]
        except KeyError:
            raise NotStored(f"{name!r} is not in the archive") from None

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        names = sorted(name for name in self.files if name.startswith(prefix))
        yield from names[bisect_right(names, after) :]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an item's object; without a body, a delete marker."""

    version_id: str
    body: bytes | None
    moment: Moment | None


@dataclass
class MemoryItemObjects:
    """A versioned bucket: the versions of each key, the oldest first."""

    versions: dict[str, list[Version]] = field(default_factory=dict)
    written: int = 0

    def put(self, key: str, body: bytes, moment: Moment) -> Reference:
        version = self._add(key, body, moment)
        return Reference(key, version.version_id, md5(body, usedforsecurity=False).hexdigest())

    def _add(self, key: str, body: bytes | None, moment: Moment | None) -> Version:
        self.written += 1
        version = Version(f"v{self.written}", body, moment)
        self.versions.setdefault(key, []).append(version)
        return version

    def put_if_newer(self, key: str, body: bytes, moment: Moment, *, if_other: bool = False) -> Reference | None:
        newest = self.newest(key)
        if newest and if_other and newest.body == body:
            return None
        if newest and newest.moment and newest.moment >= moment:
            return None
        return self.put(key, body, moment)

    def newest(self, key: str) -> Version | None:
        """The current version; None behind a delete marker, as where nothing is."""
        versions = self.versions.get(key)
        return versions[-1] if versions and versions[-1].body is not None else None

    def remove(self, key: str) -> None:
        self._add(key, None, None)

    def forget(self, reference: Reference) -> None:
        versions = self.versions.get(reference.key, [])
        self.versions[reference.key] = [one for one in versions if one.version_id != reference.version_id]

    def fetch(self, reference: Reference) -> bytes:
        for version in self.versions.get(reference.key, []):
            if version.version_id == reference.version_id and version.body is not None:
                return version.body
        raise NotStored(f"version {reference.version_id} of {reference.key!r} is not in the archive")


@dataclass
class MemoryTable:
    """A DynamoDB table. `description`: None if there is no such table."""

    name: str
    description: Description | None
    now: Callable[[], int]
    items: dict[ItemId, Image] = field(default_factory=dict)

    def describe(self, taken_at: int) -> Description:
        return replace(self._there(), taken_at=taken_at)

    def _there(self) -> Description:
        if self.description is None:
            raise TableMissing(f"there is no table {self.name!r}")
        return self.description

    def scan(self, segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        names, as_of = self._there().key_names, self.now()
        mine = sorted(one for one in self.items if int(one, 16) % total_segments == segment)
        start = bisect_right(mine, item.item_id(after)) if after else 0
        some = [self.items[one] for one in mine[start : start + limit]]
        more = start + limit < len(mine)
        return Page(some, as_of, item.keys_of(some[-1], names) if more else None, len(some) / 2)

    def get(self, keys: Image) -> Image | None:
        self._there()
        return self.items.get(item.item_id(keys))

    def time(self) -> int:
        self._there()
        return self.now()

    def put_all(self, images: Sequence[Image]) -> Sequence[Image]:
        names = self._there().key_names
        for image in images:
            self.items[item.item_id(item.keys_of(image, names))] = image
        return []

    def change(self, keys: Image, before: Image | None, after: Image | None) -> None:
        self._there()
        one = item.item_id(keys)
        if not item.is_same(self.items.get(one), before):
            raise Conflict(f"{dict(keys)} was changed meanwhile")
        if after is None:
            self.items.pop(one, None)
        else:
            self.items[one] = after

    def create(self, like: Description, tags: Sequence[dict[str, str]]) -> None:
        if self.description is not None:
            raise TableExists(f"there is a table {self.name!r} already")
        table = dict(like.table) | {"TableName": self.name}
        own = {tag["Key"]: tag for tag in (*like.tags, *tags) if not tag["Key"].startswith("aws:")}
        self.description = Description(self.now(), table, {"TimeToLiveStatus": "DISABLED"}, tuple(own.values()))

    def wait(self) -> None:
        self._there()

    def expire_like(self, like: Description) -> None:
        there = self._there()
        if like.time_to_live.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
            time_to_live = {**like.time_to_live, "TimeToLiveStatus": "ENABLED"}
            self.description = replace(there, time_to_live=time_to_live)


@dataclass
class MemoryStream:
    """A stream: the raw records of each shard. What is `trimmed`, up to a sequence number, is gone."""

    arn: str
    open_shards: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    trimmed: int = 0

    def shards(self) -> Sequence[Shard]:
        return [self._shard(shard_id, records) for shard_id, records in self.open_shards.items()]

    def _shard(self, shard_id: str, records: Sequence[Mapping[str, Any]]) -> Shard:
        numbers = [_sequence(record) for record in records] or [0]
        return Shard(shard_id, self.parents.get(shard_id), numbers[0], numbers[-1] if shard_id in self.closed else None)

    def oldest(self, shard_id: str, limit: int) -> Sequence[dict[str, Any]]:
        if shard_id not in self.open_shards:
            raise Trimmed(f"there is no shard {shard_id} any more")
        if shard_id not in self.open_shards:
            raise Trimmed(f"shard {shard_id} does not hold anything any more")
        held = [dict(record) for record in self.open_shards[shard_id] if _sequence(record) > self.trimmed]
        return held[:limit]

    def records(self, shard_id: str, first: int, last: int) -> Iterator[dict[str, Any]]:
        if first <= self.trimmed or shard_id not in self.open_shards:
            raise Trimmed(f"shard {shard_id} does not hold record {first} any more")
        yield from (dict(one) for one in self.open_shards[shard_id] if first <= _sequence(one) <= last)
        if not any(_sequence(one) >= last for one in self.open_shards[shard_id]):
            raise Undelivered(f"shard {shard_id} did not come to record {last}: try again later")


def _sequence(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


@dataclass
class MemoryFailureQueue:
    """A queue: its messages, and those among them that somebody has received."""

    messages: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def send(self, body: str) -> str:
        message_id = f"m{len(self.messages) + 1}"
        self.messages[message_id] = body
        return message_id

    def receive(self) -> Iterator[Message]:
        for message_id in [one for one in self.messages if one not in self.hidden]:
            self.hidden.add(message_id)
            yield Message(message_id, f"receipt of {message_id}", self.messages[message_id])

    def delete(self, message: Message) -> None:
        del self.messages[message.message_id]
        self.hidden.discard(message.message_id)

    def release(self, message: Message) -> None:
        self.hidden.discard(message.message_id)

    def depth(self) -> int:
        return len(self.messages)


@dataclass
class MemoryStreamMappings:
    """The event source mappings of a function."""

    mappings: list[StreamMapping] = field(default_factory=list)

    def all(self) -> Sequence[StreamMapping]:
        return list(self.mappings)

    def create(self, stream_arn: str, settings: Settings) -> None:
        self.mappings.append(StreamMapping(f"mapping-{len(self.mappings) + 1}", stream_arn, "Enabled", settings))

    def update(self, mapping: StreamMapping, settings: Settings) -> None:
        updated = replace(mapping, settings=settings, state="Enabled")
        self.mappings[self.mappings.index(mapping)] = updated


@dataclass
class MemoryStreamSwitch:
    """The stream of a table."""

    table: MemoryTable
    arn: str

    def on(self) -> str:
        description = self.table.describe(0)
        streaming = {
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            "LatestStreamArn": self.arn,
            "LatestStreamLabel": self.arn.rpartition("/")[2],
        }
        self.table.description = replace(description, table={**description.table, **streaming})
        return self.arn
