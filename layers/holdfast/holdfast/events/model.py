"""What S3 tells of its objects, whatever envelope it came in."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

Sequencer = NewType("Sequencer", str)
"""The order of S3's events of one key, canonical: comparing two as strings compares them as S3 defines it."""

UNKNOWN_SEQUENCER = Sequencer("")
"""Older than every event: the order of what a listing found, before any event told of it."""


def sequencer(raw: str) -> Sequencer:
    """Canonical form of an event's `sequencer`.

    S3 says to right-pad the shorter of two with zeros and compare; without its trailing zeros each of them
    compares the same way on its own, in Python and in a DynamoDB condition alike.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    return Sequencer(raw.upper().rstrip("0"))


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One S3 event of one object. A removal has no `size` (bytes) and, of a notification, no `etag`.

    `etag` stands without quotes, as events have it. `version_id` is None in a bucket that never had versioning, and
    "null" for objects written before it had, or while it was suspended.
    """

    bucket: str
    name: str
    type: str
    sequencer: Sequencer
    time: datetime
    size: int | None
    version_id: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message of a queue and the events that it holds."""

    message_id: str
    events: tuple[ObjectEvent, ...]
