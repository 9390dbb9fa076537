"""The stream of a table, in DynamoDB Streams: its records, as Lambda delivers them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.dynamodb_tables import from_boto
from holdfast.tables.ports import Shard, Trimmed, Undelivered

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

EMPTY_PAGES = 20
"""How many pages without a record, one behind the other, are the end of a shard that is open: there may be some before
a record, and nothing tells that there is none."""

PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between tries: a shard may be asked five times a second, by all who read it."""

_PAGE = 1000
_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException"}
_IMAGES = ("Keys", "NewImage", "OldImage")


@dataclass(frozen=True, slots=True)
class DynamoStream:
    """The `Stream` of the tables system."""

    client: "DynamoDBStreamsClient"
    arn: str
    sleep: Callable[[float], None] = time.sleep

    def shards(self) -> Sequence[Shard]:
        found: list[Shard] = []
        start: Any = {}
        while True:
            with _as_trimmed(f"there is no stream {self.arn} any more"):
                answer = self._ask(self.client.describe_stream, StreamArn=self.arn, **start)
            told = answer["StreamDescription"]
            found += map(_shard, told["Shards"])
            if not (last := told.get("LastEvaluatedShardId")):
                return found
            start = {"ExclusiveStartShardId": last}

    def oldest(self, shard_id: str, limit: int) -> Sequence[dict[str, Any]]:
        with _as_trimmed(f"there is no shard {shard_id} any more"):
            return list(islice(self._read(shard_id, {"ShardIteratorType": "TRIM_HORIZON"}, limit), limit))

    def records(self, shard_id: str, first: int, last: int) -> Iterator[dict[str, Any]]:
        number = f"{first:021}"  # the least that DynamoDB takes
        where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}
        with _as_trimmed(f"shard {shard_id} does not hold record {first} any more"):
            for record in self._read(shard_id, where, _PAGE):
                sequence = int(record["dynamodb"]["SequenceNumber"])
                if sequence <= last:
                    yield record
                if sequence >= last:
                    return
        raise Undelivered(f"shard {shard_id} did not come to record {last}: try again later")

    def _read(self, shard_id: str, where: Any, limit: int) -> Iterator[dict[str, Any]]:
        """The records of a shard from somewhere on, until it ends or has told nothing for long."""
        iterator, empty = self._iterator(shard_id, where), 0
        while iterator and empty < EMPTY_PAGES:
            try:
                page = self._ask(self.client.get_records, ShardIterator=iterator, Limit=min(limit, _PAGE))
            except self.client.exceptions.ExpiredIteratorException:  # it was not used for a quarter of an hour
                iterator = self._iterator(shard_id, where)
                continue
            records = [self._record(told) for told in page["Records"]]
            yield from records
            if records:
                last = records[-1]["dynamodb"]["SequenceNumber"]
                where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
            empty = 0 if records else empty + 1
            iterator = page.get("NextShardIterator")

    def _iterator(self, shard_id: str, where: Any) -> Any:
        answer = self._ask(self.client.get_shard_iterator, StreamArn=self.arn, ShardId=shard_id, **where)
        return answer.get("ShardIterator")

    def _ask(self, call: Callable[..., Any], **asked: Any) -> Any:
        """The SDK does not try again by itself what this service refuses for a moment."""
        for pause in PAUSES:
            with suppress(self.client.exceptions.LimitExceededException):
                return call(**asked)
            self.sleep(pause)
        return call(**asked)

    def _record(self, told: Mapping[str, Any]) -> dict[str, Any]:
        change = dict(told["dynamodb"])
        change["ApproximateCreationDateTime"] = int(change["ApproximateCreationDateTime"].timestamp())
        change |= {name: from_boto(change[name]) for name in _IMAGES if name in change}
        record = dict(told) | {"dynamodb": change, "eventSourceARN": self.arn}
        if who := told.get("userIdentity"):
            record["userIdentity"] = {"type": who.get("Type"), "principalId": who.get("PrincipalId")}
        return record


def _shard(told: Mapping[str, Any]) -> Shard:
    numbers = told["SequenceNumberRange"]
    last = numbers.get("EndingSequenceNumber")
    return Shard(
        shard_id=told["ShardId"],
        parent_id=told.get("ParentShardId"),
        first=int(numbers.get("StartingSequenceNumber", 0)),
        last=int(last) if last else None,
    )


@contextmanager
def _as_trimmed(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            raise Trimmed(what) from error
        raise
