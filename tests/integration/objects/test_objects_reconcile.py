"""objects_reconcile with its sample events."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast import wiring
from tests import aws
from tests.integration.objects.conftest import Deploy
from tests.integration.objects.deployed import BODY, DAY, NAME, Deployed, metrics
from tests.invocation import sample

NOTHING = {
    "complete": True,
    "live": 0,
    "copied": 0,
    "deleted": 0,
    "orphans": 0,
    "dangling": 0,
    "corrupt": 0,
    "unreadable": 0,
    "held": 0,
}


def found(answer: Any) -> Any:
    """What was found in the bucket of the sample events."""
    return answer[aws.SAMPLE_BUCKET]


def reconcile(deployed: Deployed) -> Any:
    return found(deployed.try_out("objects_reconcile/by_hand").answer)


# What was there before


def test_the_first_schedule_copies_what_was_there_before_the_stack(deployed: Deployed) -> None:
    names = ["a", "b/1", "b/2", "c/d/e", "x" * 1024]
    for name in names:
        deployed.put(name, name[:5].encode())
    answer = deployed.try_out("objects_reconcile/schedule").answer
    assert found(answer) == NOTHING | {"live": 5, "copied": 5}
    assert {name: deployed.copies(name) for name in names} == {name: [("active", name[:5].encode())] for name in names}
    assert deployed.guarded() == 5


def test_both_of_the_stacks_buckets_are_compared(deployed: Deployed) -> None:
    buckets = deployed.functions.stack.environments["objects_reconcile"]["BUCKETS"].split(",")
    own = next(bucket for bucket in buckets if bucket != aws.SAMPLE_BUCKET)
    wiring.client("s3").put_object(Bucket=own, Key=NAME, Body=BODY)
    assert deployed.try_out("objects_reconcile/by_hand").answer == {
        own: NOTHING | {"live": 1, "copied": 1},
        aws.SAMPLE_BUCKET: NOTHING,
    }


def test_an_event_that_comes_behind_the_backfill_makes_one_copy_of_the_two(deployed: Deployed) -> None:
    event = deployed.put()
    reconcile(deployed)
    deployed.replicate(event)
    assert deployed.copies() == [("active", BODY)]


def test_the_next_schedule_of_the_day_has_nothing_to_do(deployed: Deployed) -> None:
    deployed.try_out("objects_reconcile/schedule")
    deployed.put()
    deployed.clock.advance(DAY - timedelta(seconds=1))
    assert deployed.try_out("objects_reconcile/schedule").answer == {}
    assert deployed.copies() == []
    deployed.clock.advance(timedelta(seconds=1))
    assert found(deployed.try_out("objects_reconcile/schedule").answer)["copied"] == 1


def test_a_person_has_it_done_at_once(deployed: Deployed) -> None:
    deployed.try_out("objects_reconcile/schedule")
    deployed.put()
    assert reconcile(deployed) == NOTHING | {"live": 1, "copied": 1}


def test_a_run_stops_a_minute_before_its_time_and_the_next_schedule_goes_on(deployed: Deployed) -> None:
    deployed.put()
    stopped = deployed.functions.invoke("objects_reconcile", sample("objects_reconcile/schedule"), seconds_left=60)
    assert found(stopped.answer) == NOTHING | {"complete": False}
    assert found(deployed.try_out("objects_reconcile/schedule").answer) == NOTHING | {"live": 1, "copied": 1}
    assert deployed.try_out("objects_reconcile/schedule").answer == {}


# Repairs


def test_where_all_is_well_nothing_changes(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1", b"2", b"3", b"4")
    deployed.put_and_replicated("deleted")
    deployed.replicate(deployed.delete("deleted"))
    before = deployed.rows(), deployed.rows("deleted"), deployed.stored()
    assert reconcile(deployed) == NOTHING | {"live": 1}
    assert (deployed.rows(), deployed.rows("deleted"), deployed.stored()) == before


def test_a_write_whose_event_was_lost_is_copied(deployed: Deployed) -> None:
    deployed.put_and_replicated(NAME, b"1")
    deployed.put(body=b"2")
    assert reconcile(deployed) == NOTHING | {"live": 1, "copied": 1}
    assert deployed.copies() == [("active", b"1"), ("active", b"2")]


def test_a_delete_whose_event_was_lost_disowns_and_deletes_nothing(deployed: Deployed) -> None:
    deployed.put_and_replicated()
    deployed.delete()
    assert reconcile(deployed) == NOTHING | {"deleted": 1}
    assert deployed.copies() == [("disowned", BODY)]


def test_a_row_without_its_copy_goes_and_a_copy_is_made_anew(deployed: Deployed) -> None:
    deployed.put_and_replicated()
    lost = list(deployed.stored())
    deployed.lose(*lost)
    assert reconcile(deployed) == NOTHING | {"live": 1, "copied": 1, "dangling": 1}
    assert deployed.copies() == [("active", BODY)]
    assert list(deployed.stored()) != lost


def test_a_copy_that_somebody_changed_goes_and_a_copy_is_made_anew(deployed: Deployed) -> None:
    deployed.put_and_replicated()
    (changed,) = deployed.stored()
    wiring.client("s3").put_object(Bucket=deployed.backup_bucket, Key=changed, Body=b"y" * 18)
    invoked = deployed.try_out("objects_reconcile/by_hand")
    assert found(invoked.answer) == NOTHING | {"live": 1, "copied": 1, "corrupt": 1}
    assert metrics(invoked)["CorruptCopies"] == 1
    assert deployed.copies() == [("active", BODY)]
    assert changed not in deployed.stored()


@pytest.mark.parametrize("name", [NAME, "x" * 1024])
def test_a_copy_without_row_is_kept_as_a_disowned_one_and_cleaned_after_the_delay(
    deployed: Deployed, name: str
) -> None:
    deployed.put_and_replicated(name)
    (copy,) = deployed.rows(name).copies
    deployed.table.forget([copy])
    assert reconcile(deployed) == NOTHING | {"live": 1, "copied": 1, "orphans": 1}
    assert sorted(deployed.copies(name)) == [("active", BODY), ("disowned", BODY)]
    deployed.clock.advance(DAY)
    deployed.try_out("objects_clean/schedule")
    assert deployed.copies(name) == [("active", BODY)]
    assert len(deployed.stored()) == 1


def test_what_is_not_named_as_copies_are_is_left_alone_and_told(deployed: Deployed) -> None:
    foreign = f"{aws.SAMPLE_BUCKET}/somebody's notes.txt"
    wiring.client("s3").put_object(Bucket=deployed.backup_bucket, Key=foreign, Body=b"mine")
    invoked = deployed.try_out("objects_reconcile/by_hand")
    assert found(invoked.answer) == NOTHING
    assert invoked.said("left alone", "copy_key") == [(foreign,)]
    assert deployed.stored() == {foreign: b"mine"}


def test_the_breaker_holds_back_what_a_deleted_bucket_would_disown(deploy: Deploy) -> None:
    deployed = deploy(BreakerFloor="2", BreakerSharePercent="1")
    names = ["a", "b", "c", "d"]
    for name in names:
        deployed.put_and_replicated(name)
    for name in names:
        deployed.delete(name)
    invoked = deployed.try_out("objects_reconcile/by_hand")
    assert found(invoked.answer) == NOTHING | {"deleted": 4, "held": 2}
    assert metrics(invoked)["BreakerHeld"] == 1
    assert sorted(status for name in names for status, _ in deployed.copies(name)) == ["active"] * 2 + ["disowned"] * 2
    deployed.resume_the_breaker()
    assert reconcile(deployed)["held"] == 0
    assert {status for name in names for status, _ in deployed.copies(name)} == {"disowned"}


def test_a_bucket_that_is_not_there_keeps_no_other_waiting(deploy: Deploy) -> None:
    deployed = deploy(ProtectedBuckets=f"no-such-bucket,{aws.SAMPLE_BUCKET}")
    deployed.put()
    with pytest.raises(ExceptionGroup, match="1 buckets are not reconciled"):
        reconcile(deployed)
    assert deployed.copies() == [("active", BODY)]
