"""What it takes to watch a bucket that was there before the stack. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """`configuration` is the bucket's whole notification configuration, as it is to be: S3 replaces it as one."""

    added: tuple[str, ...]
    kept: int
    configuration: dict[str, Any]


def plan_watch(current: Mapping[str, Any], topic_arn: str) -> WatchPlan:
    """Add the events that do not go to the topic yet, and keep all other notifications as they are."""
    configuration = {name: value for name, value in current.items() if name != "ResponseMetadata"}
    topics = list(configuration.get("TopicConfigurations", []))
    told = {
        event
        for topic in topics
        if topic["TopicArn"] == topic_arn and "Filter" not in topic
        for event in topic["Events"]
    }
    added = tuple(event for event in EVENTS if event not in told)
    kept = sum(len(value) if isinstance(value, list) else 1 for value in configuration.values())
    if added:
        topics.append({"TopicArn": topic_arn, "Events": list(added)})
        configuration["TopicConfigurations"] = topics
    return WatchPlan(added, kept, configuration)
