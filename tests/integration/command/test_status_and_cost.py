"""`holdfast status` and `holdfast cost` on the whole template in memory: all five systems in one look, one sum."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast import wiring
from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
from holdfast.adapters.dynamodb_objects import DynamoCensus
from holdfast.adapters.stack import Stack
from holdfast.breaker.plan import BreakerState
from holdfast.cli import cost
from holdfast.cli.stack import find
from holdfast.fleet import naming
from tests import aws
from tests.integration.command.shell import Answer, Shell

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
EXAMPLE = Path("README.md")


@dataclass(frozen=True)
class Desk(Shell):
    """An operator's desk beside a deployed stack."""

    bucket: str

    def save(self, key: str, document: object) -> None:
        wiring.client("s3").put_object(Bucket=self.bucket, Key=key, Body=json.dumps(document).encode())

    def watched(self, **told: Any) -> None:
        """What fleet_watch would have written down an hour ago of one database."""
        taken = NOW - timedelta(hours=6)
        one = {
            "name": "orders",
            "region": aws.REGION,
            "schedule": "daily",
            "taken": taken.isoformat(),
            "verified": taken.isoformat(),
            "age_seconds": 5 * 3600,
            "over": False,
        }
        whole = {"at": (NOW - timedelta(hours=1)).isoformat(), "missed": [], "runs": {}, "resources": [one]}
        self.save(naming.STATUS, {**whole, "unprotected": 0, "unprotected_resources": [], **told})

    def systems(self, *words: str) -> dict[str, Any]:
        return {one["system"]: one for one in json.loads(self.run("status", "--json", *words).out)["systems"]}


def _with_a_workflow(stack: Stack) -> Stack:
    """Its ARN tells where the stack is; what these tests deploy has only its name."""
    arn = f"arn:aws:states:{aws.REGION}:123456789012:stateMachine:FleetBackup"
    has_fleet = "FleetBackupBucketName" in stack.outputs
    return replace(stack, outputs={**stack.outputs, **({"FleetBackupStateMachineArn": arn} if has_fleet else {})})


@pytest.fixture
def deploy(account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Desk]:
    def deploy(**parameters: str) -> Desk:
        aws.deploy(**parameters)
        monkeypatch.setattr(wiring, "now", lambda: NOW)
        monkeypatch.setattr("holdfast.adapters.ec2_fleet.Ec2Shelf._locks", lambda _: {})  # moto does not know them
        monkeypatch.setattr(cost, "find", lambda name: _with_a_workflow(find(name)))
        return Desk(monkeypatch, capsys, find(aws.STACK).outputs.get("FleetBackupBucketName", ""))

    return deploy


# Status


def test_a_new_stack_is_well_and_has_backed_up_nothing_yet(deploy: Callable[..., Desk]) -> None:
    desk = deploy()
    answer = desk.run("status")
    assert (answer.status, answer.lines[0]) == (
        0,
        "All is well; nothing is backed up yet by objects, tables, warehouse and fleet.",
    )
    found = {name: one["health"] for name, one in desk.systems().items()}
    assert found == dict.fromkeys(found, "nothing yet") | {"capacity": "good"}


def test_systems_that_are_not_deployed_say_so_and_how_to_get_them(deploy: Callable[..., Desk]) -> None:
    off = {f"Enable{name}": "false" for name in ("Objects", "Tables", "Warehouse", "Fleet", "Capacity")}
    desk = deploy(**off)
    assert {one["health"] for one in desk.systems().values()} == {"not deployed"}
    assert desk.run("status").lines[0] == "No system is deployed."
    assert "<title>holdfast: No system is deployed</title>" in desk.run("status", "--html").lines
    answer = desk.run("cost")
    assert (answer.status, answer.err) == (
        1,
        "holdfast: stack holdfast has no fleet system: deploy it with EnableFleet=true",
    )


def test_each_system_tells_what_it_has_written_down(deploy: Callable[..., Desk]) -> None:
    desk = deploy(ProtectedBuckets="media")
    outputs = find(aws.STACK).outputs
    DynamoCensus(wiring.client("dynamodb"), outputs["CopyTableName"]).set(12)
    desk.watched()
    found = desk.systems()
    assert found["objects"]["protected"] == "12 objects in 2 buckets"
    assert found["tables"]["protected"] == "1 table"
    assert found["capacity"]["protected"].startswith(outputs["CapacityBucketName"])
    assert found["warehouse"]["protected"] == "nothing yet"
    assert (found["fleet"]["rpo_age_seconds"], found["fleet"]["last_backup"]) == (18000, "2026-11-21T02:30:00+00:00")


def test_an_alarm_an_open_breaker_and_a_missed_run_are_to_be_looked_at(deploy: Callable[..., Desk]) -> None:
    desk = deploy()
    desk.watched(missed=["daily"])
    cloudwatch, outputs = wiring.client("cloudwatch"), find(aws.STACK).outputs
    for name in ("holdfast-TablesLagAlarm-1A2B3C4D5E6F", "holdfast-test-FleetRpoAlarm-1A2B3C4D5E6F"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="Late.",
            Namespace="Holdfast",
            MetricName="ArchiveLag",
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="so")
    store = DynamoBreakerStore(wiring.client("dynamodb"), outputs["BreakerTableName"])
    store.save(BreakerState("objects", open_reason="too much", opened_at=NOW, revision=1))
    answer = desk.run("status")
    assert (answer.status, answer.lines[0]) == (1, "Somebody has to look at objects, tables and fleet.")
    assert "  ! TablesLagAlarm is on: Late." in answer.lines
    assert "  ! breaker: too much" in answer.lines
    assert "  ! no daily run has finished when one was due" in answer.lines
    assert len(desk.systems()["fleet"]["alarms"]) == 0


def test_a_stack_that_is_not_there_is_named(
    account: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = Shell(monkeypatch, capsys).run("status", "--stack", "none")
    assert answer.status == 1
    assert "there is no stack none" in answer.err


# Cost


def snapshot(gigabytes: int) -> str:
    """A snapshot as a run of the fleet would have made it."""
    ec2 = wiring.client("ec2")
    volume = ec2.create_volume(AvailabilityZone=f"{aws.REGION}a", Size=gigabytes)["VolumeId"]
    tags = {
        "holdfast:stack": f"123456789012/{aws.REGION}/{aws.STACK}",
        "holdfast:source": f"arn:aws:ec2:{aws.REGION}:123456789012:instance/i-1",
        "holdfast:kind": "ec2:instance",
        "holdfast:run": "daily-2026-11-21T02-00-00Z",
        "holdfast:taken": NOW.isoformat(),
        "holdfast:volume": volume,
    }
    told = [{"Key": name, "Value": value} for name, value in tags.items()]
    made = ec2.create_snapshot(VolumeId=volume, TagSpecifications=[{"ResourceType": "snapshot", "Tags": told}])
    return str(made["SnapshotId"])


def test_a_stack_costs_what_its_snapshots_hold_and_says_what_it_assumes(deploy: Callable[..., Desk]) -> None:
    desk = deploy()
    snapshot(100)
    told = json.loads(desk.run("cost", "--json", "--keep-monthly", "0", "--keep-yearly", "0").out)
    assert [(one["tier"], one["dollars"]) for one in told["items"]] == [("ebs snapshot", 5.0)]
    assert told["systems"] == {"fleet": 5.0}
    assert [one["dollars"] for one in told["retention"]] == [88.5, 13.5]
    lines = desk.run("cost", "--change", "1").lines
    assert "$5.00 a month, at the list prices of us-east-1, 2025:" in lines
    assert "  7 daily, 4 weekly, 12 monthly, 3 yearly: 794.0 GB, $39.70 a month" in lines
    assert any("with 1 % for each day" in line for line in lines)


def test_the_example_of_the_readme_is_what_the_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer: Answer = Shell(monkeypatch, capsys).run("cost", "estimate", "--gb", "100")
    shown = EXAMPLE.read_text().partition("    $ holdfast cost estimate --gb 100\n")[2].partition("\n[Fleet")[0]
    assert [line.removeprefix("    ") for line in shown.splitlines()] == answer.lines


def test_an_estimate_is_of_what_is_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer = Shell(monkeypatch, capsys).run("cost", "estimate", "--gb", "10", "--keep-yearly", "0", "--change", "0")
    assert "10 GB of EBS volumes, of which 0 % change a day, 7 daily, 4 weekly, 12 monthly, 0 yearly:" in answer.lines
    assert answer.lines[-1] == "  10 GB x $0.05 = $0.50 a month"
