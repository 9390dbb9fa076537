"""The stream of a table, in DynamoDB Streams: its records, as Lambda delivers them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.dynamodb_tables import from_boto
from holdfast.tables.ports import Shard, Trimmed

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

EMPTY_PAGES = 20
"""How many pages without a record, one behind the other, are the end of a shard that is open: there may be some before
a record, and nothing tells that there is none."""

_GONE = {"TrimmedDataAccessException", "ResourceNotFoundException"}
_IMAGES = ("Keys", "NewImage", "OldImage")


class StreamSilent(Exception):
    """A shard does not deliver a record that it holds: ask again later."""


@dataclass(frozen=True, slots=True)
class DynamoStream:
    """The `Stream` of the tables system."""

    client: "DynamoDBStreamsClient"
    arn: str

    def shards(self) -> Sequence[Shard]:
        found: list[Shard] = []
        start: Any = {}
        while True:
            told = self.client.describe_stream(StreamArn=self.arn, **start)["StreamDescription"]
            found += [_shard(shard) for shard in told["Shards"]]
            last = told.get("LastEvaluatedShardId")
            if not last:
                return found
            start = {"ExclusiveStartShardId": last}

    def oldest(self, shard_id: str, limit: int) -> Sequence[dict[str, Any]]:
        try:
            return list(islice(self._read(shard_id, {"ShardIteratorType": "TRIM_HORIZON"}, limit), limit))
        except ClientError as error:
            raise _trimmed(error, shard_id, "anything") from error

    def records(self, shard_id: str, first: int, last: int) -> Iterator[dict[str, Any]]:
        where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": str(first)}
        sequence = first - 1
        try:
            for record in self._read(shard_id, where, 1000):
                sequence = _sequence(record)
                if sequence > last:
                    return
                yield record
                if sequence == last:
                    return
        except ClientError as error:
            raise _trimmed(error, shard_id, f"record {first}") from error
        raise StreamSilent(f"shard {shard_id} has not delivered record {last}, though it is behind {first}")

    def _read(self, shard_id: str, where: Any, limit: int) -> Iterator[dict[str, Any]]:
        """The records of a shard from somewhere on, until it ends or delivers no more."""
        iterator, empty = self._iterator(shard_id, where), 0
        while iterator and empty < EMPTY_PAGES:
            try:
                page = self.client.get_records(ShardIterator=iterator, Limit=min(limit, 1000))
            except self.client.exceptions.ExpiredIteratorException:  # a quarter of an hour has passed
                iterator = self._iterator(shard_id, where)
                continue
            for told in page["Records"]:
                record = self._record(told)
                where = {
                    "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                    "SequenceNumber": record["dynamodb"]["SequenceNumber"],
                }
                yield record
            empty = 0 if page["Records"] else empty + 1
            iterator = page.get("NextShardIterator")

    def _iterator(self, shard_id: str, where: Any) -> str | None:
        return self.client.get_shard_iterator(StreamArn=self.arn, ShardId=shard_id, **where)["ShardIterator"]

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


def _sequence(record: Mapping[str, Any]) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def _trimmed(error: ClientError, shard_id: str, what: str) -> Exception:
    if error.response["Error"]["Code"] in _GONE:
        return Trimmed(f"shard {shard_id} does not hold {what} any more")
    return error
