"""The functions of the warehouse system with their sample events, in the order in which the state machine asks."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast import wiring
from holdfast.warehouse.model import NotAnItem
from holdfast.warehouse.orders import NotAnOrder
from holdfast.warehouse.steps import SourceNotReadable
from local.invoke import SAMPLE_BODY, SAMPLE_LAKE
from tests.integration.warehouse.conftest import Deploy
from tests.integration.warehouse.deployed import DATA, LOG, RUN, Deployed, metrics
from tests.invocation import sample

DISCOVERED = "warehouse_discover/by_hand"
COPIED = ("warehouse_plan/source", "warehouse_copy/data", "warehouse_commit/data")
LOGGED = ("warehouse_copy/logs", "warehouse_commit/logs")
BACKED_UP = (DISCOVERED, *COPIED, *LOGGED, "warehouse_verify/source", "warehouse_retire/source")


def lake(key: str, body: bytes | None = None) -> None:
    """Write to the source, or delete from it."""
    s3 = wiring.client("s3")
    if body is None:
        s3.delete_object(Bucket=SAMPLE_LAKE, Key=key)
    else:
        s3.put_object(Bucket=SAMPLE_LAKE, Key=key, Body=body)


@pytest.mark.parametrize("case", ["warehouse_discover/schedule", DISCOVERED])
def test_a_run_has_a_name_and_an_item_for_each_source(deployed: Deployed, case: str) -> None:
    answer = deployed.try_out(case).answer
    assert answer == {"run": RUN, "sources": [sample("warehouse_plan/source")]}
    assert deployed.document("run.json")["sources"] == answer["sources"]
    assert deployed.try_out(case).answer == answer


def test_no_source_lies_in_a_bucket_that_may_not_be_read(deployed: Deployed) -> None:
    event = sample(DISCOVERED) | {"sources": ["s3://pond/sales"]}
    with pytest.raises(SourceNotReadable, match="WarehouseSourceBuckets"):
        deployed.functions.invoke("warehouse_discover", event)
    assert deployed.keys() == []


def test_a_complete_inventory_is_planned_by_a_function(deployed: Deployed) -> None:
    answer = deployed.try_out("warehouse_validate/inventory").answer
    assert answer == {"status": "complete", "route": "lambda", "error": None}


def test_a_source_without_an_inventory_is_told_by_name(deployed: Deployed) -> None:
    answer = deployed.try_out("warehouse_validate/no_inventory").answer
    assert (answer["status"], answer["error"]["Error"]) == ("corrupt", "InventoryMissing")
    assert "s3://holdfast-lake/sales" in answer["error"]["Cause"]


def test_an_inventory_that_is_too_old_is_not_gone_by(deployed: Deployed) -> None:
    deployed.clock.advance(timedelta(days=10))
    answer = deployed.try_out("warehouse_validate/inventory").answer
    assert (answer["status"], answer["error"]["Error"]) == ("corrupt", "InventoryStale")


@pytest.mark.parametrize(("minutes", "status"), [(29, "incomplete"), (31, "expired")])
def test_an_inventory_without_its_checksum_is_waited_for_half_an_hour(
    deployed: Deployed, minutes: int, status: str
) -> None:
    bucket, folder = deployed.told["INVENTORIES"].removeprefix("s3://").split("/")
    key = f"{folder}/{SAMPLE_LAKE}/holdfast/2026-11-20T01-00Z/manifest.checksum"
    wiring.client("s3").delete_object(Bucket=bucket, Key=key)
    deployed.clock.advance(timedelta(minutes=minutes))
    answer = deployed.try_out("warehouse_validate/inventory").answer
    assert (answer["status"], answer["error"]["Error"]) == (status, "InventoryIncomplete")


def test_a_larger_inventory_goes_where_the_settings_say(deployed: Deployed) -> None:
    def answer(**told: str) -> Any:
        environments: Any = deployed.functions.stack.environments
        environments["warehouse_validate"] |= {"LAMBDA_BYTES": "0", **told}
        return deployed.try_out("warehouse_validate/inventory").answer

    alone = answer()
    assert (alone["status"], alone["error"]["Error"]) == ("corrupt", "InventoryTooLarge")
    assert "WarehouseTaskImage" in alone["error"]["Cause"]
    assert answer(HAS_TASK="true")["route"] == "task"
    assert answer(TASK_BYTES="0")["route"] == "athena"


def test_a_plan_has_the_phases_that_the_sample_events_tell_of(deployed: Deployed) -> None:
    answer = deployed.try_out(DISCOVERED, "warehouse_plan/source").answer
    assert answer["phases"] == [sample(f"warehouse_copy/{phase}")["phase"] for phase in ("data", "logs")]
    assert deployed.try_out("warehouse_plan/source").answer == answer


def test_a_copy_is_what_was_listed_in_its_class_and_without_a_tag_of_its_source(deploy: Deploy) -> None:
    deployed = deploy(WarehouseStorageClass="GLACIER_IR")
    tag: Any = {"TagSet": [{"Key": "holdfast-state", "Value": "expire"}]}
    wiring.client("s3").put_object_tagging(Bucket=SAMPLE_LAKE, Key=DATA, Tagging=tag)
    deployed.try_out(DISCOVERED)
    planned = deployed.try_out("warehouse_plan/source").answer["phases"]
    for phase in planned:
        event = sample("warehouse_plan/source") | {"phase": phase}
        assert deployed.functions.invoke("warehouse_copy", event).answer == {"done": True}
    assert deployed.keys(f"copies/{RUN}/{SAMPLE_LAKE}/") == [LOG, DATA]
    assert [deployed.storage_class(key) for key in (DATA, LOG)] == ["GLACIER_IR", "STANDARD"]
    assert deployed.tags(DATA) == {}


def test_a_copy_that_failed_is_tried_once_more_and_then_reported(deployed: Deployed) -> None:
    deployed.try_out(DISCOVERED, "warehouse_plan/source")
    lake(DATA, b"another body")  # between the inventory and the copy
    deployed.try_out("warehouse_copy/data")
    first = deployed.try_out("warehouse_commit/data").answer
    assert (first["failed"], first["retry"]["attempt"]) == (1, 2)
    again = sample("warehouse_copy/data") | {"phase": first["retry"]}
    deployed.functions.invoke("warehouse_copy", again)
    second = deployed.functions.invoke("warehouse_commit", again | {"job": None}).answer
    assert (second["failed"], second["retry"]) == (1, None)
    deployed.try_out(*LOGGED, "warehouse_verify/source", "warehouse_retire/source")
    [row] = report(deployed)
    assert (row["failed"], row["tables"], row["restorable"]) == (1, 1, 0)


def report(deployed: Deployed) -> Any:
    deployed.try_out("warehouse_report/report")
    return deployed.document("report.json")["databases"]


def test_a_step_that_is_told_nothing_says_what_it_lacks(deployed: Deployed) -> None:
    for name in ("plan", "verify", "commit", "copy"):
        with pytest.raises(NotAnItem):
            deployed.functions.invoke(f"warehouse_{name}", {})
    with pytest.raises(NotAnOrder):
        deployed.functions.invoke("warehouse_commit", sample("warehouse_plan/source"))


# Reports


def test_a_run_is_reported_as_documents_parquet_and_metrics(deployed: Deployed) -> None:
    deployed.try_out(*BACKED_UP[:-1])
    assert deployed.try_out("warehouse_verify/source").answer == {"done": True, "restorable": 1, "broken": 0}
    assert metrics(deployed.try_out("warehouse_retire/source")) == {"BreakerHeld": 0}
    deployed.clock.advance(timedelta(minutes=20))
    invoked = deployed.try_out("warehouse_report/report")
    assert invoked.answer["failed"] == []
    assert "databases" not in invoked.answer
    assert metrics(invoked) == {
        "FailedSources": 0,
        "CopiedObjects": 1,
        "CopiedBytes": len(SAMPLE_BODY),
        "FailedCopies": 0,
        "RetiredCopies": 0,
        "ExpiringCopies": 0,
        "RestorableTables": 1,
        "BrokenTables": 0,
        "BackupSeconds": 1200,
        "EstimatedDollars": pytest.approx(0.00003, abs=0.00001),
    }
    assert deployed.keys("reports/") == [f"{RUN}.parquet"]


def test_a_source_that_failed_is_in_the_report_by_name(deployed: Deployed) -> None:
    invoked = deployed.try_out(DISCOVERED, "warehouse_report/failed")
    assert metrics(invoked) == {"SourceFailures": 1}
    answer = deployed.try_out("warehouse_report/report").answer
    assert answer["failed"] == ["s3://holdfast-lake/sales"]
    assert "ManifestCorrupt: its MD5" in answer["summary"]


def test_the_watch_tells_how_long_ago_a_run_was_reported(deployed: Deployed) -> None:
    assert metrics(deployed.try_out("warehouse_report/watch")) == {"DaysSinceBackup": 0}
    deployed.try_out(*BACKED_UP, "warehouse_report/report")
    deployed.clock.advance(timedelta(days=36))
    later = sample("warehouse_discover/schedule") | {"started": "2026-12-20T03:00:00Z"}
    deployed.functions.invoke("warehouse_discover", later)  # one that never came to its end
    assert metrics(deployed.try_out("warehouse_report/watch")) == {"DaysSinceBackup": 36}


# Slack


def test_slack_hears_of_a_run_once(deploy: Deploy, account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, bytes]] = []

    def post(url: str, body: bytes) -> int:
        told.append((url, body))
        return 200

    monkeypatch.setattr("holdfast.adapters.slack.SlackMessenger.__init__.__defaults__", (post,))
    secret = wiring.client("secretsmanager").create_secret(Name="slack", SecretString="https://hooks.example.com/x")
    deployed = deploy(WarehouseSlackSecretArn=secret["ARN"])
    deployed.try_out(*BACKED_UP, "warehouse_report/report", "warehouse_report/report")
    [(url, body)] = told
    assert url == "https://hooks.example.com/x"
    assert b"1 done" in body
