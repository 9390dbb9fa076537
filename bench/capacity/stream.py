"""Streams of S3 events, as SQS hands them to Lambda."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bench.notification import notification

BUCKET = "team-exports-2f6b1c9d"
START = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass(slots=True)
class Stream:
    """Events in their order: of a hundred, so many create a new object, overwrite one, delete one. What is overwritten
    or deleted is what was left alone for the longest. `objects` is how many there are at most."""

    new: int
    overwritten: int
    deleted: int
    objects: int = 1_000_000
    chance: random.Random = field(default_factory=lambda: random.Random(20260501))
    live: list[str] = field(default_factory=list)
    sent: int = 0

    def creations(self, count: int) -> Iterator[dict[str, Any]]:
        """SQS messages that tell of the first objects."""
        return (self._created(self._new_name()) for _ in range(min(count, self.objects)))

    def messages(self, count: int) -> Iterator[dict[str, Any]]:
        """SQS messages with one event each."""
        kinds = [self._create, self._overwrite, self._delete]
        weights = [self.new, self.overwritten, self.deleted]
        return (self.chance.choices(kinds, weights)[0]() for _ in range(count))

    def _create(self) -> dict[str, Any]:
        return self._created(self._new_name())

    def _overwrite(self) -> dict[str, Any]:
        return self._created(self.live.pop(0))

    def _delete(self) -> dict[str, Any]:
        return self._message("ObjectRemoved:Delete", {"key": self.live.pop(0)})

    def _created(self, name: str) -> dict[str, Any]:
        self.live.append(name)
        entity = {"key": name, "size": self.chance.randrange(1, 10**9), "eTag": f"{self.sent:032x}"}
        return self._message("ObjectCreated:Put", entity)

    def _new_name(self) -> str:
        return f"exports/2026/05/01/part-{self.sent:05d}-{UUID(int=self.chance.getrandbits(128))}.snappy.parquet"

    def _message(self, kind: str, entity: dict[str, Any]) -> dict[str, Any]:
        self.sent += 1
        at = START + timedelta(milliseconds=137 * self.sent)
        told = notification(BUCKET, kind, at, {**entity, "sequencer": f"0066{self.sent:012X}"})
        return _in_sqs(self.sent, _in_sns(told, self.sent, at))


def batches(messages: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
    """As an event source mapping delivers them, when the queue is never short of messages."""
    for first in range(0, len(messages), size):
        yield {"Records": messages[first : first + size]}


def _in_sns(told: Mapping[str, Any], number: int, at: datetime) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": str(UUID(int=number)),
        "TopicArn": "arn:aws:sns:us-east-1:123456789012:holdfast-CapacityTopic",
        "Subject": "Amazon S3 Notification",
        "Message": json.dumps(told),
        "Timestamp": at.isoformat(timespec="milliseconds"),
    }


def _in_sqs(number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": str(UUID(int=number)),
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
