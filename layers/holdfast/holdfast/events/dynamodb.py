"""DynamoDB stream records, as Lambda delivers them: raw DynamoDB JSON, so that nothing of it is lost on the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from holdfast.tables.item import NotAnItem, check
from holdfast.tables.model import Image

TIME_TO_LIVE = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""Who removes what has expired.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""

_NAMES = ("INSERT", "MODIFY", "REMOVE")

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999: what is beyond is told in another unit."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One change. `at`: Unix seconds. `old` and `new` are as the stream's view type has them: NEW_AND_OLD_IMAGES."""

    name: Literal["INSERT", "MODIFY", "REMOVE"]
    keys: Image
    old: Image | None
    new: Image | None
    at: int
    sequence: int
    expired: bool


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be read: as it came, and why. `sequence` is text, as it has to be given back."""

    sequence: str
    raw: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of one invocation, all of one shard. `shard`: if Lambda tells it, which it does with windows only."""

    table: str
    stream_arn: str
    records: Sequence[StreamRecord]
    bad: Sequence[BadRecord] = ()
    shard: str | None = None


class NotAStream(ValueError):
    """An event is not what Lambda delivers of a DynamoDB stream."""


def from_lambda(event: Mapping[str, Any]) -> Batch:
    """The batch of an invocation. Raises NotAStream."""
    try:
        records = event["Records"]
        arn = records[0]["eventSourceARN"]
        table = table_of(arn)
        others = {record.get("eventSourceARN", arn) for record in records} - {arn}
    except (AttributeError, KeyError, IndexError, TypeError):
        raise NotAStream(
            'the event has no "Records" of a DynamoDB stream: see events/tables_archive for some'
        ) from None
    if others:
        raise NotAStream(f"the event has records of {arn} and of {', '.join(sorted(others))}: nothing of it is stored")
    return batch(table, arn, records, event.get("shardId"))


def batch(table: str, stream_arn: str, records: Sequence[Mapping[str, Any]], shard: str | None) -> Batch:
    """The batch of some records of one stream."""
    read = [_read(record) for record in records]
    return Batch(
        table=table,
        stream_arn=stream_arn,
        records=[one for one in read if isinstance(one, StreamRecord)],
        bad=[one for one in read if isinstance(one, BadRecord)],
        shard=shard,
    )


def table_of(arn: str) -> str:
    """The table's name out of its stream's ARN, or its own."""
    return arn.split(":", 5)[5].split("/")[1]


def partial_failure(sequences: Iterable[str]) -> dict[str, Any]:
    """The answer that makes Lambda deliver these records again, and all behind the first of them.

    Raises NotAStream if one has no sequence number: then the whole batch has to come again.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    failed = list(sequences)
    if not all(failed):
        raise NotAStream("a record without a SequenceNumber cannot be asked for again: all of its batch is")
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}


def _read(record: Mapping[str, Any]) -> StreamRecord | BadRecord:
    told = record.get("dynamodb", {})
    try:
        return _checked(record, told)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        return BadRecord(str(told.get("SequenceNumber", "")), record, why)


def _checked(record: Mapping[str, Any], told: Mapping[str, Any]) -> StreamRecord:
    name = record["eventName"]
    if name not in _NAMES:
        raise ValueError(f"its eventName is {name!r}")
    check(told["Keys"], "the key")
    for image in ("OldImage", "NewImage"):
        if image in told:
            check(told[image], image)
    if name != "REMOVE" and "NewImage" not in told:
        raise NotAnItem("it has no NewImage: the stream's view type must be NEW_AND_OLD_IMAGES")
    identity = record.get("userIdentity") or {}
    return StreamRecord(
        name=name,
        keys=told["Keys"],
        old=told.get("OldImage"),
        new=told["NewImage"] if name != "REMOVE" else None,
        at=_second(told["ApproximateCreationDateTime"]),
        sequence=_sequence(told["SequenceNumber"]),
        expired={key: identity.get(key) for key in TIME_TO_LIVE} == TIME_TO_LIVE,
    )


def _second(told: float) -> int:
    at = int(told)
    if not 0 <= at <= _LAST_SECOND:
        raise ValueError(f"its ApproximateCreationDateTime, {told!r}, is no time in seconds")
    return at


def _sequence(told: str) -> int:
    if not (str(told).isascii() and str(told).isdecimal()):
        raise ValueError(f"its SequenceNumber is {told!r}")
    return int(told)
