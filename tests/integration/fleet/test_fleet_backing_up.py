"""fleet_discover, fleet_backup, fleet_verify, fleet_expire and fleet_report with their sample events."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from holdfast import wiring
from tests import aws
from tests.integration.clock import Clock
from tests.invocation import Functions, sample

RUN: str = sample("fleet_report/report")["run"]
DIGEST: str = sample("fleet_backup/resource")["resource"]
MEND = "set FleetCopyRegion, or tag the bucket holdfast:backup=none"


@pytest.fixture
def functions(account: None, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Of a stack that copies nothing, in an account with the bucket of the sample events."""
    monkeypatch.setattr(wiring, "now", Clock(datetime(2026, 11, 21, 9, 31, tzinfo=UTC)).now)
    monkeypatch.setattr("holdfast.adapters.s3_fleet.S3Buckets._job", lambda *_: None)  # moto knows no such jobs
    monkeypatch.setattr("holdfast.adapters.ec2_fleet.Ec2Shelf._locks", lambda _: {})
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    boto3.client("s3").create_bucket(Bucket=aws.SAMPLE_BUCKET)
    return Functions(aws.deploy())


def load(functions: Functions, key: str) -> Any:
    bucket = functions.stack.environments["fleet_report"]["FLEET_BUCKET"]
    return json.loads(wiring.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def test_a_schedule_names_its_run_by_the_moment_for_which_it_was_due(functions: Functions) -> None:
    for case, run, cleans in (
        ("fleet_discover/schedule", "daily-2026-11-21T02-00-00Z", False),
        ("fleet_discover/cleanup", "cleanup-2026-12-01T00-00-00Z", True),
    ):
        answer = functions.try_out(case).answer
        assert (answer["run"], answer["cleanup"], answer["services"]) == (run, cleans, [])
        unprotected = {one["name"]: one["why"] for one in load(functions, f"runs/{run}/discovered.json")["unprotected"]}
        assert "daily or weekly protects it" in unprotected[aws.SAMPLE_BUCKET]


def test_what_somebody_asks_for_is_backed_up_verified_and_reported(functions: Functions) -> None:
    """Of a bucket, without a region to replicate it to: what fails says what to do."""
    found = functions.try_out("fleet_discover/by_hand").answer
    assert found["run"] == RUN
    assert found["services"] == [{"service": "s3", "concurrency": 5, "resources": [DIGEST]}]
    assert functions.try_out("fleet_backup/resource").answer["status"] == "failed"
    assert load(functions, f"runs/{RUN}/results/{DIGEST}.json")["mend"] == MEND
    assert functions.try_out("fleet_verify/resource").answer["status"] == "failed"
    assert functions.try_out("fleet_report/failed").answer == {"failed": [DIGEST]}
    reported = functions.try_out("fleet_report/report")
    assert reported.answer["failed"] == [aws.SAMPLE_BUCKET]
    [logged] = [line for line in reported.lines if "_aws" in line]
    assert (logged["Failed"], logged["Succeeded"], logged["service"]) == ([1.0], [0.0], "fleet")


def test_a_cleanup_with_nothing_to_remove_is_done_at_once(functions: Functions) -> None:
    functions.try_out("fleet_discover/cleanup")
    invoked = functions.try_out("fleet_expire/run")
    assert invoked.answer == {"done": True, "removed": 0, "blocked": 0, "held": None}
    assert [line["BreakerHeld"] for line in invoked.lines if "_aws" in line] == [[0.0]]
