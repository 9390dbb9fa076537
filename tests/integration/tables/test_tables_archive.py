"""tables_archive with its sample events."""

from typing import Any

import pytest

from holdfast import wiring
from holdfast.events.dynamodb import NotAStream
from holdfast.settings import SettingInvalid
from holdfast.tables.model import Cause
from tests.integration.tables.conftest import Deploy
from tests.integration.tables.deployed import SAMPLE_TABLE, WRITTEN_AT, Deployed, create_sample_table, images, metrics
from tests.invocation import sample

BEFORE_METRICS = pytest.mark.filterwarnings("ignore:No application metrics")
"""The function fails before there is anything to measure."""

NOTHING_AGAIN: dict[str, Any] = {"batchItemFailures": []}


# What a record means


@pytest.mark.parametrize("case", ["tables_archive/insert", "tables_archive/every_type"])
def test_what_is_inserted_is_in_the_archive_as_it_came(deployed: Deployed, case: str) -> None:
    assert deployed.try_out(case).answer == NOTHING_AGAIN
    assert deployed.items() == [record["dynamodb"]["NewImage"] for record in sample(case)["Records"]]


def test_a_modified_item_is_both_at_its_times(deployed: Deployed) -> None:
    deployed.try_out("tables_archive/insert", "tables_archive/modify")
    assert deployed.items(WRITTEN_AT + 59) == images("insert")
    assert deployed.items(WRITTEN_AT + 60) == images("modify")


@pytest.mark.parametrize(
    ("case", "cause"), [("tables_archive/remove", Cause.WRITE), ("tables_archive/ttl_removal", Cause.EXPIRY)]
)
def test_a_removed_item_is_gone_from_then_on_and_it_is_known_who_removed_it(
    deployed: Deployed, case: str, cause: Cause
) -> None:
    deployed.try_out("tables_archive/insert", case)
    assert deployed.items(WRITTEN_AT + 119) == images("insert")
    assert deployed.items() == []
    assert [change.cause for change in deployed.changes()] == [Cause.WRITE, cause]


def test_a_batch_is_one_segment(deployed: Deployed) -> None:
    deployed.archive_together("insert", "modify", "remove", "every_type")
    [segment] = deployed.archive().segments(0, WRITTEN_AT + 120)
    assert segment.count == 4
    assert segment.name.startswith("changes/2026/01/15/")


def test_a_batch_that_comes_twice_changes_nothing(deployed: Deployed) -> None:
    deployed.try_out("tables_archive/insert", "tables_archive/modify")
    deployed.archive_together("insert")
    assert deployed.items() == images("modify")


def test_what_lies_in_s3_is_under_bucket_prefix_and_table(deploy: Deploy) -> None:
    s3 = wiring.client("s3")
    s3.create_bucket(Bucket="archives")
    s3.put_bucket_versioning(Bucket="archives", VersioningConfiguration={"Status": "Enabled"})
    deployed = deploy(BackupBucket="archives", BackupPrefix="team/db")
    deployed.try_out("tables_archive/insert")
    [found] = s3.list_objects_v2(Bucket="archives")["Contents"]
    assert found["Key"].startswith(f"team/db/table={SAMPLE_TABLE}/changes/2026/01/15/")


# What cannot be read


def test_all_but_the_poison_is_stored_and_the_poison_comes_again_and_is_kept(deployed: Deployed) -> None:
    invoked = deployed.try_out("tables_archive/poison_among_good")
    sequence = sample("tables_archive/poison_among_good")["Records"][1]["dynamodb"]["SequenceNumber"]
    assert invoked.answer == {"batchItemFailures": [{"itemIdentifier": sequence}]}
    good, poison, other = images("poison_among_good")
    assert [deployed.view.image(change) for change in deployed.changes()] == [good, other]
    kept = deployed.archive().rejected(sequence)
    assert kept is not None
    assert kept["dynamodb"]["NewImage"] == poison
    assert metrics(invoked)["RejectedRecords"] == 1


def test_a_record_that_cannot_be_asked_for_has_its_whole_batch_come_again(deployed: Deployed) -> None:
    event = sample("tables_archive/poison_among_good")
    del event["Records"][1]["dynamodb"]["SequenceNumber"]
    with pytest.raises(NotAStream, match="all of its batch is"):
        deployed.functions.invoke("tables_archive", event)
    assert len(deployed.items()) == 2


@BEFORE_METRICS
def test_whatever_is_no_batch_of_a_stream_is_told_as_such(deployed: Deployed) -> None:
    with pytest.raises(NotAStream):
        deployed.functions.invoke("tables_archive", {"Records": []})


@BEFORE_METRICS
def test_an_archive_that_cannot_be_written_has_the_whole_batch_come_again(deploy: Deploy) -> None:
    deployed = deploy(BackupBucket="no-such-bucket")
    with pytest.raises(wiring.client("s3").exceptions.NoSuchBucket):
        deployed.try_out("tables_archive/insert")


# What it says


def test_a_line_a_batch_tells_what_became_of_it(deployed: Deployed) -> None:
    invoked = deployed.archive_together("insert", "remove")
    [segment] = deployed.archive().segments(0, WRITTEN_AT + 120)
    told = invoked.said("archived", "table", "segment", "stored", "removed", "rejected", "come_again")
    assert told == [(SAMPLE_TABLE, segment.name, 2, 1, 0, [])]


def test_the_lag_is_that_of_the_oldest_change(deployed: Deployed) -> None:
    assert metrics(deployed.archive_together("modify", "insert")) == {
        "ArchivedRecords": 2,
        "ArchiveLag": 300,
        "RejectedRecords": 0,
        "RecordsWithoutTenant": 0,
    }


# Tenants


def test_an_item_that_changes_its_tenant_is_the_others_from_then_on(deploy: Deploy) -> None:
    deployed = deploy(MultiTenancyColumn="tenant")
    deployed.try_out("tables_archive/insert", "tables_archive/tenant_change")
    assert [change.tenant for change in deployed.changes()] == ["acme", "globex"]
    assert deployed.items() == images("tenant_change")


def test_an_item_without_tenant_is_kept_and_told(deploy: Deploy) -> None:
    deployed = deploy(MultiTenancyColumn="owner")
    invoked = deployed.try_out("tables_archive/insert")
    assert deployed.items() == images("insert")
    assert metrics(invoked)["RecordsWithoutTenant"] == 1
    assert invoked.said("no tenant", "table") == [(SAMPLE_TABLE,)]


# The layout `item`


def test_an_item_is_a_versioned_object(deploy: Deploy) -> None:
    deployed = deploy(ArchiveLayout="item")
    deployed.archive_together("insert", "modify")
    [(key, image)] = deployed.objects().items()
    assert key.rpartition("/")[0] == f"tables/{SAMPLE_TABLE}"
    assert [image] == images("modify") == deployed.items()
    assert deployed.versions(key) == [*images("insert"), *images("modify")]
    deployed.try_out("tables_archive/remove")
    assert deployed.objects() == {}
    assert deployed.items() == []


def test_an_object_is_named_by_its_items_keys_in_the_order_of_the_table(deploy: Deploy) -> None:
    create_sample_table()
    deployed = deploy(ArchiveLayout="item", PlainTextKeyAsFilename="true", MultiTenancyColumn="tenant")
    deployed.try_out("tables_archive/insert")
    assert deployed.objects() == {f"tables/{SAMPLE_TABLE}/acme/customer#1 | order#1": images("insert")[0]}
    deployed.try_out("tables_archive/tenant_change")
    assert deployed.objects() == {f"tables/{SAMPLE_TABLE}/globex/customer#1 | order#1": images("tenant_change")[0]}


def test_a_bucket_without_versions_is_refused_record_by_record(deploy: Deploy) -> None:
    wiring.client("s3").create_bucket(Bucket="unversioned")
    deployed = deploy(BackupBucket="unversioned", ArchiveLayout="item")
    invoked = deployed.try_out("tables_archive/insert")
    sequence = sample("tables_archive/insert")["Records"][0]["dynamodb"]["SequenceNumber"]
    assert invoked.answer == {"batchItemFailures": [{"itemIdentifier": sequence}]}
    [(error,)] = invoked.said("not stored", "error")
    assert "keeps no versions" in error


@BEFORE_METRICS
def test_a_layout_that_is_none_is_told_by_name(deploy: Deploy) -> None:
    with pytest.raises(SettingInvalid, match="ARCHIVE_LAYOUT is 'zip': segment or item is wanted"):
        deploy(ArchiveLayout="zip").try_out("tables_archive/insert")
