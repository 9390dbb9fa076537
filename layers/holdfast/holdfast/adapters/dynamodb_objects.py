"""CopyTable in DynamoDB: the rows of copies, and what the objects system remembers besides them.

Partition `original_key`, sort `copy_key`. Every original and every name of a copy holds a slash: keys of ours that have
none cannot be met by whatever a user names. Times are numbers, Unix milliseconds; `expires_at` is in Unix seconds.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.dynamodb_items import Item, from_item, to_item
from holdfast.events.model import Sequencer
from holdfast.objects import naming
from holdfast.objects.model import (
    Copy,
    CopyKey,
    Counts,
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
from holdfast.ports import Clock, Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DISOWNED_INDEX = "status-disowned_at-index"
"""Partition `status`, sort `disowned_at`, with `size`. Only copies that were disowned have a `disowned_at` besides a
`status`, so the index holds nothing else."""

DELETED = "__DELETED__"
"""The sort key of an original's deletion."""

ORIGINAL = "__ORIGINAL__"
"""The sort key of the row, in the partition of a cut folder name, that tells which original it stands for."""

CENSUS = "__CENSUS__"
RECONCILE = "__RECONCILE__"
"""The partition of the passes: an item a bucket, and an item a walk."""

PENDING_FOR = timedelta(days=1)
REMOVING_FOR = timedelta(days=7)
"""How long a row stays that nobody comes back to. What it leaves in the backup bucket, reconciliation finds."""

DELETED_FOR = timedelta(days=30)
"""How long a deletion is remembered: longer than an event can wait to be tried again, and then in a dead-letter queue
(14 days)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class DynamoCopyTable:
    """The `CopyTable` of the objects system."""

    client: "DynamoDBClient"
    table: str
    now: Clock

    def read(self, original: Original) -> Kept:
        items = {item["copy_key"]: item for item in self._partition(str(original))}
        deletion = items.pop(DELETED, None)
        items.pop(ORIGINAL, None)  # of another original, whose name was cut to what this one's is
        copies = tuple(_copy(original, item) for item in items.values())
        return Kept(original, copies, _deletion(deletion) if deletion else None)

    def _partition(self, original_key: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="original_key = :original_key",
            ExpressionAttributeValues={":original_key": {"S": original_key}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(from_item, page["Items"])

    def announce(self, copy: Copy) -> None:
        folder = naming.folder(copy.original)
        if naming.is_cut(folder):
            named = {"original_key": folder, "copy_key": ORIGINAL, "original": str(copy.original)}
            self.client.put_item(TableName=self.table, Item=to_item(named))
        row = _row(copy) | {"expires_at": _seconds(copy.created_at + PENDING_FOR)}
        self.client.put_item(TableName=self.table, Item=to_item(row))

    def activate(self, copy: Copy, stored: Stored) -> None:
        self._change(copy, {Status.PENDING}, Status.ACTIVE, {**_stored_row(stored), "expires_at": None})

    def remember(self, original: Original, deletion: Deletion) -> Deletion:
        row = {
            "original_key": str(original),
            "copy_key": DELETED,
            "sequencer": deletion.order,
            "deleted_at": _milliseconds(deletion.deleted_at),
            "disowned_at": _milliseconds(deletion.disowned_at),
            "expires_at": _seconds(deletion.disowned_at + DELETED_FOR),
        }
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(row),
                ConditionExpression="attribute_not_exists(sequencer) OR sequencer < :sequencer",
                ExpressionAttributeValues={":sequencer": {"S": deletion.order}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            return _deletion(_found(error))
        return deletion

    def disown(self, copy: Copy, disowned_at: datetime, deleted_at: datetime | None) -> None:
        since = {"disowned_at": _milliseconds(disowned_at), "deleted_at": _milliseconds(deleted_at)}
        self._change(copy, {Status.ACTIVE}, Status.DISOWNED, since)

    def adopt(self, copy: Copy) -> None:
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(_row(copy)),
                ConditionExpression="attribute_not_exists(copy_key)",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"{copy.copy_key!r} has a row") from error

    def condemn(self, copy: Copy) -> None:
        until = {"expires_at": _seconds(self.now() + REMOVING_FOR)}
        self._change(copy, {copy.status, Status.REMOVING}, Status.REMOVING, until)

    def _change(self, copy: Copy, expected: Collection[Status], status: Status, changes: Mapping[str, Any]) -> None:
        """Give a row another status and other attributes, of which None takes one away. Raises Conflict."""
        new = {"status": status, **changes}
        sets = ", ".join(f"#{name} = :{name}" for name, value in new.items() if value is not None)
        removes = ", ".join(f"#{name}" for name, value in new.items() if value is None)
        was = {f":was_{status}": status for status in expected}
        values = {f":{name}": value for name, value in new.items()}
        try:
            self.client.update_item(
                TableName=self.table,
                Key=_key(copy),
                UpdateExpression=f"SET {sets} REMOVE {removes}" if removes else f"SET {sets}",
                ConditionExpression=f"#status IN ({', '.join(was)})",
                ExpressionAttributeNames={f"#{name}": name for name in new},
                ExpressionAttributeValues=to_item(values | was),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict(f"{copy.copy_key!r} is {_found(error).get('status', 'gone')}") from error

    def forget(self, copies: Sequence[Copy | DisownedCopy]) -> None:
        for some in batched(map(_key, copies), 25, strict=False):
            for key in self._delete_together(some) if len(some) > 1 else some:
                self.client.delete_item(TableName=self.table, Key=key)

    def _delete_together(self, keys: Sequence[Item]) -> list[Any]:
        """Returns the keys that DynamoDB did not get to: one by one, the SDK tries each of them again, with pauses."""
        answer = self.client.batch_write_item(
            RequestItems={self.table: [{"DeleteRequest": {"Key": key}} for key in keys]}
        )
        return [request["DeleteRequest"]["Key"] for request in answer["UnprocessedItems"].get(self.table, [])]

    def disowned(self, until: datetime) -> Iterator[DisownedCopy]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=DISOWNED_INDEX,
            KeyConditionExpression="#status = :disowned AND disowned_at <= :until",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=to_item({":disowned": Status.DISOWNED, ":until": _milliseconds(until)}),
        )
        for page in pages:
            yield from map(_disowned_copy, map(from_item, page["Items"]))

    def original_of(self, folder: str) -> Original | None:
        key = to_item({"original_key": folder, "copy_key": ORIGINAL})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return Original.of(from_item(item)["original"]) if item else None


def _key(copy: Copy | DisownedCopy) -> Item:
    return to_item({"original_key": str(copy.original), "copy_key": copy.copy_key})


def _row(copy: Copy) -> dict[str, Any]:
    return {
        "original_key": str(copy.original),
        "copy_key": copy.copy_key,
        "status": copy.status,
        "sequencer": copy.order,
        "created_at": _milliseconds(copy.created_at),
        "written_at": _milliseconds(copy.version.written_at),
        "etag": copy.version.etag,
        "size": copy.version.size,
        "version_id": copy.version.version_id,
        "disowned_at": _milliseconds(copy.disowned_at),
        "deleted_at": _milliseconds(copy.deleted_at),
        **(_stored_row(copy.stored) if copy.stored else {}),
    }


def _stored_row(stored: Stored) -> dict[str, str | None]:
    return {"copy_etag": stored.etag, "checksum": stored.checksum, "copy_version_id": stored.version_id}


def _copy(original: Original, item: Mapping[str, Any]) -> Copy:
    stored = None
    if "copy_etag" in item:
        stored = Stored(item["copy_etag"], item.get("checksum"), item.get("copy_version_id"))
    return Copy(
        version=Version(
            original=original,
            etag=item["etag"],
            size=int(item["size"]),
            written_at=_moment(item["written_at"]),
            version_id=item.get("version_id"),
        ),
        copy_key=CopyKey(item["copy_key"]),
        order=Sequencer(item["sequencer"]),
        created_at=_moment(item["created_at"]),
        status=Status(item["status"]),
        stored=stored,
        disowned_at=_moment(item["disowned_at"]) if "disowned_at" in item else None,
        deleted_at=_moment(item["deleted_at"]) if "deleted_at" in item else None,
    )


def _disowned_copy(item: Mapping[str, Any]) -> DisownedCopy:
    original, copy_key = Original.of(item["original_key"]), CopyKey(item["copy_key"])
    return DisownedCopy(original, copy_key, int(item["size"]), _moment(item["disowned_at"]))


def _deletion(item: Mapping[str, Any]) -> Deletion:
    return Deletion(Sequencer(item["sequencer"]), _moment(item["deleted_at"]), _moment(item["disowned_at"]))


def _found(error: ClientError) -> dict[str, Any]:
    """The item that did not meet a condition; empty if there was none."""
    answer: Mapping[str, Any] = error.response
    return from_item(answer.get("Item", {}))


def _seconds(at: datetime) -> int:
    return (at - _EPOCH) // _SECOND


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MILLISECOND


def _moment(milliseconds: Any) -> datetime:
    return _EPOCH + int(milliseconds) * _MILLISECOND


@dataclass(frozen=True, slots=True)
class DynamoCensus:
    """The `Census` of the objects system: one item of CopyTable."""

    client: "DynamoDBClient"
    table: str

    def count(self, change: int) -> int:
        answer = self.client.update_item(
            TableName=self.table,
            Key=to_item(_CENSUS_KEY),
            UpdateExpression="ADD #objects :change",
            ExpressionAttributeNames={"#objects": "objects"},
            ExpressionAttributeValues=to_item({":change": change}),
            ReturnValues="ALL_NEW",
        )
        return int(from_item(answer["Attributes"])["objects"])

    def counted(self) -> int:
        item = self.client.get_item(TableName=self.table, Key=to_item(_CENSUS_KEY)).get("Item")
        return int(from_item(item)["objects"]) if item else 0

    def set(self, number: int) -> None:
        self.client.put_item(TableName=self.table, Item=to_item({**_CENSUS_KEY, "objects": number}))


_CENSUS_KEY = {"original_key": CENSUS, "copy_key": CENSUS}


@dataclass(frozen=True, slots=True)
class DynamoPasses:
    """The `Passes` of the objects system, in CopyTable. Each walk is an item of its own, so that the walks of one pass
    are saved side by side."""

    client: "DynamoDBClient"
    table: str

    def load(self, bucket: str) -> Pass | None:
        key = to_item({"original_key": RECONCILE, "copy_key": bucket})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if not item:
            return None
        head = from_item(item)
        walks = self._walks(bucket)
        return Pass(
            walks=tuple(walks[_walk_key(bucket, number)] for number in range(int(head["walks"]))),
            completed_at=_moment(head["completed_at"]) if "completed_at" in head else None,
        )

    def _walks(self, bucket: str) -> dict[str, Walk]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="original_key = :reconcile AND begins_with(copy_key, :folder)",
            ExpressionAttributeValues=to_item({":reconcile": RECONCILE, ":folder": f"{bucket}/"}),
            ConsistentRead=True,
        )
        items = (from_item(item) for page in pages for item in page["Items"])
        return {item["copy_key"]: _walk(item) for item in items}

    def save(self, bucket: str, passed: Pass) -> None:
        """The walks go first: should it end in between, the pass before stands, and the next one begins anew."""
        for number, walk in enumerate(passed.walks):
            self.save_walk(bucket, number, walk)
        head = {
            "original_key": RECONCILE,
            "copy_key": bucket,
            "walks": len(passed.walks),
            "completed_at": _milliseconds(passed.completed_at),
        }
        answer = self.client.put_item(TableName=self.table, Item=to_item(head), ReturnValues="ALL_OLD")
        before = int(from_item(answer.get("Attributes", {})).get("walks", 0))
        for number in range(len(passed.walks), before):
            left_over = {"original_key": RECONCILE, "copy_key": _walk_key(bucket, number)}
            self.client.delete_item(TableName=self.table, Key=to_item(left_over))

    def save_walk(self, bucket: str, number: int, walk: Walk) -> None:
        item = {"original_key": RECONCILE, "copy_key": _walk_key(bucket, number), **asdict(walk)}
        self.client.put_item(TableName=self.table, Item=to_item(item))


def _walk_key(bucket: str, number: int) -> str:
    return f"{bucket}/{number:05}"


def _walk(item: Mapping[str, Any]) -> Walk:
    return Walk(
        start=item["start"],
        end=item["end"],
        after=item["after"],
        after_copy=item["after_copy"],
        done=item["done"],
        counts=Counts(**{name: int(number) for name, number in item["counts"].items()}),
    )
