"""What Lambda sends to the on-failure queue of a stream's mapping: not the records it gave up, only where they are.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.events.dynamodb import table_of


class NotAFailedBatch(ValueError):
    """A message is not what Lambda sends of a DynamoDB stream."""


@dataclass(frozen=True, slots=True)
class FailedBatch:
    """Records of one shard that Lambda gave up: their sequence numbers, both included, how many they are, and when the
    first and the last of them came, in Unix seconds."""

    table: str
    stream_arn: str
    shard: str
    first: int
    last: int
    records: int
    first_at: int
    last_at: int
    condition: str


def parse(body: str) -> FailedBatch:
    """Raises NotAFailedBatch."""
    try:
        told = json.loads(body)
        where = told["DDBStreamBatchInfo"]
        return FailedBatch(
            table=table_of(where["streamArn"]),
            stream_arn=where["streamArn"],
            shard=where["shardId"],
            first=int(where["startSequenceNumber"]),
            last=int(where["endSequenceNumber"]),
            records=int(where["batchSize"]),
            first_at=_seconds(where["approximateArrivalOfFirstRecord"]),
            last_at=_seconds(where["approximateArrivalOfLastRecord"]),
            condition=_condition(told),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotAFailedBatch(f"it is not what Lambda tells of a stream's failed batch: {error!r}") from None


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _condition(told: dict[str, Any]) -> str:
    """Why Lambda gave up: `RetryAttemptsExhausted`, most often."""
    return str(told.get("requestContext", {}).get("condition", "unknown"))
