"""fleet_watch, fleet_cost, fleet_alert and fleet_status with their sample events: what they tell, and to whom."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast import wiring
from holdfast.adapters import webhooks
from local.cloudwatch.extract import emf_samples
from tests import aws
from tests.integration.clock import Clock
from tests.invocation import Functions, Invoked, sample

RUN: str = sample("fleet_alert/run")["run"]
DUE = datetime(2026, 1, 15, 2, tzinfo=UTC)
RESTORE: str = sample("fleet_alert/restore")["restore"]


@dataclass(frozen=True)
class Deployed:
    """A stack, and a queue that keeps what its topic for alerts publishes."""

    functions: Functions
    clock: Clock
    queue: str

    @property
    def bucket(self) -> str:
        return self.functions.stack.environments["fleet_alert"]["FLEET_BUCKET"]

    def save(self, key: str, document: object) -> None:
        wiring.client("s3").put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document).encode())

    def load(self, key: str) -> Any:
        return json.loads(wiring.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def try_out(self, case: str) -> Invoked:
        return self.functions.try_out(case)

    def told(self) -> list[tuple[str, str]]:
        """The messages since it was last asked: their subjects, and whom they are for."""
        sqs, found = wiring.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                body = json.loads(one["Body"])
                found.append((body["Subject"], body["MessageAttributes"]["severity"]["Value"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return found


@pytest.fixture
def deployed(account: None, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    clock = Clock(DUE)
    monkeypatch.setattr(wiring, "now", clock.now)
    slack = wiring.client("secretsmanager").create_secret(Name="slack", SecretString="http://no.example.com")["ARN"]
    stack = aws.deploy(FleetSlackSecretArn=slack)
    sns, sqs = wiring.client("sns"), wiring.client("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for name in ("fleet_alert", "fleet_watch"):
        told: Any = stack.environments[name]
        told["TOPIC_ARN"] = topic  # the template's own is not made here
    return Deployed(Functions(stack), clock, queue)


def test_people_are_told_of_runs_failures_restores_alarms_and_what_broke_off(deployed: Deployed) -> None:
    named = {"arn": "arn:x", "kind": "rds:db", "name": "orders", "region": "us-east-1"}
    failed = {**named, "status": "failed", "why": "it is stopped", "mend": "start it"}
    digest = sample("fleet_alert/failure")["resource"]
    deployed.save(f"runs/{RUN}/results/{digest}.json", failed)
    counted = {"backed_up": 1, "unprotected": 0, "removed": 0, "blocked": 0, "bytes": 1, "seconds": 61}
    deployed.save(f"runs/{RUN}/report.json", {"run": RUN, "failed": [failed], "finished": DUE.isoformat(), **counted})
    restored = {"failed": [], "summary": "1 of 1 restored and found good", "drill": False, "items": []}
    deployed.save(f"restores/{RESTORE}/report.json", restored)
    for case in (
        "fleet_alert/failure",
        "fleet_alert/failure",
        "fleet_alert/run",
        "fleet_alert/restore",
        "fleet_alert/stopped",
        "fleet_alert/alarm",
        "fleet_alert/alarm_ok",
        "fleet_alert/execution",
    ):
        invoked = deployed.try_out(case)
        assert invoked.said("not delivered", "channel") in ([("slack",)], [])
        assert "no.example.com" not in str(invoked.lines)
    assert deployed.told() == [
        ("holdfast FAILED: backup of orders: it is stopped", "failure"),
        (f"holdfast FAILED: {RUN}: 1 failed, 1 backed up", "failure"),
        (f"holdfast OK: restore {RESTORE} is done", "note"),
        ("holdfast FAILED: a run stopped before its end: States.Timeout", "failure"),
        (
            "holdfast FAILED: holdfast-FleetRpoAlarm-1A2B3C4D5E6F: A resource has no good backup that is younger ",
            "failure",
        ),
        ("holdfast OK: holdfast-FleetRpoAlarm-1A2B3C4D5E6F is off again", "resolved"),
        ("holdfast FAILED: workflow holdfast-fleet-backup took too long", "failure"),
    ]


def test_slack_hears_the_same_where_its_secret_is_a_url(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[str] = []

    def post(url: str, body: bytes) -> int:
        posted.append(url)
        return 200

    monkeypatch.setattr(webhooks.Webhook.__init__, "__defaults__", (post, lambda _: None))
    secret = deployed.functions.stack.environments["fleet_alert"]["SLACK_SECRET_ARN"]
    wiring.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="https://hooks.example.com/x")
    answer = deployed.try_out("fleet_alert/stopped").answer
    assert (answer, posted) == ({"sent": 1, "suppressed": 0, "undelivered": 0}, ["https://hooks.example.com/x"])


def test_what_the_watch_and_the_sum_find_is_written_down_measured_and_shown(deployed: Deployed) -> None:
    resource = {
        "arn": "arn:aws:rds:us-east-1:123456789012:db:orders",
        "kind": "rds:db",
        "region": "us-east-1",
        "name": "orders",
        "status": "available",
        "identity": "db-1",
        "size": 20,
        "encrypted": True,
        "tags": {"holdfast:backup": "daily"},
        "volumes": [],
    }
    discovered = {"run": RUN, "schedule": "daily", "due": DUE.isoformat(), "resources": [resource], "unprotected": []}
    deployed.save(f"runs/{RUN}/discovered.json", discovered)
    deployed.clock.advance(timedelta(hours=31))
    watched = deployed.try_out("fleet_watch/schedule")
    assert (watched.answer["over_target"], watched.answer["max_age_seconds"]) == (1, 31 * 3600)
    samples = [one for line in watched.lines for one in emf_samples(json.dumps(line), 0)]
    measured = {(one.metric.name, *sorted(value for _, value in one.metric.dimensions)): one.value for one in samples}
    assert measured["RpoOverTarget", "fleet"] == 1
    assert measured["RpoAgeSeconds", "fleet", "us-east-1/orders"] == 31 * 3600
    status = deployed.load("status.json")
    assert status["resources"][0]["over"]
    assert (status["unseen"], status["unheard"]) == ([], None)

    assert deployed.try_out("fleet_cost/schedule").answer["systems"] == {"fleet": 0.3}
    assert deployed.load("costs/2026-01-16.json")["metrics"] == 1

    told = deployed.try_out("fleet_status/json").answer
    systems = {one["system"]: one for one in json.loads(told["body"])["systems"]}
    assert systems["fleet"]["wrong"] == ["1 resource without a good backup within the target"]
    page = deployed.try_out("fleet_status/page").answer
    assert page["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "Somebody has to look at fleet" in page["body"]
