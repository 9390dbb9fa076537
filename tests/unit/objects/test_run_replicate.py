"""What an event leads to: copies and their rows afterwards, whatever comes twice, late, or in between."""

from dataclasses import replace
from datetime import timedelta

import pytest

from holdfast.events.model import sequencer
from holdfast.objects import run
from holdfast.objects.model import CopyKey, Status, Stored, Version
from holdfast.objects.ports import SourceUnreadable
from holdfast.ports import Conflict
from tests.unit.capacity.domain import HOSTILE_NAMES
from tests.unit.capacity.watched import Meddler
from tests.unit.objects.domain import at, created, deleted, marked_deleted, original
from tests.unit.objects.protected import BACKUP_BUCKET, Failing, Protected


@pytest.fixture
def bucket() -> Protected:
    return Protected()


@pytest.fixture
def versioned() -> Protected:
    return Protected(versioned=True)


# Creates


def test_what_is_written_gets_a_copy_and_its_row(bucket: Protected) -> None:
    event = bucket.put("A")
    bucket.pass_time(seconds=2)
    done = bucket.replicate(event)
    [copy] = bucket.rows()
    assert (copy.status, copy.version.etag, copy.order, copy.created_at) == ("active", "A", event.sequencer, at(2))
    assert bucket.backups.head(copy.copy_key, None) == copy.stored
    assert (done.verdict, done.tally.copied, done.tally.copied_bytes, done.tally.lags) == ("copied", 1, 1, [2.0])
    assert bucket.table.objects == 1


def test_the_newest_three_copies_are_kept(bucket: Protected) -> None:
    bucket.holding("A", "B", "C", "D", "E")
    assert bucket.contents() == bucket.stored() == ["C", "D", "E"]


def test_an_event_that_comes_again_changes_nothing(bucket: Protected) -> None:
    event = bucket.put("A")
    bucket.settle()
    before = dict(bucket.table.rows)
    assert bucket.replicate(event).verdict == "not copied: it has a copy already"
    assert bucket.table.rows == before
    assert bucket.table.objects == 1


@pytest.mark.parametrize("key", HOSTILE_NAMES)
def test_a_key_may_be_anything(bucket: Protected, key: str) -> None:
    bucket.holding("A", "B", "C", "D", key=key)
    assert bucket.contents(key) == ["B", "C", "D"]
    bucket.delete(key)
    bucket.settle()
    assert bucket.statuses(key) == {"B": "disowned", "C": "disowned", "D": "disowned"}
    bucket.holding("E", key=key)
    assert bucket.contents(key) == ["E"]


def test_what_was_overwritten_meanwhile_waits_for_its_own_event(bucket: Protected) -> None:
    first = bucket.put("A")
    second = bucket.put("B")
    assert bucket.replicate(first).verdict == "changed"
    assert (bucket.statuses(), bucket.stored()) == ({}, [])
    assert bucket.replicate(second).verdict == "copied"


def test_what_is_gone_meanwhile_leaves_nothing_behind(bucket: Protected) -> None:
    event = bucket.put("A")
    bucket.delete()
    assert bucket.replicate(event).verdict == "gone"
    assert (bucket.statuses(), bucket.stored(), bucket.table.objects) == ({}, [], 0)


def test_each_version_of_a_versioned_bucket_is_copied_though_it_was_overwritten(versioned: Protected) -> None:
    events = [versioned.put(content) for content in "AB"]
    for event in reversed(events):
        versioned.replicate(event)
    assert versioned.contents() == ["A", "B"]


def test_an_object_from_before_its_bucket_had_versions_is_copied_by_its_etag(bucket: Protected) -> None:
    bucket.put("A")
    bucket.replicate(created("11", "A", version="null"))
    assert [copy.version.version_id for copy in bucket.rows()] == [None]


def test_events_of_the_backup_bucket_itself_are_ignored(bucket: Protected) -> None:
    done = bucket.replicate(created("1", bucket=BACKUP_BUCKET))
    assert done.verdict == "ignored: the backup bucket is no source"
    assert bucket.table.rows == {}


def test_what_cannot_be_read_is_an_error_and_leaves_nothing_behind(bucket: Protected) -> None:
    bucket.unreadable.add("a")
    event = bucket.put("A")
    with pytest.raises(SourceUnreadable, match="lies in an archive"):
        bucket.replicate(event)
    assert (bucket.statuses(), bucket.stored()) == ({}, [])


# Deletes


def test_what_is_deleted_has_its_copies_disowned_at_one_moment_and_none_deleted(bucket: Protected) -> None:
    bucket.holding("A", "B")
    event = replace(bucket.delete(), time=at(7))
    bucket.pass_time(seconds=9)
    done = bucket.replicate(event)
    assert bucket.statuses() == {"A": "disowned", "B": "disowned"}
    assert {(copy.disowned_at, copy.deleted_at) for copy in bucket.rows()} == {(at(9), at(7))}
    assert bucket.stored() == ["A", "B"]
    assert (done.verdict, done.tally.disowned, bucket.table.objects) == ("deleted", 2, 0)


def test_a_delete_that_comes_twice_counts_once(bucket: Protected) -> None:
    bucket.holding("A")
    event = bucket.delete()
    bucket.replicate(event)
    bucket.pass_time(seconds=60)
    bucket.replicate(event)
    assert [copy.disowned_at for copy in bucket.rows()] == [at(0)]
    assert bucket.table.objects == 0


def test_a_delete_that_comes_before_its_create_is_remembered(bucket: Protected) -> None:
    bucket.put("A")
    bucket.replicate(deleted("3"))
    assert bucket.replicate(created("2")).verdict == "not copied: the object was deleted since"
    assert bucket.statuses() == {}


def test_a_late_delete_takes_only_what_was_there_before_it(bucket: Protected) -> None:
    events = [bucket.put("A"), bucket.delete(), bucket.put("B")]
    bucket.put("A")  # so that the first can be copied at all
    for event in (events[0], bucket.undelivered[-1], events[1]):
        bucket.replicate(event)
    assert [(c.version.etag, str(c.status)) for c in bucket.rows()] == [("A", "disowned"), ("A", "active")]


def test_what_is_written_again_while_copies_are_disowned_is_copied_and_they_stay_disowned(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.delete()
    bucket.put("B")
    bucket.settle()
    assert bucket.statuses() == {"A": "disowned", "B": "active"}
    assert bucket.table.objects == 1


def test_a_copy_that_is_made_while_its_object_is_deleted_is_disowned(bucket: Protected) -> None:
    event = bucket.put("A")
    deleting = Meddler(bucket.backups, "copy", lambda: bucket.replicate(deleted("FF")))
    bucket.replicate(event, copier=deleting)
    assert bucket.statuses() == {"A": "disowned"}


# Versions that are deleted


def test_a_version_that_comes_to_light_is_copied_anew_as_the_newest(versioned: Protected) -> None:
    versioned.holding("A", "B")
    done = versioned.replicate(versioned.delete_version("B"))
    assert done.verdict == "a version was deleted, the object lives"
    assert versioned.contents() == ["B", "A"]


def test_an_older_version_that_is_deleted_changes_nothing(versioned: Protected) -> None:
    versioned.holding("A", "B")
    before = dict(versioned.table.rows)
    versioned.replicate(versioned.delete_version("A"))
    assert versioned.table.rows == before


def test_the_last_version_that_is_deleted_is_the_object(versioned: Protected) -> None:
    versioned.holding("A")
    assert versioned.replicate(versioned.delete_version("A")).verdict == "deleted"
    assert versioned.statuses() == {"A": "disowned"}


def test_a_delete_marker_disowns_and_without_it_the_object_is_copied_again(versioned: Protected) -> None:
    versioned.holding("A")
    versioned.delete()
    versioned.settle()
    assert versioned.statuses() == {"A": "disowned"}
    [marker, _] = versioned.sources.keys[original()]
    versioned.sources.remove_version(original(), marker.id)
    versioned.settle()
    assert [(c.version.etag, str(c.status)) for c in versioned.rows()] == [("A", "disowned"), ("A", "active")]


def test_a_marker_that_is_told_of_after_it_was_taken_away_leaves_the_object_its_copy(versioned: Protected) -> None:
    versioned.holding("A")
    versioned.replicate(marked_deleted("00F1"))
    assert versioned.contents() == ["A"]


# Crashes, and answers that get lost


class Crash(BaseException):
    pass


@pytest.mark.parametrize(
    ("port", "call"),
    [("copier", "copy"), ("table", "announce"), ("table", "activate"), ("table", "condemn"), ("backups", "remove")],
)
@pytest.mark.parametrize("behind", [False, True])
def test_after_a_crash_at_any_call_the_same_event_brings_all_to_rest(
    bucket: Protected, port: str, call: str, behind: bool
) -> None:
    def crash() -> None:
        raise Crash

    bucket.holding("A", "B", "C")
    event = bucket.put("D")
    real = {"table": bucket.table}.get(port, bucket.backups)
    with pytest.raises(Crash):
        bucket.replicate(event, **{port: Meddler(real, call, crash, behind=behind)})
    bucket.replicate(event)
    assert bucket.contents() == ["B", "C", "D"]
    bucket.pass_time(hours=2)
    bucket.reconcile()
    assert bucket.stored() == ["B", "C", "D"]
    assert len(bucket.rows()) == 3


def test_an_activation_whose_answer_was_lost_is_one(bucket: Protected) -> None:
    """The SDK tries again by itself, and is told that the row is pending no more."""
    event = bucket.put("A")
    again = Meddler(bucket.table, "activate", lambda: _raise(Conflict("it is active")))
    assert bucket.replicate(event, table=again).verdict == "copied"
    assert bucket.contents() == bucket.stored() == ["A"]


def _raise(error: Exception) -> None:
    raise error


def test_a_copy_whose_announcement_was_withdrawn_is_deleted_again_and_the_event_fails(bucket: Protected) -> None:
    event = bucket.put("A")

    def hangs() -> None:
        bucket.pass_time(hours=2)
        bucket.keeper().settle(original(), run.Tally())

    with pytest.raises(run.CopyAbandoned, match="took so long that its announcement was withdrawn"):
        bucket.replicate(event, copier=Meddler(bucket.backups, "copy", hangs, behind=False))
    assert (bucket.statuses(), bucket.stored()) == ({}, [])
    assert bucket.replicate(event).verdict == "copied"


def test_a_copy_whose_row_is_being_removed_is_abandoned_too(bucket: Protected) -> None:
    event = bucket.put("A")

    def condemned() -> None:
        bucket.table.condemn(bucket.rows()[0])

    with pytest.raises(run.CopyAbandoned):
        bucket.replicate(event, copier=Meddler(bucket.backups, "copy", condemned))
    assert bucket.stored() == []


def test_a_lock_on_a_copy_that_was_not_wanted_in_the_end_fails_no_event(bucket: Protected) -> None:
    """The copy was made and its answer lost; at the second try the source had changed."""
    event = bucket.put("A")

    class LosesAnAnswer:
        def copy(self, version: Version, copy_key: CopyKey) -> Stored:
            bucket.backups.copy(version, copy_key)
            bucket.backups.locked.add(copy_key)
            bucket.put("B")
            return bucket.backups.copy(version, copy_key)

    assert bucket.replicate(event, copier=LosesAnAnswer()).verdict == "changed"
    assert bucket.statuses() == {"A": "pending"}
    bucket.backups.locked.clear()
    bucket.pass_time(hours=2)
    bucket.settle()
    assert bucket.statuses() == {"B": "active"}
    assert bucket.stored() == ["B"]


def test_a_lock_on_a_copy_that_was_abandoned_changes_nothing_about_that(bucket: Protected) -> None:
    event = bucket.put("A")

    def locked_and_forgotten() -> None:
        bucket.backups.locked |= set(bucket.backups.objects)
        bucket.table.rows.clear()

    with pytest.raises(run.CopyAbandoned):
        bucket.replicate(event, copier=Meddler(bucket.backups, "copy", locked_and_forgotten))


# Two at once


def test_an_event_that_is_delivered_twice_at_once_leaves_one_copy(bucket: Protected) -> None:
    event = bucket.put("A")
    twice = Meddler(bucket.backups, "copy", lambda: bucket.replicate(event))
    bucket.replicate(event, copier=twice)
    assert bucket.contents() == bucket.stored() == ["A"]


def test_what_others_evicted_already_is_no_failure(bucket: Protected) -> None:
    bucket.holding("A", "B", "C")
    event = bucket.put("D")
    oldest = bucket.copy_of("A")
    evicted = Meddler(bucket.table, "condemn", lambda: bucket.table.forget([oldest]), behind=False)
    done = bucket.replicate(event, table=evicted)
    assert done.tally.evicted == 0
    assert bucket.contents() == ["B", "C", "D"]


def test_what_others_disowned_already_counts_once(bucket: Protected) -> None:
    bucket.holding("A")
    event = bucket.delete()
    once_more = Meddler(bucket.table, "disown", lambda: bucket.replicate(event), behind=False)
    done = bucket.replicate(event, table=once_more)
    assert done.tally.disowned == 0
    assert bucket.statuses() == {"A": "disowned"}
    assert bucket.table.objects == 0


# What is left over


def test_a_copy_that_nobody_completed_is_removed_by_the_next_event_once_it_is_abandoned(bucket: Protected) -> None:
    keeper = bucket.keeper(token=lambda: "lost")
    event = bucket.put("A")
    keeper._announce(run._version(event), event.sequencer)
    bucket.settle()
    assert [str(copy.status) for copy in bucket.rows()] == ["active", "pending"]
    bucket.pass_time(hours=1, seconds=1)
    bucket.replicate(event)
    assert bucket.statuses() == {"A": "active"}


def test_what_is_locked_is_tried_again_with_the_next_event(bucket: Protected) -> None:
    bucket.holding("A", "B", "C")
    oldest = bucket.copy_of("A").copy_key
    bucket.backups.locked.add(oldest)
    event = bucket.put("D")
    bucket.replicate(event)
    assert bucket.statuses() == {"A": "removing", "B": "active", "C": "active", "D": "active"}
    assert bucket.log.of("locked") == [{"copy_key": oldest, "reason": f"{oldest!r} is locked"}]
    bucket.backups.locked.clear()
    bucket.replicate(event)
    assert bucket.stored() == ["B", "C", "D"]


# Many at once, and what is said


def test_one_event_that_fails_does_not_keep_the_others_waiting(bucket: Protected) -> None:
    bucket.unreadable.add("a")
    events = [bucket.put("A", key="a"), bucket.put("B", key="b")]
    done = run.replicate_all(events, keeper=bucket.keeper(), backup_bucket=BACKUP_BUCKET)
    assert [one.verdict for one in done.replicated] == ["copied"]
    assert bucket.contents("b") == ["B"]
    [line] = bucket.log.of("not replicated")
    assert (line["bucket_name"], line["object_name"]) == ("source", "a")
    with pytest.raises(ExceptionGroup, match="1 events are not replicated") as raised:
        done.raise_failures()
    assert isinstance(raised.value.exceptions[0], SourceUnreadable)


def test_all_that_succeeded_raises_nothing(bucket: Protected) -> None:
    done = run.replicate_all([bucket.put("A")], keeper=bucket.keeper(), backup_bucket=BACKUP_BUCKET)
    done.raise_failures()
    assert done.failures == ()


def test_each_event_is_one_line_with_what_became_of_it(bucket: Protected) -> None:
    bucket.holding("A", "B", "C")
    bucket.replicate(bucket.put("D"))
    assert bucket.log.of("replicated") == [
        {
            "bucket_name": "source",
            "object_name": "a",
            "event_type": "ObjectCreated:Put",
            "verdict": "copied",
            "copied_bytes": 1,
            "evicted": 1,
            "disowned": 0,
            "breaker": None,
        }
    ]
    [removed] = bucket.log.of("removed")
    assert removed["reason"] == "3 newer versions have copies"


def test_a_throttled_call_fails_the_event_and_the_event_comes_again(bucket: Protected) -> None:
    event = bucket.put("A")
    throttled = Failing(bucket.table, "activate", RuntimeError("SlowDown"), times=1)
    with pytest.raises(RuntimeError, match="SlowDown"):
        bucket.replicate(event, table=throttled)
    assert bucket.replicate(event, table=throttled).verdict == "copied"
    assert [copy.status for copy in bucket.rows()] == [Status.PENDING, Status.ACTIVE]
    bucket.pass_time(hours=2)
    bucket.replicate(event)
    assert bucket.contents() == bucket.stored() == ["A"]


def test_a_lag_is_from_the_write_to_the_copy(bucket: Protected) -> None:
    bucket.put("A")
    bucket.pass_time(minutes=20)
    assert bucket.replicate(created("11", "A", seconds=60)).tally.lags == [timedelta(minutes=19).total_seconds()]


def test_orders_compare_as_s3_pads_them(bucket: Protected) -> None:
    bucket.put("A")
    bucket.replicate(created("0A", "A"))
    bucket.replicate(deleted("0A00"))
    assert bucket.statuses() == {"A": "disowned"}
    assert sequencer("0A00") == sequencer("0A")
