"""What a run of trim evicts, what holds it back, and what it says."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from holdfast.adapters.memory import MemoryLedger
from holdfast.breaker.plan import Budget
from holdfast.breaker.run import resume
from holdfast.capacity import run
from holdfast.capacity.model import StoredObject, Tracked
from holdfast.capacity.run import Trimmed
from tests.unit.capacity.domain import BUCKET
from tests.unit.capacity.watched import Meddler, Watched

# When


def test_an_alarm_that_says_it_is_off_evicts_nothing() -> None:
    watched = Watched().holding(a=18, b=28)
    assert watched.trim(told_on=False) == Trimmed()
    assert watched.bucket.names() == ["a", "b"]


def test_a_schedule_asks_the_alarm_and_does_nothing_while_it_is_off() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.alarm.on = False
    assert watched.trim(told_on=None) == Trimmed()
    assert watched.bucket.names() == ["a", "b"]


def test_a_schedule_goes_on_while_the_alarm_is_on() -> None:
    watched = Watched().holding(a=18, b=28)
    assert watched.trim(told_on=None).evicted == ("b",)


def test_an_alarm_that_calls_is_believed() -> None:
    """Asking it could still find the state of before."""
    watched = Watched().holding(a=18, b=28)
    watched.alarm.on = False
    assert watched.trim(told_on=True).evicted == ("b",)


# What


def test_the_largest_goes_and_the_log_says_what_and_why() -> None:
    watched = Watched().holding(a=18, b=28)
    assert watched.trim() == Trimmed(evicted=("b",), projected_size=18)
    assert watched.bucket.names() == ["a"]
    told = {"object_name": "b", "size": 28, "reason": "the largest that may go (28 bytes): total 46 >= limit 20"}
    assert watched.log.lines == [("evicting", told), ("evicted", told)]


def test_the_history_tells_an_eviction_from_a_users_delete() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.trim()
    watched.settle()
    watched.bucket.remove("a")
    watched.settle()
    assert [(row.object_name, row.total_size, row.eviction) for row in watched.changes[-2:]] == [
        ("b", 18, "the largest that may go (28 bytes): total 46 >= limit 20"),
        ("a", 0, None),
    ]


def test_below_the_limit_nothing_goes_and_nothing_is_said() -> None:
    watched = Watched().holding(a=19)
    assert watched.trim() == Trimmed(projected_size=19)
    assert watched.log.lines == []


def test_an_alarm_that_repeats_before_the_events_arrive_evicts_nothing_more() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.trim()
    assert watched.trim() == Trimmed(projected_size=18)
    assert watched.bucket.names() == ["a"]


def test_kept_objects_are_passed_over_and_the_log_says_why() -> None:
    watched = Watched().holding(a=18, b=28, logs=30)
    watched.bucket.tagged_to_keep.add("b")
    assert watched.trim(keep_prefixes=["lo"]) == Trimmed(evicted=("a",), projected_size=58, blocked=True)
    assert watched.log.of("passed over") == [
        {"object_name": "logs", "reason": "under the kept prefix lo"},
        {"object_name": "b", "reason": "carries the tag holdfast:keep = true"},
    ]


def test_when_nothing_may_go_it_says_so_instead_of_looping() -> None:
    watched = Watched().holding(a=28)
    assert watched.trim(keep_prefixes=["a"]) == Trimmed(projected_size=28, blocked=True)
    assert watched.log.of("blocked") == [
        {"reason": "no object may go, and the total is not below the limit", "limit_bytes": 20}
    ]


def test_it_looks_on_behind_a_page_of_kept_objects() -> None:
    kept = {f"kept{n:02}": 30 for n in range(run.CANDIDATES + 5)}
    watched = Watched(limit_bytes=30 * len(kept) + 1).holding(**kept, a=5)
    assert watched.trim(keep_prefixes=["kept"]).evicted == ("a",)


def test_it_stops_looking_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "CANDIDATES_A_RUN", 2 * run.CANDIDATES)
    kept = {f"kept{n:02}": 30 for n in range(2 * run.CANDIDATES)}
    watched = Watched().holding(**kept, a=5)
    assert watched.trim(keep_prefixes=["kept"]) == Trimmed(projected_size=605, blocked=True)


@dataclass
class Lagging(MemoryLedger):
    """An index that still has what the table has no more."""

    def largest(self, bucket: str) -> Iterator[Tracked]:
        yield Tracked("never tracked", 1000)
        yield Tracked("deleted", 500)
        yield from super().largest(bucket)


def test_the_table_is_believed_where_the_index_lags_behind() -> None:
    watched = Watched()
    watched.ledger = Lagging()
    watched.holding(a=18, deleted=28)
    watched.bucket.remove("deleted")
    watched.settle()
    watched.bucket.put("a", 21)
    watched.settle()
    assert watched.trim() == Trimmed(evicted=("a",), projected_size=0)


# Meanwhile


def test_an_object_that_is_overwritten_after_the_look_stays() -> None:
    watched = Watched().holding(a=18, b=28)
    meddled = Meddler(watched.bucket, "kept", lambda: watched.bucket.put("b", 30))
    assert watched.trim(bucket=meddled).evicted == ()
    assert watched.bucket.names() == ["a", "b"]
    assert watched.log.of("not evicted") == [{"object_name": "b", "reason": "overwritten since it was looked at"}]


def test_the_next_run_sees_to_what_was_overwritten() -> None:
    watched = Watched().holding(a=18, b=28)
    watched.trim(bucket=Meddler(watched.bucket, "kept", lambda: watched.bucket.put("b", 30)))
    watched.settle()
    assert watched.trim().evicted == ("b",)


def test_an_object_that_a_user_deletes_first_is_not_counted_as_evicted() -> None:
    watched = Watched().holding(a=18, b=28)
    meddled = Meddler(watched.bucket, "kept", lambda: watched.bucket.remove("b"))
    assert watched.trim(bucket=meddled).evicted == ()
    assert watched.log.of("evicted") == []
    assert watched.bucket.names() == ["a"]


# Versions


def test_in_a_versioned_bucket_the_bytes_of_all_versions_go() -> None:
    watched = Watched(versioned=True).holding(a=18, b=28)
    watched.bucket.put("b", 29)
    watched.settle()
    watched.trim()
    assert list(watched.bucket.keys) == ["a"]


def test_versions_stay_if_they_are_to_stay() -> None:
    watched = Watched(versioned=True).holding(a=18, b=28)
    assert watched.trim(delete_versions=False).evicted == ("b",)
    assert [version.size for version in watched.bucket.keys["b"]] == [None, 28]


# Backed up first


@dataclass
class Copies:
    """Which eTags have a stored copy."""

    etags: set[str]

    def holds(self, bucket: str, found: StoredObject) -> bool:
        return bucket == BUCKET and found.etag in self.etags


def test_only_what_has_a_stored_copy_of_exactly_this_content_is_evicted() -> None:
    watched = Watched().holding(a=18, b=28)
    first, second = watched.bucket.head("a"), watched.bucket.head("b")
    assert first
    assert second
    copies = Copies({first.etag, second.etag})
    watched.bucket.put("b", 30)
    assert watched.trim(copies=copies) == Trimmed(evicted=("a",), projected_size=30, blocked=True)
    assert watched.log.of("passed over") == [{"object_name": "b", "reason": "has no stored copy yet"}]


# The breaker

HALF = Budget(share_percent=50, floor=1)
HELD = "3 of 4 objects would be removed, 0 were in the last hour; 2 an hour are allowed (50 %, at least 1)"


def test_a_run_that_wants_too_much_is_held_back_whole() -> None:
    watched = Watched(budget=HALF).holding(a=18, b=18, c=18, d=18)
    assert watched.trim() == Trimmed(projected_size=18, breaker=HELD)
    assert watched.bucket.names() == ["a", "b", "c", "d"]
    assert watched.log.of("held by the breaker") == [{"reason": HELD}]


def test_the_breaker_stays_open_however_little_is_wanted() -> None:
    watched = Watched(budget=HALF).holding(a=18, b=18, c=18, d=18)
    watched.trim()
    watched.limit_bytes = 60
    assert watched.trim().breaker == HELD
    assert watched.bucket.names() == ["a", "b", "c", "d"]


def test_once_resumed_the_work_goes_on() -> None:
    watched = Watched(budget=HALF).holding(a=18, b=18, c=18, d=18)
    watched.trim()
    resume("capacity", watched.breaker.store)
    watched.limit_bytes = 60
    assert watched.trim() == Trimmed(evicted=("a",), projected_size=54)


def test_a_run_that_evicts_nothing_does_not_ask_the_breaker() -> None:
    watched = Watched(budget=Budget(share_percent=1, floor=0)).holding(a=28)
    assert watched.trim(keep_prefixes=["a"]).breaker is None
    assert watched.breaker.store.load("capacity").revision == 0
