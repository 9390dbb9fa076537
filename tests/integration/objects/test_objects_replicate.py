"""objects_replicate with its sample events, and with others in their form."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast import wiring
from holdfast.objects.model import Status
from tests import aws
from tests.integration.objects.conftest import Deploy
from tests.integration.objects.deployed import BODY, NAME, Deployed, metrics
from tests.invocation import Invoked, sample

HOSTILE_NAME = 'ордер 1/../"ü", 100% +\n😀?.txt'
DELETIONS = [
    "objects_replicate/s3_delete",
    "objects_replicate/s3_delete_marker",
    "objects_replicate/eventbridge_deleted",
]


def verdicts(invoked: Invoked) -> list[str]:
    return [event["verdict"] for event in invoked.answer["events"]]


# Create


@pytest.mark.parametrize("case", ["objects_replicate/s3_put", "objects_replicate/eventbridge_created"])
def test_what_is_written_gets_a_copy_and_an_active_row(deployed: Deployed, case: str) -> None:
    deployed.put()
    invoked = deployed.try_out(case)
    assert invoked.answer == {"events": [{"key": NAME, "verdict": "copied"}]}
    (copy,) = deployed.rows().copies
    assert (copy.status, copy.version.size, copy.disowned_at) == (Status.ACTIVE, 18, None)
    assert copy.created_at == deployed.clock.now()
    assert copy.copy_key.startswith(f"{aws.SAMPLE_BUCKET}/{NAME}/20260115T093000.000Z-006968B5E81A2B3C4D-")
    assert deployed.stored() == {copy.copy_key: BODY}
    assert deployed.guarded() == 1


def test_a_copy_carries_what_belongs_to_the_object(deploy: Deploy) -> None:
    deployed = deploy(BackupStorageClass="STANDARD_IA")
    deployed.put(ContentType="text/x", ContentLanguage="en", Metadata={"mine": "1"}, Tagging="a=1&b=2")
    deployed.try_out("objects_replicate/s3_put")
    s3 = wiring.client("s3")
    (copy_key,) = deployed.stored()
    head: Any = s3.head_object(Bucket=deployed.backup_bucket, Key=copy_key)
    tags: Any = s3.get_object_tagging(Bucket=deployed.backup_bucket, Key=copy_key)
    assert (head["ContentType"], head["ContentLanguage"], head["Metadata"]) == ("text/x", "en", {"mine": "1"})
    assert head["StorageClass"] == "STANDARD_IA"
    assert {tag["Key"]: tag["Value"] for tag in tags["TagSet"]} == {"a": "1", "b": "2"}


def test_each_event_is_one_line_of_json_and_some_metrics(deployed: Deployed) -> None:
    deployed.put()
    invoked = deployed.try_out("objects_replicate/s3_put")
    told = ("level", "service", "bucket_name", "object_name", "event_type", "verdict", "copied_bytes")
    assert invoked.said("replicated", *told) == [
        ("INFO", "objects_replicate", aws.SAMPLE_BUCKET, NAME, "ObjectCreated:Put", "copied", 18)
    ]
    assert metrics(invoked) == {
        "ReplicationLag": 2.0,
        "CopiesMade": 1,
        "CopiedBytes": 18,
        "CopiesEvicted": 0,
        "CopiesDisowned": 0,
        "Failures": 0,
        "BreakerHeld": 0,
    }


def test_an_event_that_comes_twice_makes_one_copy(deployed: Deployed) -> None:
    event = deployed.put()
    deployed.replicate(event)
    again = deployed.replicate(event, event)
    assert verdicts(again) == ["not copied: it has a copy already"] * 2
    assert deployed.copies() == [("active", BODY)]
    assert deployed.guarded() == 1


def test_of_five_writes_the_newest_three_keep_their_copies(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1", b"2", b"3", b"4", b"5")
    assert deployed.copies() == [("active", b"3"), ("active", b"4"), ("active", b"5")]
    assert len(deployed.stored()) == 3


def test_a_parameter_says_how_many(deploy: Deploy) -> None:
    deployed = deploy(CopiesToKeep="1")
    deployed.put_and_replicated(NAME, b"1", b"2")
    assert deployed.copies() == [("active", b"2")]


@pytest.mark.parametrize("name", [HOSTILE_NAME, "x" * 1024, "__DELETED__", "../../up", "a\u0001b"])
def test_a_key_of_any_characters_gets_its_copy(deployed: Deployed, name: str) -> None:
    invoked = deployed.replicate(deployed.put(name))
    assert invoked.said("replicated", "object_name", "verdict") == [(name, "copied")]
    assert deployed.copies(name) == [("active", BODY)]
    deployed.replicate(deployed.delete(name))
    assert deployed.copies(name) == [("disowned", BODY)]


def test_the_key_of_a_notification_is_decoded_once(deployed: Deployed) -> None:
    deployed.put(HOSTILE_NAME)
    assert verdicts(deployed.try_out("objects_replicate/hostile_key")) == ["copied"]
    assert deployed.copies(HOSTILE_NAME) == [("active", BODY)]


def test_s3s_own_test_event_is_done_and_leaves_nothing(deployed: Deployed) -> None:
    invoked = deployed.try_out("objects_replicate/s3_test_event")
    assert (invoked.answer, deployed.stored()) == ({"events": []}, {})


def test_an_event_of_the_backup_bucket_makes_no_copy_of_a_copy(deployed: Deployed) -> None:
    event = deployed.put()
    deployed.replicate(event)
    event["Records"][0]["s3"]["bucket"]["name"] = deployed.backup_bucket
    event["Records"][0]["s3"]["object"]["key"] = next(iter(deployed.stored()))
    assert verdicts(deployed.replicate(event)) == ["ignored: the backup bucket is no source"]
    assert len(deployed.stored()) == 1


def test_an_event_that_fails_comes_again_and_keeps_no_other_waiting(deployed: Deployed) -> None:
    lost, fine = deployed.put("lost"), deployed.put("fine")
    lost["Records"][0]["s3"]["bucket"]["name"] = "no-such-bucket"
    with pytest.raises(ExceptionGroup, match="1 events are not replicated"):
        deployed.replicate(lost, fine)
    assert deployed.copies("fine") == [("active", BODY)]


# Delete


@pytest.mark.parametrize("case", DELETIONS)
def test_a_delete_disowns_every_copy_at_one_moment_and_deletes_none(deployed: Deployed, case: str) -> None:
    deployed.put_and_replicated(NAME, b"1", b"2", b"3")
    wiring.client("s3").delete_object(Bucket=aws.SAMPLE_BUCKET, Key=NAME)
    deployed.clock.advance(timedelta(minutes=1))
    invoked = deployed.try_out(case)
    assert verdicts(invoked) == ["deleted"]
    assert deployed.copies() == [("disowned", b"1"), ("disowned", b"2"), ("disowned", b"3")]
    rows = deployed.rows()
    assert {copy.disowned_at for copy in rows.copies} == {deployed.clock.now()}
    assert {copy.deleted_at for copy in rows.copies} == {datetime(2026, 1, 15, 9, 31, tzinfo=UTC)}
    assert metrics(invoked)["CopiesDisowned"] == 3
    assert deployed.guarded() == 0


@pytest.mark.parametrize("case", DELETIONS)
def test_a_create_that_comes_behind_its_delete_brings_nothing_back(deployed: Deployed, case: str) -> None:
    deployed.put()
    deployed.delete()
    deployed.try_out(case)
    assert verdicts(deployed.try_out("objects_replicate/s3_put")) == ["not copied: the object was deleted since"]
    assert (deployed.rows().copies, deployed.stored()) == ((), {})


def test_a_delete_that_comes_twice_keeps_the_moment_of_the_first(deployed: Deployed) -> None:
    deployed.put_and_replicated()
    deleted = deployed.delete()
    deployed.replicate(deleted)
    first = deployed.rows()
    deployed.clock.advance(timedelta(hours=1))
    deployed.replicate(deleted)
    assert deployed.rows() == first


def test_what_is_written_anew_has_its_own_copy_beside_the_disowned_ones(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1", b"2")
    deployed.replicate(deployed.delete())
    deployed.put_and_replicated(NAME, b"3")
    assert deployed.copies() == [("disowned", b"1"), ("disowned", b"2"), ("active", b"3")]
    assert deployed.guarded() == 1


def test_a_delete_that_comes_behind_the_next_write_disowns_what_was_before_it(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1")
    deleted, anew = deployed.delete(), deployed.put(body=b"2")
    deployed.replicate(anew)
    deployed.replicate(deleted)
    assert deployed.copies() == [("disowned", b"1"), ("active", b"2")]


# Versions


def test_a_version_is_copied_exactly_though_a_newer_one_is_there(deploy: Deploy) -> None:
    deployed = deploy(versioned=True)
    first, second = deployed.put(body=b"1"), deployed.put(body=b"2")
    assert verdicts(deployed.replicate(second, first)) == ["copied", "copied"]
    assert deployed.copies() == [("active", b"1"), ("active", b"2")]


def test_a_version_that_is_gone_when_its_event_arrives_leaves_nothing(deploy: Deploy) -> None:
    deployed = deploy(versioned=True)
    deployed.put()
    assert verdicts(deployed.try_out("objects_replicate/s3_put_version")) == ["gone"]
    assert (deployed.rows().copies, deployed.stored()) == ((), {})


def test_a_deleted_version_uncovers_the_one_before_it_which_then_counts_as_written(deploy: Deploy) -> None:
    deployed = deploy(versioned=True, CopiesToKeep="1")
    first, second = deployed.put(body=b"1"), deployed.put(body=b"2")
    deployed.replicate(first, second)
    uncovered = deployed.replicate(deployed.delete_version(second))
    assert verdicts(uncovered) == ["a version was deleted, the object lives"]
    assert deployed.copies() == [("active", b"1")]


def test_a_delete_marker_disowns_and_its_removal_brings_the_object_back(deploy: Deploy) -> None:
    deployed = deploy(versioned=True)
    deployed.put_and_replicated()
    marker = deployed.delete()
    deployed.replicate(marker)
    assert deployed.copies() == [("disowned", BODY)]
    deployed.replicate(deployed.delete_version(marker))
    assert deployed.copies() == [("disowned", BODY), ("active", BODY)]


# The breaker


def test_the_breaker_holds_back_a_deletion_and_lets_it_go_on_once_resumed(deploy: Deploy) -> None:
    deployed = deploy(BreakerFloor="1", BreakerSharePercent="1")
    for name in ("a", "b", "c"):
        deployed.put_and_replicated(name)
    deleted = [deployed.delete(name) for name in ("a", "b", "c")]
    held = deployed.replicate(*deleted)
    assert [deployed.copies(name) for name in ("a", "b", "c")] == [
        [("disowned", BODY)],
        [("active", BODY)],
        [("active", BODY)],
    ]
    assert metrics(held)["BreakerHeld"] == 2
    deployed.resume_the_breaker()
    deployed.replicate(deleted[1])
    assert deployed.copies("b") == [("disowned", BODY)]


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=30)])
def test_mass_overwrites_evict_half_of_what_they_may_and_then_open_the_breaker(deploy: Deploy, age: timedelta) -> None:
    deployed = deploy(BreakerFloor="2", BreakerSharePercent="1", CopiesToKeep="1")
    names = ["a", "b", "c", "d"]
    for name in names:
        deployed.put_and_replicated(name, b"good")
    deployed.clock.advance(age)
    overwritten = [deployed.replicate(deployed.put(name, b"encrypted")) for name in names]
    assert sum(metrics(invoked)["BreakerHeld"] for invoked in overwritten) == 2
    kept = {name: [body for _, body in deployed.copies(name)] for name in names}
    assert kept == {"a": [b"encrypted"]} | {name: [b"good", b"encrypted"] for name in "bcd"}


# Object Lock


def test_what_is_locked_is_disowned_when_newer_ones_would_evict_it(deploy: Deploy) -> None:
    deployed = deploy(BackupLockDays="1", DisownedDelaySeconds="86400", CopiesToKeep="1")
    deployed.put_and_replicated(NAME, b"1", b"2")
    assert deployed.copies() == [("disowned", b"1"), ("active", b"2")]
    assert all(copy.stored and copy.stored.version_id for copy in deployed.rows().copies)


def test_every_sample_event_of_the_bucket_tells_of_the_same_object() -> None:
    """So that one after the other they tell a story: `make invoke` leaves to the next what one has done."""
    cases = ("s3_put", "s3_put_version", "s3_delete", "s3_delete_marker")
    records = [sample(f"objects_replicate/{case}")["Records"][0]["s3"] for case in cases]
    assert {(record["bucket"]["name"], record["object"]["key"]) for record in records} == {(aws.SAMPLE_BUCKET, NAME)}
