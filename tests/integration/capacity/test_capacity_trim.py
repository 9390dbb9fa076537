"""capacity_trim with its sample events."""

import pytest

from tests import aws
from tests.integration.capacity.conftest import Deploy
from tests.integration.capacity.deployed import Deployed
from tests.invocation import Invoked

NOTHING = {"evicted": [], "projected_size": 0, "blocked": False, "breaker": None}
SIZES = {"assignment1.txt": 18, "assignment2.txt": 28}


def metrics(invoked: Invoked) -> dict[str, float]:
    """What CloudWatch makes of the line in embedded metric format, checked against the alarms of the template."""
    (line,) = [line for line in invoked.lines if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    published = {
        metric["Name"]: (directive["Namespace"], {d: line[d] for d in directive["Dimensions"][0]})
        for metric in directive["Metrics"]
    }
    for alarm in ("CapacityBlockedAlarm", "CapacityBreakerAlarm"):
        stated = aws.template()["Resources"][alarm]["Properties"]
        namespace, dimensions = published[stated["MetricName"]]
        assert namespace == stated["Namespace"]
        assert dimensions.keys() == {dimension["Name"] for dimension in stated["Dimensions"]}
        assert dimensions == {"service": "capacity_trim", "bucket_name": aws.SAMPLE_BUCKET}
    return {name: line[name][0] for name in published}


def test_the_alarm_has_the_largest_object_evicted(deployed: Deployed) -> None:
    deployed.holding(**SIZES)
    invoked = deployed.try_out("capacity_trim/alarm")
    assert invoked.answer == NOTHING | {"evicted": ["assignment2.txt"], "projected_size": 18}
    assert deployed.names() == ["assignment1.txt"]
    assert metrics(invoked) == {"ObjectsEvicted": 1, "TrimBlocked": 0, "BreakerHeld": 0}


def test_the_log_says_what_went_and_why(deployed: Deployed) -> None:
    deployed.holding(**SIZES)
    invoked = deployed.try_out("capacity_trim/alarm")
    why = "the largest that may go (28 bytes): total 46 >= limit 20"
    for message in ("evicting", "evicted"):
        assert invoked.said(message, "object_name", "size", "reason") == [("assignment2.txt", 28, why)]


def test_the_history_tells_the_eviction_once_its_event_is_tracked(deployed: Deployed) -> None:
    deployed.holding(**SIZES)
    deployed.try_out("capacity_trim/alarm")
    deployed.try_out("capacity_reconcile/by_hand")
    last = deployed.history()[-1]
    assert (last.total_size, last.evicted) == (18, "assignment2.txt")


def test_an_alarm_that_goes_off_evicts_nothing(deployed: Deployed) -> None:
    deployed.holding(**SIZES)
    assert deployed.try_out("capacity_trim/alarm_ok").answer == NOTHING
    assert deployed.names() == sorted(SIZES)


@pytest.mark.parametrize(("state", "left"), [("ALARM", ["assignment1.txt"]), ("OK", sorted(SIZES))])
def test_the_schedule_asks_the_alarm(deployed: Deployed, state: str, left: list[str]) -> None:
    deployed.holding(**SIZES)
    deployed.set_alarm(state)
    deployed.try_out("capacity_trim/schedule")
    assert deployed.names() == left


def test_kept_prefixes_are_kept_and_a_blocked_run_is_a_metric(deploy: Deploy) -> None:
    deployed = deploy(CapacityKeepPrefixes="logs/,assignment").holding(**SIZES)
    invoked = deployed.try_out("capacity_trim/alarm")
    assert invoked.answer == NOTHING | {"projected_size": 46, "blocked": True}
    assert metrics(invoked) == {"ObjectsEvicted": 0, "TrimBlocked": 1, "BreakerHeld": 0}
    assert deployed.names() == sorted(SIZES)


def test_the_breaker_holds_a_run_back_and_is_a_metric(deploy: Deploy) -> None:
    deployed = deploy(BreakerSharePercent="30", BreakerFloor="0").holding(**SIZES)
    held = "1 of 2 objects would be removed, 0 were in the last hour; 0 an hour are allowed (30 %, at least 0)"
    for _ in range(2):
        invoked = deployed.try_out("capacity_trim/alarm")
        assert invoked.answer == NOTHING | {"projected_size": 18, "breaker": held}
        assert metrics(invoked) == {"ObjectsEvicted": 0, "TrimBlocked": 0, "BreakerHeld": 1}
    assert deployed.names() == sorted(SIZES)


@pytest.mark.parametrize(
    ("delete_versions", "left"),
    [("true", [("assignment1.txt", 18)]), ("false", [("assignment1.txt", 18), ("assignment2.txt", 28)])],
)
def test_a_parameter_says_whether_the_bytes_of_versions_go(
    deploy: Deploy, delete_versions: str, left: list[tuple[str, int]]
) -> None:
    deployed = deploy(versioned=True, CapacityDeleteVersions=delete_versions).holding(**SIZES)
    deployed.try_out("capacity_trim/alarm")
    assert deployed.names() == ["assignment1.txt"]
    assert deployed.stored() == left


@pytest.mark.parametrize(
    ("parameters", "evicted"),
    [
        ({"ProtectedBuckets": aws.SAMPLE_BUCKET}, "copied.txt"),
        ({"ProtectedBuckets": aws.SAMPLE_BUCKET, "CapacityRequireBackup": "false"}, "larger.txt"),
        ({"ProtectedBuckets": "another"}, "larger.txt"),
        ({}, "larger.txt"),
    ],
    ids=["protected", "protected, but no copy is asked for", "another bucket is protected", "not protected"],
)
def test_in_a_protected_bucket_only_what_has_a_stored_copy_goes(
    deploy: Deploy, parameters: dict[str, str], evicted: str
) -> None:
    deployed = deploy(**parameters).holding(**{"copied.txt": 18})
    if aws.SAMPLE_BUCKET in parameters.values():
        copy_all(deployed)
    deployed.holding(**{"larger.txt": 28})
    invoked = deployed.try_out("capacity_trim/alarm")
    assert invoked.answer["evicted"] == [evicted]
    assert deployed.names() == sorted({"copied.txt", "larger.txt"} - {evicted})


def test_what_has_no_copy_of_what_it_holds_now_is_passed_over(deploy: Deploy) -> None:
    deployed = deploy(ProtectedBuckets=aws.SAMPLE_BUCKET).holding(**{"copied.txt": 28})
    copy_all(deployed)
    deployed.holding(**{"copied.txt": 29})
    invoked = deployed.try_out("capacity_trim/alarm")
    assert invoked.answer == NOTHING | {"projected_size": 29, "blocked": True}
    assert invoked.said("passed over", "object_name", "reason") == [("copied.txt", "has no stored copy yet")]
    assert deployed.names() == ["copied.txt"]


def copy_all(deployed: Deployed) -> None:
    """Everything in the protected buckets gets its copy."""
    deployed.functions.invoke("objects_reconcile", {})
