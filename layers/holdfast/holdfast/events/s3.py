"""S3's events: as notifications, bare or inside SNS inside SQS, and as EventBridge delivers them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from holdfast.events.model import ObjectEvent, sequencer

_REMOVALS = ("ObjectRemoved:", "LifecycleExpiration:")
_CREATIONS = ("ObjectCreated:",)


_DELETIONS = {"Permanently Deleted": "Delete", "Delete Marker Created": "DeleteMarkerCreated"}
"""EventBridge's words for what notifications call it."""


class EventUnreadable(ValueError):
    """A message is not an S3 event: it was put into the queue or topic by something else."""


def from_trigger(event: Any) -> list[ObjectEvent]:
    """The object events of what S3 itself, or EventBridge, invoked a function with. Raises EventUnreadable."""
    is_eventbridges = isinstance(event, Mapping) and event.get("source") == "aws.s3"
    return from_eventbridge(event) if is_eventbridges else from_notification(event)


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


def from_eventbridge(event: Mapping[str, Any]) -> list[ObjectEvent]:
    """The object event of an EventBridge event; none if it tells of something else. Its key is not encoded.

    Raises EventUnreadable.
    """
    try:
        detail = event["detail"]
        match event["detail-type"]:
            case "Object Created":
                return [_from_detail(f"ObjectCreated:{detail['reason']}", event["time"], detail)]
            case "Object Deleted":
                family = "LifecycleExpiration" if detail["reason"] == "Lifecycle Expiration" else "ObjectRemoved"
                return [_from_detail(f"{family}:{_DELETIONS[detail['deletion-type']]}", event["time"], detail)]
            case _:
                return []
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EventUnreadable(f"not an S3 event of EventBridge: {type(error).__name__}: {error}") from error


def _from_detail(event_type: str, time: str, detail: Mapping[str, Any]) -> ObjectEvent:
    entity = detail["object"]
    return ObjectEvent(
        bucket=detail["bucket"]["name"],
        name=entity["key"],
        type=event_type,
        sequencer=sequencer(entity["sequencer"]),
        time=_moment(time),
        size=None if event_type.startswith(_REMOVALS) else int(entity["size"]),
        version_id=entity.get("version-id"),
        etag=entity.get("etag"),
    )


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
        etag=entity.get("eTag"),
    )


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("eventTime has no time zone")
    return at
