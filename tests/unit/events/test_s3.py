"""S3's notifications, bare and inside SNS, and its events as EventBridge delivers them."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.events.model import ObjectEvent, sequencer
from holdfast.events.s3 import EventUnreadable, from_eventbridge, from_notification, from_queue_body, from_trigger

TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "watched"}


def a_record(event_name: str = "ObjectCreated:Put", key: str = "a.txt", **entity: object) -> dict[str, Any]:
    """As S3 writes it; `entity` changes its object, None takes a field away."""
    stated = {"key": key, "size": 18, "eTag": "40e6267e", "sequencer": "0055AED6DCD90281E5"} | entity
    return {
        "eventName": event_name,
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {
            "bucket": {"name": "watched"},
            "object": {name: value for name, value in stated.items() if value is not None},
        },
    }


def read(*records: dict[str, Any]) -> list[ObjectEvent]:
    return from_notification({"Records": list(records)})


def test_a_create_is_read_whole() -> None:
    assert read(a_record(versionId="v1")) == [
        ObjectEvent(
            bucket="watched",
            name="a.txt",
            type="ObjectCreated:Put",
            sequencer=sequencer("0055AED6DCD90281E5"),
            time=datetime(2026, 1, 1, tzinfo=UTC),
            size=18,
            version_id="v1",
            etag="40e6267e",
        )
    ]


@pytest.mark.parametrize(
    "event_name",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
    ],
)
def test_a_removal_has_no_size(event_name: str) -> None:
    (event,) = read(a_record(event_name, size=None, eTag=None))
    assert (event.type, event.size, event.version_id) == (event_name, None, None)


def test_the_prefix_that_the_documentation_writes_before_a_type_is_dropped() -> None:
    (event,) = read(a_record("s3:ObjectCreated:Copy"))
    assert event.type == "ObjectCreated:Copy"


@pytest.mark.parametrize("event_name", ["ObjectTagging:Put", "ObjectRestore:Completed", "LifecycleTransition"])
def test_events_that_change_no_size_are_passed_over_whatever_they_lack(event_name: str) -> None:
    assert read(a_record(event_name, size=None, sequencer=None)) == []


def test_s3s_own_test_event_holds_no_events() -> None:
    assert from_notification(TEST_EVENT) == []


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_key_comes_back_as_its_user_wrote_it(key: str) -> None:
    (event,) = read(a_record(key=quote_plus(key, safe="/")))
    assert event.name == key


def test_a_plus_in_an_encoded_key_is_a_space() -> None:
    (event,) = read(a_record(key="my+holiday%2B100%25.jpg"))
    assert event.name == "my holiday+100%.jpg"


@pytest.mark.parametrize(
    ("notification", "problem"),
    [
        ({}, "KeyError: 'Records'"),
        ({"Records": None}, "TypeError"),
        ({"Records": [{}]}, "KeyError"),
        ({"Records": [a_record(sequencer=None)]}, "KeyError: 'sequencer'"),
        ({"Records": [a_record(size="many")]}, "ValueError"),
        ({"Records": [a_record(key="%FF")]}, "UnicodeDecodeError"),
        ({"Records": [a_record() | {"eventTime": "yesterday"}]}, "ValueError"),
        ({"Records": [a_record() | {"eventTime": "2026-01-01T00:00:00"}]}, "ValueError: eventTime has no time zone"),
        ({"Records": [a_record() | {"eventName": 7}]}, "AttributeError"),
        ([], "AttributeError"),
    ],
)
def test_what_is_no_notification_is_refused_with_what_is_wrong(notification: Any, problem: str) -> None:
    with pytest.raises(EventUnreadable, match=f"^not an S3 event notification: {problem}"):
        from_notification(notification)


# In SNS, in SQS


def in_sns(notification: object) -> str:
    return json.dumps({"Type": "Notification", "Message": json.dumps(notification)})


def test_a_queues_message_is_unwrapped() -> None:
    assert from_queue_body(in_sns({"Records": [a_record()]})) == read(a_record())


def test_a_queues_test_event_holds_no_events() -> None:
    assert from_queue_body(in_sns(TEST_EVENT)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("hello", "JSONDecodeError"),
        ("null", "TypeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'Message'"),
        ('{"Message": 7}', "TypeError"),
        ('{"Message": "hello"}', "JSONDecodeError"),
    ],
)
def test_what_is_no_message_of_sns_is_refused_with_what_is_wrong(body: str, problem: str) -> None:
    with pytest.raises(EventUnreadable, match=f"^not an S3 notification in an SNS message: {problem}"):
        from_queue_body(body)


@pytest.mark.parametrize("notification", [None, [], "hello", {"Records": [{}]}])
def test_what_is_no_notification_inside_sns_is_refused(notification: object) -> None:
    with pytest.raises(EventUnreadable):
        from_queue_body(in_sns(notification))


# From EventBridge


IN_DETAIL = {"reason", "deletion-type", "bucket"}


def an_event(detail_type: str = "Object Created", key: str = "a.txt", **fields: object) -> dict[str, Any]:
    """As EventBridge delivers it; `fields` change its detail and its object, None takes one away."""
    detail: dict[str, object] = {"reason": "PutObject", "bucket": {"name": "watched"}}
    entity: dict[str, object] = {"key": key, "size": 18, "etag": "40e6267e", "sequencer": "0055AED6DCD90281E5"}
    for name, value in fields.items():
        (detail if name in IN_DETAIL else entity)[name] = value
    detail["object"] = {name: value for name, value in entity.items() if value is not None}
    return {
        "source": "aws.s3",
        "detail-type": detail_type,
        "time": "2026-01-01T00:00:00Z",
        "detail": {name: value for name, value in detail.items() if value is not None},
    }


def a_deletion(key: str = "a.txt", **fields: object) -> dict[str, Any]:
    gone = {"size": None, "etag": None, "reason": "DeleteObject", "deletion-type": "Permanently Deleted"}
    return an_event("Object Deleted", key, **(gone | fields))


def test_a_create_from_eventbridge_is_read_whole() -> None:
    assert from_eventbridge(an_event(**{"version-id": "v1"})) == [
        ObjectEvent(
            bucket="watched",
            name="a.txt",
            type="ObjectCreated:PutObject",
            sequencer=sequencer("0055AED6DCD90281E5"),
            time=datetime(2026, 1, 1, tzinfo=UTC),
            size=18,
            version_id="v1",
            etag="40e6267e",
        )
    ]


@pytest.mark.parametrize(
    ("reason", "deletion_type", "event_type"),
    [
        ("DeleteObject", "Permanently Deleted", "ObjectRemoved:Delete"),
        ("DeleteObject", "Delete Marker Created", "ObjectRemoved:DeleteMarkerCreated"),
        ("Lifecycle Expiration", "Permanently Deleted", "LifecycleExpiration:Delete"),
        ("Lifecycle Expiration", "Delete Marker Created", "LifecycleExpiration:DeleteMarkerCreated"),
    ],
)
def test_a_removal_from_eventbridge_is_called_as_notifications_call_it(
    reason: str, deletion_type: str, event_type: str
) -> None:
    (event,) = from_eventbridge(a_deletion(reason=reason, **{"deletion-type": deletion_type, "version-id": "v1"}))
    assert (event.type, event.size, event.etag, event.version_id) == (event_type, None, None, "v1")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_key_from_eventbridge_is_as_its_user_wrote_it(key: str) -> None:
    (event,) = from_eventbridge(an_event(key=key))
    assert event.name == key


def test_a_plus_or_a_percent_in_a_key_from_eventbridge_is_one() -> None:
    (event,) = from_eventbridge(an_event(key="my+holiday%2B100%.jpg"))
    assert event.name == "my+holiday%2B100%.jpg"


@pytest.mark.parametrize(
    "detail_type", ["Object Tags Added", "Object Restore Completed", "Object Storage Class Changed"]
)
def test_events_that_tell_of_something_else_are_passed_over(detail_type: str) -> None:
    assert from_eventbridge(an_event(detail_type, sequencer=None)) == []


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"source": "aws.s3"}, "KeyError: 'detail'"),
        ({"source": "aws.s3", "detail": {}}, "KeyError: 'detail-type'"),
        ({"source": "aws.s3", "detail-type": "Object Created", "detail": None}, "TypeError"),
        (an_event(sequencer=None), "KeyError: 'sequencer'"),
        (an_event(sequencer=7), "AttributeError"),
        (an_event(size=None), "KeyError: 'size'"),
        (an_event(size="many"), "ValueError"),
        (an_event(bucket=None), "KeyError: 'bucket'"),
        (an_event(bucket="watched"), "TypeError"),
        (an_event() | {"time": "2026-01-01T00:00:00"}, "ValueError: eventTime has no time zone"),
        (a_deletion(**{"deletion-type": "Undone"}), "KeyError: 'Undone'"),
    ],
)
def test_what_is_no_event_of_eventbridge_is_refused_with_what_is_wrong(event: Any, problem: str) -> None:
    with pytest.raises(EventUnreadable, match=f"^not an S3 event of EventBridge: {problem}"):
        from_eventbridge(event)


# Whoever invokes a function


def test_both_that_may_invoke_a_function_are_told_apart() -> None:
    assert from_trigger(an_event()) == from_eventbridge(an_event())
    assert from_trigger({"Records": [a_record()]}) == read(a_record())
    assert from_trigger(TEST_EVENT) == []


@pytest.mark.parametrize("event", [{}, [], "hello", None, {"source": "aws.ec2"}])
def test_whatever_else_invokes_it_is_refused(event: Any) -> None:
    with pytest.raises(EventUnreadable, match=r"^not an S3 event notification: "):
        from_trigger(event)
