"""What is added to a bucket's notifications so that it is watched."""

from typing import Any

from holdfast.capacity.watch import EVENTS, plan_watch

TOPIC = "arn:aws:sns:eu-west-1:123456789012:topic"
OTHER = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:other", "Events": ["s3:ObjectRestore:*"]}


def rule(*events: str, **more: Any) -> dict[str, Any]:
    return {"TopicArn": TOPIC, "Events": list(events), **more}


def test_a_bucket_without_notifications_gets_all_events() -> None:
    planned = plan_watch({}, TOPIC)
    assert planned.added == EVENTS
    assert planned.configuration == {"TopicConfigurations": [rule(*EVENTS)]}


def test_other_notifications_stay_as_they_are() -> None:
    current = {"ResponseMetadata": {}, "QueueConfigurations": [OTHER], "EventBridgeConfiguration": {}}
    planned = plan_watch(current, TOPIC)
    assert planned.configuration == {
        "QueueConfigurations": [OTHER],
        "EventBridgeConfiguration": {},
        "TopicConfigurations": [rule(*EVENTS)],
    }
    assert planned.kept == 2


def test_only_what_is_missing_is_added() -> None:
    planned = plan_watch({"TopicConfigurations": [rule("s3:ObjectCreated:*")]}, TOPIC)
    assert planned.added == ("s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")


def test_events_of_a_part_of_the_bucket_do_not_count_as_all() -> None:
    some = rule(*EVENTS, Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": "a/"}]}})
    assert plan_watch({"TopicConfigurations": [some]}, TOPIC).added == EVENTS


def test_a_watched_bucket_needs_nothing() -> None:
    planned = plan_watch({"TopicConfigurations": [rule(*EVENTS)]}, TOPIC)
    assert planned.added == ()
    assert planned.configuration == {"TopicConfigurations": [rule(*EVENTS)]}
