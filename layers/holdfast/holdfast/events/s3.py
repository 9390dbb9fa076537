"""S3 event notifications, bare or inside SNS inside SQS.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from holdfast.capacity.model import ObjectEvent, sequencer

_REMOVALS = ("ObjectRemoved:", "LifecycleExpiration:")
_CREATIONS = ("ObjectCreated:",)


class EventUnreadable(ValueError):
    """A message is not an S3 event: it was put into the queue or topic by something else."""


def from_notification(notification: Mapping[str, Any]) -> list[ObjectEvent]:
    """The object events of an S3 notification, keys decoded. S3's own test event has none.

    Raises EventUnreadable.
    """
    try:
        if notification.get("Event") == "s3:TestEvent":
            return []
        records = [(record["eventName"].removeprefix("s3:"), record) for record in notification["Records"]]
        return [_object_event(kind, record) for kind, record in records if kind.startswith(_CREATIONS + _REMOVALS)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EventUnreadable(f"not an S3 event notification: {type(error).__name__}: {error}") from error


def from_queue_body(body: str) -> list[ObjectEvent]:
    """The object events of an SQS message that SNS made of an S3 notification. Raises EventUnreadable."""
    try:
        notification = json.loads(json.loads(body)["Message"])
    except (KeyError, TypeError, ValueError) as error:
        raise EventUnreadable(f"not an S3 notification in an SNS message: {type(error).__name__}: {error}") from error
    return from_notification(notification)


def _object_event(event_type: str, record: Mapping[str, Any]) -> ObjectEvent:
    entity = record["s3"]["object"]
    return ObjectEvent(
        bucket=record["s3"]["bucket"]["name"],
        name=unquote_plus(entity["key"], errors="strict"),
        type=event_type,
        sequencer=sequencer(entity["sequencer"]),
        time=_moment(record["eventTime"]),
        size=None if event_type.startswith(_REMOVALS) else int(entity["size"]),
        version_id=entity.get("versionId"),
    )


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("eventTime has no time zone")
    return at
