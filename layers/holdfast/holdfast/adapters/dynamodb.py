"""ObjectTable and HistoryTable in DynamoDB."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from holdfast.adapters.dynamodb_items import Item, conditional_put, from_item, to_item
from holdfast.capacity.model import (
    BucketState,
    Commit,
    HistoryRow,
    ObjectRow,
    ReconcileProgress,
    Tracked,
)
from holdfast.events.model import Sequencer
from holdfast.ports import Conflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

STATE = "__STATE__"
"""The partition that holds the state rows, a bucket each. No bucket can have this name, and whatever an object is
called, it lies in its own bucket's partition: so nothing a user names can meet it."""

RECONCILE = "__RECONCILE__"
"""The partition of the rows that hold how far reconciliation came."""

SIZE_INDEX = "size-index"
"""Partition `bucket_name`, sort `size`. State rows and tombstones have no `size`, so they are not in it."""

TOMBSTONE_DAYS = 30
"""How long a deleted object's sequencer is kept: longer than an event can wait in a queue (4 days) and then in its
dead-letter queue (14)."""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _epoch(at: datetime, days: int) -> int:
    return int((at + timedelta(days=days)).timestamp())


@dataclass(frozen=True, slots=True)
class DynamoLedger:
    """The `Ledger` of the capacity system. `history_days`: how long history rows live."""

    client: "DynamoDBClient"
    object_table: str
    history_table: str
    history_days: int = 400

    def read(self, bucket: str, names: Sequence[str]) -> tuple[BucketState, dict[str, ObjectRow]]:
        keys = [_key(STATE, bucket), *(_key(bucket, name) for name in names)]
        items = [item for some in batched(keys, 100, strict=False) for item in self._get(list(some))]
        state = BucketState(bucket)
        rows = {}
        for item in items:
            if item["bucket_name"] == STATE:
                state = _state(item)
            else:
                rows[item["object_name"]] = _row(item)
        return state, rows

    def _get(self, keys: list[Item]) -> Iterator[dict[str, Any]]:
        while keys:
            answer = self.client.batch_get_item(
                RequestItems={self.object_table: {"Keys": keys, "ConsistentRead": True}}
            )
            yield from map(from_item, answer["Responses"].get(self.object_table, []))
            left = answer["UnprocessedKeys"].get(self.object_table)
            keys = [dict(key) for key in left["Keys"]] if left else []

    def commit(self, commit: Commit) -> None:
        writes = [
            self._put_state(commit.before, commit.after),
            *(self._put_row(before, after) for before, after in commit.rows),
            *(self._put_history(row) for row in commit.history),
        ]
        try:
            self.client.transact_write_items(TransactItems=writes)
        except self.client.exceptions.TransactionCanceledException as error:
            codes = {reason.get("Code") for reason in error.response["CancellationReasons"]} - {None, "None"}
            if codes <= {"ConditionalCheckFailed", "TransactionConflict"}:
                raise Conflict(f"the state of {commit.before.bucket} or a row of it has changed") from error
            raise

    def _put_state(self, before: BucketState, after: BucketState) -> "TransactWriteItemTypeDef":
        item = {
            "bucket_name": STATE,
            "object_name": after.bucket,
            "total_size": after.total_size,
            "object_count": after.object_count,
            "version": after.version,
            "changed_at": after.changed_at and after.changed_at.isoformat(),
        }
        return conditional_put(self.object_table, item, {"version": before.version or None})

    def _put_row(self, before: ObjectRow | None, after: ObjectRow) -> "TransactWriteItemTypeDef":
        item = {
            "bucket_name": after.bucket,
            "object_name": after.name,
            "size": after.size,
            "sequencer": after.sequencer,
            "updated_at": after.updated_at.isoformat(),
            "last_size": after.last_size,
            "eviction": after.eviction,
            "expires_at": _epoch(after.updated_at, TOMBSTONE_DAYS) if after.size is None else None,
        }
        seen = {"sequencer": before.sequencer if before else None, "size": before.size if before else None}
        return conditional_put(self.object_table, item, seen)

    def _put_history(self, row: HistoryRow) -> "TransactWriteItemTypeDef":
        item = {
            "bucket_name": row.bucket,
            "event_key": row.event_key,
            "object_name": row.object_name,
            "event_type": row.event_type,
            "size_delta": row.size_delta,
            "total_size": row.total_size,
            "time": row.time.isoformat(),
            "eviction": row.eviction,
            "expires_at": _epoch(row.time, self.history_days),
        }
        return {"Put": {"TableName": self.history_table, "Item": to_item(item)}}

    def largest(self, bucket: str) -> Iterator[Tracked]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.object_table,
            IndexName=SIZE_INDEX,
            KeyConditionExpression="bucket_name = :bucket",
            ExpressionAttributeValues={":bucket": {"S": bucket}},
            ScanIndexForward=False,
            PaginationConfig={"PageSize": 10},
        )
        for page in pages:
            for item in map(from_item, page["Items"]):
                yield Tracked(item["object_name"], int(item["size"]))

    def rows(self, bucket: str, after: str) -> Iterator[ObjectRow]:
        beyond: Any = {"ExclusiveStartKey": _key(bucket, after)} if after else {}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.object_table,
            KeyConditionExpression="bucket_name = :bucket",
            ExpressionAttributeValues={":bucket": {"S": bucket}},
            ConsistentRead=True,
            **beyond,
        )
        for page in pages:
            yield from map(_row, map(from_item, page["Items"]))

    def mark_eviction(self, bucket: str, tracked: Tracked, reason: str) -> None:
        try:
            self.client.update_item(
                TableName=self.object_table,
                Key=_key(bucket, tracked.name),
                UpdateExpression="SET eviction = :reason",
                ConditionExpression="#size = :size",
                ExpressionAttributeNames={"#size": "size"},
                ExpressionAttributeValues={":reason": {"S": reason}, ":size": {"N": str(tracked.size)}},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return

    def progress(self, bucket: str) -> ReconcileProgress:
        answer = self.client.get_item(TableName=self.object_table, Key=_key(RECONCILE, bucket))
        item = from_item(answer.get("Item", {}))
        return ReconcileProgress(
            after=item.get("after", ""),
            noncurrent_so_far=int(item.get("noncurrent_so_far", 0)),
            completed_at=_moment(item.get("completed_at")),
            noncurrent_size=int(item.get("noncurrent_size", 0)),
            multipart_size=int(item.get("multipart_size", 0)),
        )

    def save_progress(self, bucket: str, progress: ReconcileProgress) -> None:
        item = {
            "bucket_name": RECONCILE,
            "object_name": bucket,
            "after": progress.after,
            "noncurrent_so_far": progress.noncurrent_so_far,
            "completed_at": progress.completed_at and progress.completed_at.isoformat(),
            "noncurrent_size": progress.noncurrent_size,
            "multipart_size": progress.multipart_size,
        }
        self.client.put_item(TableName=self.object_table, Item=to_item(item))


def _key(bucket: str, name: str) -> Item:
    return {"bucket_name": {"S": bucket}, "object_name": {"S": name}}


def _state(item: Mapping[str, Any]) -> BucketState:
    return BucketState(
        bucket=item["object_name"],
        total_size=int(item["total_size"]),
        object_count=int(item["object_count"]),
        version=int(item["version"]),
        changed_at=_moment(item.get("changed_at")),
    )


def _row(item: Mapping[str, Any]) -> ObjectRow:
    return ObjectRow(
        bucket=item["bucket_name"],
        name=item["object_name"],
        size=int(item["size"]) if "size" in item else None,
        sequencer=Sequencer(item["sequencer"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        last_size=int(item["last_size"]) if "last_size" in item else None,
        eviction=item.get("eviction"),
    )
