"""capacity_log with its sample events."""

from typing import Any

from tests import aws
from tests.integration.capacity.deployed import Deployed
from tests.invocation import Invoked, sample

DONE: dict[str, list[dict[str, str]]] = {"batchItemFailures": []}


def logged(invoked: Invoked) -> list[tuple[Any, ...]]:
    return invoked.said("event", "bucket_name", "object_name", "event_type", "size_delta")


def comes_again(case: str, record: int) -> dict[str, list[dict[str, str]]]:
    return {"batchItemFailures": [{"itemIdentifier": sample(case)["Records"][record]["messageId"]}]}


def test_a_put_is_logged_with_what_it_brought(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_log/s3_put")
    assert invoked.answer == DONE
    assert logged(invoked) == [(aws.SAMPLE_BUCKET, "assignment1.txt", "ObjectCreated:Put", 18)]


def test_a_delete_is_logged_with_what_it_took(deployed: Deployed) -> None:
    deployed.try_out("capacity_track/s3_put")
    deployed.try_out("capacity_track/s3_delete")
    invoked = deployed.try_out("capacity_log/s3_delete")
    assert invoked.answer == DONE
    assert logged(invoked) == [(aws.SAMPLE_BUCKET, "assignment1.txt", "ObjectRemoved:Delete", -18)]


def test_a_delete_of_which_nothing_is_tracked_yet_comes_again(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_log/s3_delete")
    assert invoked.answer == comes_again("capacity_log/s3_delete", 0)
    assert logged(invoked) == []
    assert invoked.said("not logged", "level", "exception_name") == [("ERROR", "SizeUnknown")]


def test_at_the_third_receive_it_is_logged_without_its_size(deployed: Deployed) -> None:
    event = sample("capacity_log/s3_delete")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "3"
    invoked = deployed.functions.invoke("capacity_log", event)
    assert invoked.answer == DONE
    assert logged(invoked) == [(aws.SAMPLE_BUCKET, "assignment1.txt", "ObjectRemoved:Delete", None)]


def test_a_poison_message_comes_again_alone(deployed: Deployed) -> None:
    invoked = deployed.try_out("capacity_log/poison")
    assert invoked.answer == comes_again("capacity_log/poison", 1)
    assert [line[1] for line in logged(invoked)] == ["a.txt", "b.txt"]
    assert invoked.said("not logged", "level", "exception_name") == [("ERROR", "EventUnreadable")]
