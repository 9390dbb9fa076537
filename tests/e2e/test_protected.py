"""A bucket of one's own, protected through EventBridge, in a cloud whose breaker minds what is removed."""

from functools import partial
from typing import Any

import pytest

from holdfast.objects.model import Status
from local.cloud import Cloud
from tests.e2e.conftest import FLOOR, OWN_BUCKET
from tests.e2e.protected import Protected, holdfast
from tests.e2e.test_capacity import eventually

pytestmark = pytest.mark.xdist_group("protected")

WOULD_BE_REMOVED = "objects would be removed"
ACTIVE, DISOWNED = Status.ACTIVE, Status.DISOWNED


@pytest.fixture(scope="module")
def own(protecting: Cloud) -> Protected:
    """A bucket with an object in it, that then sends its events to the stack."""
    own = Protected(protecting, OWN_BUCKET)
    own.put("before", b"0")
    assert "Done" in holdfast(protecting, "objects", "protect", OWN_BUCKET, "--apply")
    return own


def states(stack: Cloud, alarm: str) -> list[str]:
    """Those that an alarm went through."""
    history = stack.engine.client("cloudwatch").describe_alarm_history(AlarmName=alarm, HistoryItemType="StateUpdate")
    return [item["HistorySummary"].rpartition(" ")[2] for item in history["AlarmHistoryItems"]]


def reconcile(bucket: Protected) -> Any:
    return bucket.invoke("ObjectsReconcileFunction")[bucket.bucket]


def test_a_bucket_of_ones_own_is_copied_with_what_it_held_before(own: Protected) -> None:
    own.put("behind", b"1")
    own.settle("behind", (ACTIVE, b"1"))
    assert own.copies("before") == []
    found = reconcile(own)
    assert (found["live"], found["copied"]) == (2, 1)
    assert own.copies("before") == [(ACTIVE, b"0")]


def test_a_version_of_the_stacks_own_bucket_is_copied_though_another_lies_over_it(protecting: Cloud) -> None:
    source = Protected(protecting, protecting.outputs["ObjectsSourceBucketName"])
    source.put("quick", b"first")
    source.put("quick", b"second")
    source.settle("quick", (ACTIVE, b"first"), (ACTIVE, b"second"))
    source.delete("quick")
    source.settle("quick", (DISOWNED, b"first"), (DISOWNED, b"second"))


def test_mass_deletion_stops_at_the_breaker_with_an_alarm_until_a_person_resumes_it(
    protecting: Cloud, own: Protected
) -> None:
    keys = [f"many/{number}" for number in range(FLOOR + 2)]
    for key in keys:
        own.put(key, b"1")
        own.settle(key, (ACTIVE, b"1"))
    for key in keys:
        own.delete(key)
        eventually("a deletion", partial(own.rows, key), lambda kept: kept.deletion is not None)
    eventually("the breaker", partial(holdfast, protecting, "breaker", "status"), lambda said: WOULD_BE_REMOVED in said)
    eventually("the alarm", partial(states, protecting, own.names["ObjectsBreakerAlarm"]), lambda seen: "ALARM" in seen)

    def held() -> list[str]:
        return [key for key in keys if own.copies(key) == [(ACTIVE, b"1")]]

    assert len(held()) >= 2
    assert reconcile(own)["held"] == len(held())
    holdfast(protecting, "breaker", "resume", "objects", "--apply")
    assert reconcile(own)["held"] == 0
    assert [own.copies(key) for key in keys] == [[(DISOWNED, b"1")]] * len(keys)
