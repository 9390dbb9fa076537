"""The channels of alerts: what each is told, and that nothing secret is."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError

from holdfast.adapters.sns import LONGEST, SnsChannel, confirmed
from holdfast.adapters.webhooks import PAGERDUTY, PagerDutyChannel, Post, SlackChannel, Webhook
from holdfast.fleet.alert.model import Incident, Message, Severity
from holdfast.fleet.alert.ports import NotDelivered

KEY = "R0UTINGKEY"
URL = "https://hooks.example.com/services/secret"


TRIGGERS = (Incident("h/backups", "it failed"),)


def message(**told: Any) -> Message:
    said: dict[str, Any] = {"severity": Severity.FAILURE, "subject": "it failed", "text": "it failed\nmend it"}
    named = {"short": "it failed", "once": "x", "day": "2026-11-21", "source": "arn:x", "triggers": TRIGGERS}
    return Message(**{**said, **named, **told})


class Service:
    """Answers what is posted with a status, or not at all; the last of them from then on."""

    def __init__(self, secret: str | None, *statuses: int | Exception) -> None:
        self.secret, self.statuses = secret, list(statuses)
        self.posted: list[tuple[str, Any]] = []
        self.slept: list[float] = []

    @property
    def webhook(self) -> Webhook:
        post: Post = self.post
        client: Any = self
        return Webhook(client, "arn:secret", post, self.slept.append)

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: ARG002, N803 boto3 calls it so
        return {"SecretString": self.secret} if self.secret else {}

    def post(self, url: str, body: bytes) -> int:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, Exception):
            raise status
        self.posted.append((url, json.loads(body)))
        return status


def test_a_pager_is_told_of_a_failure_under_the_incident_that_it_is() -> None:
    service = Service(KEY, 202)
    PagerDutyChannel(service.webhook).send(message())
    payload = {
        "summary": "it failed",
        "source": "arn:x",
        "severity": "error",
        "component": "holdfast",
        "custom_details": {"text": "it failed\nmend it"},
    }
    told = {"routing_key": KEY, "event_action": "trigger", "dedup_key": "h/backups", "payload": payload}
    assert service.posted == [(PAGERDUTY, told)]


def test_a_pager_is_told_of_each_incident_that_is_over() -> None:
    service = Service(KEY, 202)
    PagerDutyChannel(service.webhook).send(message(severity=Severity.NOTE, triggers=(), resolves=("h/a", "h/b")))
    assert [(one["event_action"], one["dedup_key"]) for _, one in service.posted] == [
        ("resolve", "h/a"),
        ("resolve", "h/b"),
    ]


def test_a_pager_hears_nothing_of_what_is_no_incident() -> None:
    service = Service(KEY, 202)
    PagerDutyChannel(service.webhook).send(message(triggers=()))
    assert service.posted == []


def test_an_event_that_a_pager_does_not_take_keeps_no_other_back() -> None:
    service = Service(KEY, 400, 202)
    with pytest.raises(NotDelivered, match="it answered 400"):
        PagerDutyChannel(service.webhook).send(message(resolves=("h/a", "h/b")))
    assert [one["dedup_key"] for _, one in service.posted] == ["h/backups", "h/a", "h/b"]


def test_slack_is_told_the_text_without_markup() -> None:
    service = Service(URL, 200)
    SlackChannel(service.webhook).send(message(text="<!channel>"))
    assert service.posted == [(URL, {"text": "&lt;!channel&gt;"})]


@pytest.mark.parametrize(
    ("secret", "status", "reason"),
    [
        (None, 200, "the secret is no URL that begins with https://"),
        (URL, 500, "it answered 500"),
        (URL, ConnectTimeoutError(endpoint_url=URL), "ConnectTimeoutError"),
        (URL, ValueError(f"bad {URL}"), "ValueError"),
    ],
)
def test_what_is_not_delivered_says_why_without_the_secret(
    secret: str | None, status: int | Exception, reason: str
) -> None:
    with pytest.raises(NotDelivered) as refused:
        SlackChannel(Service(secret, status).webhook).send(message())
    assert str(refused.value) == reason
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_has_too_much_to_do_or_fails_is_asked_again(status: int) -> None:
    service = Service(URL, status, status, 200)
    SlackChannel(service.webhook).send(message())
    assert (len(service.posted), service.slept) == (3, [1, 2])


@pytest.mark.parametrize(("status", "tries"), [(429, 3), (502, 3), (404, 1), (302, 1)])
def test_a_service_is_asked_three_times_at_most_and_once_if_it_refuses(status: int, tries: int) -> None:
    service = Service(URL, status)
    with pytest.raises(NotDelivered, match=f"it answered {status}"):
        SlackChannel(service.webhook).send(message())
    assert len(service.posted) == tries


class Topic:
    """A topic, and a queue that keeps what is published."""

    def __init__(self) -> None:
        self.sns, self.sqs = boto3.client("sns"), boto3.client("sqs")
        self.arn = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="kept")["QueueUrl"]
        name = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=name["Attributes"]["QueueArn"])

    def kept(self) -> dict[str, Any]:
        [one] = self.sqs.receive_message(QueueUrl=self.queue)["Messages"]
        told: dict[str, Any] = json.loads(one["Body"])
        return told


def test_a_topic_is_told_with_a_subject_and_an_attribute_to_filter_by(account: None) -> None:
    topic = Topic()
    SnsChannel(topic.sns, topic.arn).send(message(text="ä" * LONGEST))
    kept = topic.kept()
    assert kept["Subject"] == "it failed"
    assert kept["Message"] == "ä" * (LONGEST // 2)
    assert kept["MessageAttributes"]["severity"]["Value"] == "failure"


def test_a_topic_that_is_gone_is_not_told(account: None) -> None:
    topic = Topic()
    topic.sns.delete_topic(TopicArn=topic.arn)
    with pytest.raises(NotDelivered, match="NotFound"):
        SnsChannel(topic.sns, topic.arn).send(message())


def test_a_topic_tells_how_many_subscriptions_are_confirmed() -> None:
    told = {"SubscriptionsConfirmed": "2", "SubscriptionsPending": "1"}
    client: Any = SimpleNamespace(get_topic_attributes=lambda TopicArn: {"Attributes": told})  # noqa: ARG005, N803
    assert confirmed(client, "arn:topic") == 2
