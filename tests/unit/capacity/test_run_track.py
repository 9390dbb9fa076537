"""What becomes of a batch of messages."""

from dataclasses import replace

import pytest

from holdfast.adapters.memory import MemoryLedger
from holdfast.capacity.model import Commit
from holdfast.capacity.run import Contention, Contest
from holdfast.events.model import Delivery
from holdfast.ports import Conflict
from tests.unit.capacity.domain import BUCKET, created, deleted
from tests.unit.capacity.watched import Contested, Meddler, Watched


def test_every_event_gets_a_line_with_the_total_behind_it() -> None:
    watched = Watched()
    assert watched.deliver(created("a", 18, seq="01"), created("b", 28, seq="01"), deleted("b", seq="02")) == []
    assert watched.log.lines == [
        ("tracked", line("a", "ObjectCreated:Put", "applied", 18, 18)),
        ("tracked", line("b", "ObjectCreated:Put", "applied", 28, 46)),
        ("tracked", line("b", "ObjectRemoved:Delete", "applied", -28, 18)),
    ]


def line(name: str, event_type: str, verdict: str, size_delta: int, total_size: int) -> dict[str, object]:
    return {
        "bucket_name": BUCKET,
        "object_name": name,
        "event_type": event_type,
        "verdict": verdict,
        "size_delta": size_delta,
        "total_size": total_size,
    }


def test_a_batch_delivered_twice_counts_once_and_says_so() -> None:
    watched = Watched()
    batch = [created("a", 18, seq="01"), deleted("a", seq="02"), created("b", 5, seq="01")]
    watched.deliver(*batch)
    before = watched.ledger.states[BUCKET], list(watched.changes)
    assert watched.deliver(*reversed(batch)) == []
    assert (watched.ledger.states[BUCKET], watched.changes) == before
    assert [fields["verdict"] for fields in watched.log.of("tracked")[3:]] == ["duplicate", "stale", "duplicate"]


def test_an_empty_batch_is_done() -> None:
    watched = Watched()
    assert watched.track([]) == []
    assert watched.log.lines == []


def test_a_message_without_events_is_done() -> None:
    assert Watched().track([Delivery("0", ())]) == []


# Whose events


def test_events_of_another_bucket_come_again_and_are_not_counted() -> None:
    watched = Watched()
    foreign = replace(created("x", 99, seq="01"), bucket="another")
    assert watched.deliver(created("a", 18, seq="01"), foreign) == ["1"]
    assert watched.tracked == {"a": 18}
    assert watched.log.of("not tracked") == [{"message_id": "1", "error": f"['another'] is not {BUCKET}"}]


def test_a_message_with_one_foreign_event_is_not_half_tracked() -> None:
    watched = Watched()
    mixed = Delivery("0", (created("a", 18, seq="01"), replace(created("x", 9, seq="01"), bucket="another")))
    assert watched.track([mixed]) == ["0"]
    assert watched.tracked == {}


# Versions


def test_deleting_a_version_counts_what_it_uncovers() -> None:
    watched = Watched(versioned=True)
    watched.bucket.put("a", 18)
    watched.bucket.put("a", 28)
    watched.settle()
    watched.bucket.remove_version("a", watched.bucket.keys["a"][0].id)
    watched.settle()
    assert watched.tracked == {"a": 18}


def test_deleting_a_version_that_is_not_current_changes_nothing() -> None:
    watched = Watched(versioned=True)
    watched.bucket.put("a", 18)
    watched.bucket.put("a", 28)
    watched.settle()
    watched.bucket.remove_version("a", watched.bucket.keys["a"][1].id)
    watched.settle()
    assert watched.tracked == {"a": 28}


def test_deleting_the_delete_marker_brings_the_object_back() -> None:
    watched = Watched(versioned=True).holding(a=18)
    watched.bucket.remove("a")
    watched.settle()
    assert watched.tracked == {}
    watched.bucket.remove_version("a", watched.bucket.keys["a"][0].id)
    watched.settle()
    assert watched.tracked == {"a": 18}


def test_a_delete_marker_takes_the_object_whatever_was_written_behind_it() -> None:
    watched = Watched(versioned=True).holding(a=18)
    watched.bucket.remove("a")
    watched.bucket.put("a", 28)
    watched.settle()
    assert [(row.event_type, row.total_size) for row in watched.changes[1:]] == [
        ("ObjectRemoved:DeleteMarkerCreated", 0),
        ("ObjectCreated:Put", 28),
    ]


def test_the_expiry_of_an_older_version_changes_nothing_though_its_event_names_no_version() -> None:
    watched = Watched(versioned=True).holding(a=18)
    expired = replace(deleted("a", seq="FF"), type="LifecycleExpiration:Delete")
    watched.deliver(expired)
    assert watched.total == 18


def test_deleting_the_last_version_takes_the_object() -> None:
    watched = Watched(versioned=True).holding(a=18)
    watched.bucket.remove_version("a", watched.bucket.keys["a"][0].id)
    watched.settle()
    assert (watched.tracked, watched.total) == ({}, 0)


# Other writers


def test_a_commit_that_meets_another_is_planned_again() -> None:
    watched = Watched()
    meddled = Meddler(watched.ledger, "read", lambda: watched.deliver(created("b", 28, seq="01")))
    assert watched.deliver(created("a", 18, seq="01"), ledger=meddled) == []
    assert [(row.object_name, row.total_size) for row in watched.changes] == [("b", 28), ("a", 46)]


def test_contention_ends_with_the_messages_to_come_again_and_nothing_counted() -> None:
    watched = Watched()
    contested = Contested()
    events = [created("a", 18, seq="01"), created("b", 28, seq="01")]
    assert watched.deliver(*events, ledger=contested) == ["0", "1"]
    assert (contested.states, contested.objects, contested.history) == ({}, {}, {})
    assert watched.log.lines == [
        ("not tracked", {"error": "the state changed under each of 8 attempts", "events": 2}),
    ]


def test_only_the_messages_of_a_contested_commit_come_again() -> None:
    watched = Watched()
    ledger = Contested(lost=watched.contest.attempts)
    batch = [created(f"{n:02}", 1, seq="01", seconds=n) for n in range(60)]
    assert watched.deliver(*batch, ledger=ledger) == [str(n) for n in range(49)]
    assert ledger.states[BUCKET].object_count == 11


def test_a_message_whose_events_fall_into_two_commits_comes_again_if_either_fails() -> None:
    watched = Watched()
    ledger = Contested(lost=watched.contest.attempts)
    events = tuple(created(f"{n:02}", 1, seq="01", seconds=n) for n in range(60))
    assert watched.track([Delivery("0", events)], ledger=ledger) == ["0"]
    assert watched.track([Delivery("0", events)], ledger=ledger) == []
    assert ledger.states[BUCKET].total_size == 60


def test_an_error_that_is_not_contention_is_not_hidden() -> None:
    class Broken(MemoryLedger):
        def commit(self, commit: Commit) -> None:
            raise RuntimeError(f"throttled with {len(commit.history)} changes")

    with pytest.raises(RuntimeError, match="throttled with 1 changes"):
        Watched().deliver(created("a", 18, seq="01"), ledger=Broken())


# How it meets other writers


def lose() -> None:
    raise Conflict("somebody was faster")


def test_pauses_grow_up_to_a_second_and_end() -> None:
    pauses: list[float] = []
    with pytest.raises(Contention, match="the state changed under each of 8 attempts"):
        Contest(pauses.append, chance=lambda: 1.0).settle(lose)
    assert pauses == [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0]


def test_a_pause_is_a_random_part_of_its_bound() -> None:
    pauses: list[float] = []
    with pytest.raises(Contention):
        Contest(pauses.append, chance=lambda: 0.5, attempts=2).settle(lose)
    assert pauses == [0.01, 0.02]


def test_whoever_meets_nobody_does_not_pause() -> None:
    pauses: list[float] = []
    assert Contest(pauses.append).settle(lambda: "done") == "done"
    assert pauses == []
