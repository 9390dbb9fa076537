"""HistoryTable as a plot reads it: many rows, fast."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from holdfast.capacity.model import HistoryPoint
from holdfast.capacity.plan import event_key
from holdfast.capacity.query import RangeTooLarge

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_ROWS = 1_000_000
"""As many as can be read and drawn within the 29 seconds that API Gateway waits for an answer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class DynamoHistory:
    """The `History` of the capacity system. From now on `client` leaves the items of every query as they came."""

    client: "DynamoDBClient"
    table: str
    most_rows: int = MOST_ROWS

    def __post_init__(self) -> None:
        self.client.meta.events.register("before-parse.dynamodb.Query", _leave_items_raw, unique_id="raw-items")

    def points(self, bucket: str, start: datetime, end: datetime) -> Iterator[HistoryPoint]:
        """The changes from `start` up to and without `end`, oldest first. Raises RangeTooLarge."""
        ask = self._ask(bucket, "event_key BETWEEN :start AND :end", start=start, end=end)
        pages = iter(self.client.get_paginator("query").paginate(**ask))
        page = next(pages)
        if "LastEvaluatedKey" in page:
            self._assure_readable(ask, page["Items"][0])
        for item in chain(page["Items"], chain.from_iterable(page["Items"] for page in pages)):
            yield _point(item)

    def last_before(self, bucket: str, start: datetime) -> HistoryPoint | None:
        """The last change before `start`."""
        found = self._last(self._ask(bucket, "event_key < :start", start=start))
        return _point(found) if found else None

    def _ask(self, bucket: str, within: str, **times: datetime) -> Any:
        # Version 0 is before every change: such a key sorts ahead of all of its millisecond, and none is equal to it.
        keys = {f":{name}": {"S": event_key(at, 0)} for name, at in times.items()}
        return {
            "TableName": self.table,
            "KeyConditionExpression": f"bucket_name = :bucket AND {within}",
            "ExpressionAttributeValues": {":bucket": {"S": bucket}, **keys},
            "ProjectionExpression": "event_key, total_size, eviction, object_name",
        }

    def _last(self, ask: Any) -> Mapping[str, Any] | None:
        found = self.client.query(**ask, ScanIndexForward=False, Limit=1)["Items"]
        return found[0] if found else None

    def _assure_readable(self, ask: Any, first: Mapping[str, Any]) -> None:
        """Each change raises the version by one, so the first and the last key tell how many lie between."""
        rows = _version(self._last(ask) or first) - _version(first) + 1
        if rows > self.most_rows:
            raise RangeTooLarge(rows, self.most_rows)


def _leave_items_raw(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take the items out of an answer before botocore parses it, and hand them on as they are.

    Botocore visits each attribute of each item, which takes eight times as long as all the rest together. Strings and
    numbers look the same before and after.
    """
    if response_dict["status_code"] == 200:
        answer = json.loads(response_dict["body"])
        customized_response_dict["Items"] = answer.pop("Items")
        response_dict["body"] = json.dumps(answer).encode()


def _version(item: Mapping[str, Any]) -> int:
    return int(item["event_key"]["S"].partition("#")[2])


def _point(item: Mapping[str, Any]) -> HistoryPoint:
    milliseconds = int(item["event_key"]["S"].partition("#")[0])
    return HistoryPoint(
        at=_EPOCH + milliseconds * _MILLISECOND,
        total_size=int(item["total_size"]["N"]),
        evicted=item["object_name"]["S"] if "eviction" in item else None,
    )
