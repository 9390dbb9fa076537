"""capacity_track with its sample events."""

import pytest

from tests import aws
from tests.integration.capacity.conftest import Deploy
from tests.integration.capacity.deployed import Deployed, metric
from tests.invocation import Invoked, sample

DONE: dict[str, list[dict[str, str]]] = {"batchItemFailures": []}


def outcomes(invoked: Invoked) -> list[tuple[object, ...]]:
    return invoked.said("tracked", "object_name", "verdict", "size_delta", "total_size")


def test_a_put_is_in_the_table_in_the_history_and_in_the_metric(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_track/s3_put")
    assert invoked.answer == DONE
    assert deployed.tracked() == {"assignment1.txt": 18}
    assert [point.total_size for point in deployed.history()] == [18]
    assert metric(invoked) == [({"bucket_name": aws.SAMPLE_BUCKET}, 18)]


def test_each_event_is_one_line_of_json(deployed: Deployed) -> None:
    (line,) = deployed.try_out("capacity_track/s3_put").lines
    told = (
        "level",
        "message",
        "service",
        "bucket_name",
        "object_name",
        "event_type",
        "verdict",
        "size_delta",
        "total_size",
    )
    assert {name: line[name] for name in told} == {
        "level": "INFO",
        "message": "tracked",
        "service": "capacity_track",
        "bucket_name": aws.SAMPLE_BUCKET,
        "object_name": "assignment1.txt",
        "event_type": "ObjectCreated:Put",
        "verdict": "applied",
        "size_delta": 18,
        "total_size": 18,
    }


def test_a_message_that_comes_twice_counts_once_and_still_gives_the_metric_a_value(deployed: Deployed) -> None:
    deployed.try_out("capacity_track/s3_put")
    again = deployed.try_out("capacity_track/s3_put")
    assert outcomes(again) == [("assignment1.txt", "duplicate", 0, 18)]
    assert metric(again) == [({"bucket_name": aws.SAMPLE_BUCKET}, 18)]
    assert deployed.total == 18


@pytest.mark.parametrize(
    "case", ["capacity_track/s3_delete", "capacity_track/s3_delete_marker", "capacity_track/lifecycle_expiration"]
)
def test_whatever_takes_the_object_away_takes_its_bytes(deployed: Deployed, case: str) -> None:
    deployed.try_out("capacity_track/s3_put")
    invoked = deployed.try_out(case)
    assert outcomes(invoked) == [("assignment1.txt", "applied", -18, 0)]
    assert deployed.tracked() == {}


def test_a_put_that_comes_behind_its_delete_brings_nothing_back(deployed: Deployed) -> None:
    deployed.try_out("capacity_track/s3_delete")
    late = deployed.try_out("capacity_track/s3_put")
    assert outcomes(late) == [("assignment1.txt", "stale", 0, 0)]
    assert (deployed.tracked(), deployed.total) == ({}, 0)


def test_a_deleted_version_counts_as_what_it_uncovers(deploy: Deploy) -> None:
    deployed = deploy(versioned=True)
    deployed.put(**{"assignment1.txt": 5})
    deployed.try_out("capacity_track/s3_put")
    invoked = deployed.try_out("capacity_track/s3_version_delete")
    assert outcomes(invoked) == [("assignment1.txt", "applied", -13, 5)]


def test_the_last_version_deleted_takes_the_object(deploy: Deploy) -> None:
    deployed = deploy(versioned=True)
    deployed.try_out("capacity_track/s3_put")
    deployed.try_out("capacity_track/s3_version_delete")
    assert (deployed.tracked(), deployed.total) == ({}, 0)


def test_a_batch_out_of_order_with_a_duplicate_ends_where_the_bucket_is(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_track/batch")
    assert invoked.answer == DONE
    assert outcomes(invoked) == [
        ("a.txt", "applied", 10, 10),
        ("b.txt", "applied", 20, 30),
        ("b.txt", "duplicate", 0, 30),
        ("c.txt", "applied", 40, 70),
        ("a.txt", "applied", 2, 72),
        ("c.txt", "applied", -40, 32),
    ]
    assert deployed.tracked() == {"a.txt": 12, "b.txt": 20}
    assert deployed.total == 32


def test_a_key_of_any_characters_is_tracked_and_does_not_break_its_line(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_track/hostile_key")
    name = 'ордер 1/../"ü", 100% +\n😀?.txt'
    assert deployed.tracked() == {name: 18}
    assert outcomes(invoked) == [(name, "applied", 18, 18)]


def test_s3s_own_test_event_is_done_and_leaves_nothing(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_track/s3_test_event")
    assert (invoked.answer, invoked.lines, deployed.rows()) == (DONE, (), [])


def test_a_poison_message_comes_again_alone(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_track/poison")
    poison = sample("capacity_track/poison")["Records"][1]["messageId"]
    assert invoked.answer == {"batchItemFailures": [{"itemIdentifier": poison}]}
    assert deployed.tracked() == {"a.txt": 10, "b.txt": 20}
    assert invoked.said("unreadable message", "level", "message_id", "error") == [
        (
            "ERROR",
            poison,
            "not an S3 notification in an SNS message: JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        )
    ]


def test_events_of_another_bucket_come_again(deploy: Deploy) -> None:
    deployed = deploy(CapacityBucketName="another-bucket")
    invoked = deployed.try_out("capacity_track/s3_put")
    message = sample("capacity_track/s3_put")["Records"][0]["messageId"]
    assert invoked.answer == {"batchItemFailures": [{"itemIdentifier": message}]}
    assert invoked.said("not tracked", "error") == [("['holdfast-sample'] is not another-bucket",)]
