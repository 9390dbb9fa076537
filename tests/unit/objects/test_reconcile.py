"""Reconciling: what differs between a bucket, its copies and their rows, and what is made of it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from unittest.mock import patch

import pytest

from holdfast.adapters.memory_objects import MemorySources
from holdfast.breaker.plan import Budget
from holdfast.objects import reconcile
from holdfast.objects.model import BackupObject, Copy, CopyKey, Counts, Original, Pass, Status, Stored, Version, Walk
from holdfast.objects.plan import Rules
from holdfast.objects.ports import SourceUnreadable
from holdfast.objects.reconcile import EVERY, WALKS, ComparisonFailed, divide
from tests.unit.capacity.domain import HOSTILE_NAMES
from tests.unit.capacity.watched import Meddler
from tests.unit.objects.domain import BUCKET, T0, created, original
from tests.unit.objects.protected import DELAY, Failing, Protected, looks

NESTED = ["a", "a.txt", "a/b", "a/b.txt", "a/b/c", "a-b", "a0", "a/"]
"""Their copies sort otherwise than they do: a slash follows each of them."""


@pytest.fixture
def bucket() -> Protected:
    return Protected()


@pytest.fixture
def small_pages() -> Iterator[None]:
    """Two objects are compared between two looks at the clock."""
    with patch.object(reconcile, "PAGE", 2):
        yield


def counts(bucket: Protected) -> Counts:
    """What a whole pass finds."""
    passed = bucket.reconcile()
    assert passed
    assert passed.completed_at == bucket.now
    return passed.counts


def existing(*keys: str, bucket: Protected | None = None) -> Protected:
    """A bucket of which nobody told that these objects are there."""
    bucket = bucket or Protected()
    for key in keys:
        bucket.put(f"content of {key}", key)
    bucket.lose_events()
    return bucket


def put_copy(bucket: Protected, name: str, content: str = "stray") -> CopyKey:
    """Somebody writes an object into the backup bucket."""
    key = CopyKey(name)
    bucket.backups.objects[key] = (Version(original(), content, 1, T0), Stored(content, f"MEMORY:{content}"))
    return key


# Nothing differs


@pytest.mark.parametrize("versioned", [False, True])
def test_where_nothing_differs_nothing_changes(versioned: bool) -> None:
    bucket = Protected(versioned=versioned).holding("A", "B")
    bucket.holding("x", key="deleted")
    bucket.replicate(bucket.delete("deleted"))
    rows, stored = dict(bucket.table.rows), dict(bucket.backups.objects)
    assert counts(bucket) == Counts(live=1)
    assert (bucket.table.rows, bucket.backups.objects) == (rows, stored)


@pytest.mark.parametrize("keys", [NESTED, HOSTILE_NAMES], ids=["nested", "hostile"])
def test_where_nothing_differs_nothing_changes_whatever_the_keys(keys: list[str]) -> None:
    bucket = Protected()
    for key in keys:
        bucket.holding("A", "B", key=key)
    rows = dict(bucket.table.rows)
    assert counts(bucket) == Counts(live=len(keys))
    assert bucket.table.rows == rows


# Missing copies


@pytest.mark.parametrize("keys", [NESTED, HOSTILE_NAMES], ids=["nested", "hostile"])
def test_a_bucket_that_had_objects_before_gets_their_copies(keys: list[str]) -> None:
    bucket = existing(*keys)
    assert counts(bucket) == Counts(live=len(keys), copied=len(keys))
    for key in keys:
        assert bucket.contents(key) == [f"content of {key}"]
    assert bucket.table.objects == len(keys)
    assert counts(bucket) == Counts(live=len(keys))


def test_a_write_that_nobody_told_of_is_copied_as_the_newest(bucket: Protected) -> None:
    bucket.holding("A", "B", "C")
    bucket.put("D")
    assert counts(bucket) == Counts(live=1, copied=1)
    assert bucket.contents() == ["B", "C", "D"]


def test_an_event_that_comes_after_all_takes_the_place_of_what_was_seen(bucket: Protected) -> None:
    event = bucket.put("A")
    bucket.reconcile()
    bucket.replicate(event)
    [copy] = bucket.rows()
    assert copy.order == event.sequencer
    assert bucket.stored() == ["A"]


def test_what_changes_while_it_is_copied_waits_for_its_event_or_for_the_next_pass(bucket: Protected) -> None:
    existing("a", bucket=bucket)
    changed = Meddler(bucket.sources, "head", lambda: bucket.put("later"))
    passed = bucket.reconcile(sources=changed)
    assert passed
    assert passed.counts == Counts(live=1)
    assert bucket.statuses() == {}
    assert counts(bucket).copied == 1


# Lost deletions


def test_what_is_gone_and_nobody_told_is_disowned_from_now_on(bucket: Protected) -> None:
    bucket.holding("A", "B")
    bucket.delete()
    bucket.lose_events()
    bucket.pass_time(hours=5)
    assert counts(bucket) == Counts(deleted=1)
    assert bucket.statuses() == {"A": "disowned", "B": "disowned"}
    assert {(c.disowned_at, c.deleted_at) for c in bucket.rows()} == {(bucket.now, bucket.now)}
    assert counts(bucket) == Counts()


def test_no_listing_is_believed_that_lacks_an_object(bucket: Protected) -> None:
    bucket.holding("A")

    class Forgetful(MemorySources):
        def listing(self, *_: str) -> Iterator[Version]:
            return iter(())

    forgetful = Forgetful(keys=bucket.sources.keys)
    passed = bucket.reconcile(sources=forgetful)
    assert passed
    assert passed.counts == Counts()
    assert bucket.contents() == ["A"]


def test_a_write_that_comes_after_the_look_is_not_overtaken_by_it(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.delete()
    bucket.lose_events()

    def written_again() -> None:
        bucket.replicate(bucket.put("B"))

    bucket.reconcile(sources=Meddler(bucket.sources, "head", written_again))
    assert bucket.statuses() == {"A": "disowned", "B": "active"}


# Copies without a row


def test_a_copy_without_a_row_gets_one_and_goes_after_the_delay(bucket: Protected) -> None:
    bucket.holding("A")
    name = put_copy(bucket, "source/a/20260101T000000.000Z-00-x")
    assert counts(bucket) == Counts(live=1, orphans=1)
    assert bucket.statuses() == {"stray": "disowned", "A": "active"}
    assert bucket.log.of("adopted") == [{"copy_key": name, "reason": "no row told of it"}]
    assert counts(bucket) == Counts(live=1)
    bucket.now += DELAY
    bucket.clean()
    assert bucket.stored() == ["A"]


def test_a_copy_of_an_object_that_is_not_there_is_adopted_too(bucket: Protected) -> None:
    put_copy(bucket, "source/never was/20260101T000000.000Z-0-x")
    assert counts(bucket) == Counts(orphans=1)
    assert bucket.statuses("never was") == {"stray": "disowned"}


def test_a_copy_that_is_being_made_is_left_to_who_makes_it(bucket: Protected) -> None:
    event = bucket.put("A")

    def reconciled_meanwhile() -> None:
        bucket.lose_events()
        bucket.reconcile()

    bucket.replicate(event, copier=Meddler(bucket.backups, "copy", reconciled_meanwhile))
    assert bucket.contents() == bucket.stored() == ["A"]
    assert bucket.rows()[0].order == event.sequencer


def test_what_is_not_named_like_a_copy_is_left_alone(bucket: Protected) -> None:
    name = put_copy(bucket, "source/readme.txt")
    assert counts(bucket) == Counts()
    assert name in bucket.backups.objects
    assert bucket.log.of("left alone") == [{"copy_key": name, "reason": "it is not named as copies are"}]


def test_a_listed_copy_that_is_gone_by_now_is_none(bucket: Protected) -> None:
    bucket.holding("A")
    [name] = bucket.backups.objects

    class Belated(type(bucket.backups)):  # type: ignore[misc]
        def listing(self, prefix: str, after: str) -> Iterator[BackupObject]:
            yield from super().listing(prefix, after)
            yield BackupObject(CopyKey("source/a/20260101T000000.000Z-FF-gone"), 1, "gone")

    passed = bucket.reconcile(backups=Belated(bucket.sources, bucket.backups.objects))
    assert passed
    assert passed.counts == Counts(live=1)
    assert list(bucket.backups.objects) == [name]


def test_a_row_that_appears_meanwhile_is_its_copys_own(bucket: Protected) -> None:
    name = put_copy(bucket, "source/a/20260101T000000.000Z-0-x")
    row = Copy(Version(original(), "stray", 1, T0), name, created("1").sequencer, T0, Status.PENDING)
    announced = Meddler(bucket.backups, "head", lambda: bucket.table.announce(row))
    bucket.reconcile(backups=announced)
    assert bucket.statuses() == {"stray": "pending"}


def test_the_event_of_a_copy_that_was_adopted_is_copied_when_it_comes_again(bucket: Protected) -> None:
    """Its row had expired: it had been announced, and its function died."""
    event = bucket.put("A")
    bucket.settle()
    bucket.table.rows.clear()
    bucket.unreadable.add("a")
    bucket.reconcile()
    assert set(bucket.statuses().values()) == {"disowned"}
    bucket.unreadable.clear()
    assert bucket.replicate(event).verdict == "copied"
    assert bucket.contents() == ["A"]


def test_when_the_table_is_lost_nothing_is_deleted_at_once_and_what_lives_is_copied_anew(bucket: Protected) -> None:
    for key in NESTED:
        bucket.holding("A", "B", "C", key=key)
    bucket.lose_table()
    stored = bucket.stored()
    assert counts(bucket) == Counts(live=len(NESTED), copied=len(NESTED), orphans=3 * len(NESTED))
    assert sorted(bucket.stored()) == sorted([*stored, *["C"] * len(NESTED)])
    for key in NESTED:
        assert bucket.contents(key) == ["C"]
        assert bucket.contents(key, Status.DISOWNED) == ["A", "B", "C"]


def test_when_the_table_is_lost_cut_names_are_not_deleted_at_once_either(bucket: Protected) -> None:
    bucket.holding("A", key="k" * 1024)
    bucket.lose_table()
    assert counts(bucket) == Counts(live=1, copied=1, orphans=1)
    assert bucket.contents("k" * 1024) == ["A"]
    assert bucket.stored() == ["A", "A"]


# Copies that are lost or spoilt


def test_a_live_object_whose_copy_is_lost_gets_another(bucket: Protected) -> None:
    bucket.holding("A", "B")
    bucket.lose_copy("B")
    assert counts(bucket) == Counts(live=1, copied=1, dangling=1)
    assert bucket.contents() == bucket.stored() == ["A", "B"]
    assert bucket.log.of("removed")[0]["reason"] == "its object is not in the backup bucket"


def test_the_row_of_an_older_copy_that_is_lost_is_removed(bucket: Protected) -> None:
    bucket.holding("A", "B")
    bucket.lose_copy("A")
    assert counts(bucket) == Counts(live=1, dangling=1)
    assert bucket.contents() == bucket.stored() == ["B"]


def test_a_copy_that_somebody_wrote_over_is_replaced(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.spoil_copy("A")
    assert counts(bucket) == Counts(live=1, copied=1, corrupt=1)
    [copy] = bucket.rows()
    assert bucket.backups.head(copy.copy_key, None) == Stored("A", "MEMORY:A")
    assert len(bucket.backups.objects) == 1


def test_a_copy_whose_checksum_alone_differs_is_corrupt(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.spoil_copy("A", etag="A", checksum="MEMORY:other")
    bucket.pass_time(days=1)
    assert counts(bucket) == Counts(live=1), "no listing tells a checksum"


def test_a_copy_that_was_encrypted_anew_is_left_as_it_is(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.spoil_copy("A", etag="another", checksum="MEMORY:A")
    rows = dict(bucket.table.rows)
    assert counts(bucket) == Counts(live=1)
    assert bucket.table.rows == rows


def test_no_listing_is_believed_that_lacks_a_copy(bucket: Protected) -> None:
    bucket.holding("A", "B")
    rows = dict(bucket.table.rows)

    class Forgetful(type(bucket.backups)):  # type: ignore[misc]
        def listing(self, *_: str) -> Iterator[BackupObject]:
            return iter(())

    passed = bucket.reconcile(backups=Forgetful(bucket.sources, bucket.backups.objects))
    assert passed
    assert passed.counts == Counts(live=1)
    assert bucket.table.rows == rows


@pytest.mark.parametrize("how", ["lost", "spoilt"])
def test_while_the_breaker_holds_a_live_object_gets_another_copy_all_the_same(how: str) -> None:
    bucket = Protected(budget=Budget(share_percent=0, floor=0)).holding("A")
    if how == "lost":
        bucket.lose_copy("A")
    else:
        bucket.spoil_copy("A")
    for _ in range(2):
        found = counts(bucket)
        assert found.held == 1
        assert bucket.contents() == ["A", "A"]
    assert bucket.backups.head(bucket.rows()[-1].copy_key, None) == Stored("A", "MEMORY:A")


def test_when_the_backup_bucket_is_emptied_the_breaker_opens_and_the_rows_stay() -> None:
    bucket = Protected(budget=Budget(share_percent=30, floor=0))
    keys = [f"{number:03}" for number in range(100)]
    for key in keys:
        bucket.holding("A", key=key)
    bucket.backups.objects.clear()
    found = counts(bucket)
    assert (found.dangling, found.copied) == (100, 100)
    assert bucket.open_reason
    assert sum(len(bucket.rows(key=key)) for key in keys) == 100 + found.held


# What is left over


def test_what_was_never_completed_is_removed(bucket: Protected) -> None:
    bucket.holding("A")
    lost = replace(bucket.copy_of("A"), copy_key=put_copy(bucket, bucket.copy_of("A").copy_key + "x"))
    bucket.table.announce(replace(lost, status=Status.PENDING, stored=None))
    bucket.pass_time(hours=1, seconds=1)
    assert counts(bucket) == Counts(live=1)
    assert bucket.contents() == bucket.stored() == ["A"]


def test_what_is_at_rest_but_for_young_copies_that_are_spared_is_left_alone() -> None:
    bucket = Protected(rules=Rules(1, spare_younger_than=timedelta(days=1)), budget=Budget(1, 2))
    bucket.holding("A", "B", "C", "D")
    assert bucket.contents() == ["B", "C", "D"]
    assert counts(bucket) == Counts(live=1)
    assert bucket.contents() == ["B", "C", "D"]


# Objects that cannot be read


def test_an_object_in_an_archive_is_counted_and_the_others_are_copied(bucket: Protected) -> None:
    existing("a", "b", bucket=bucket)
    bucket.unreadable.add("a")
    assert counts(bucket) == Counts(live=2, copied=1, unreadable=1)
    assert bucket.statuses("a") == {}
    assert bucket.log.of("unreadable") == [{"original_key": "source/a", "reason": "source/a lies in an archive"}]


def test_an_unreadable_object_has_its_copies_looked_after_all_the_same(bucket: Protected) -> None:
    bucket.holding("A", "B", "C", "D")
    bucket.lose_copy("C")
    bucket.put("E")
    bucket.lose_events()
    bucket.unreadable.add("a")
    put_copy(bucket, "source/a/20260101T000000.000Z-00-x")
    assert counts(bucket) == Counts(live=1, dangling=1, orphans=1, unreadable=1)
    assert bucket.contents() == ["B", "D"]


def test_an_object_that_may_not_even_be_looked_at_is_not_taken_for_deleted(bucket: Protected) -> None:
    bucket.holding("A")
    bucket.delete()
    bucket.lose_events()
    closed = Failing(bucket.sources, "head", SourceUnreadable("closed to this function"))
    passed = bucket.reconcile(sources=closed)
    assert passed
    assert passed.counts == Counts(unreadable=1)
    assert bucket.statuses() == {"A": "active"}


# Failures


def fail_at(bucket: Protected, key: str) -> Failing:
    return Failing(bucket.table, "read", RuntimeError("throttled"), when=lambda of: of.key == key)


def test_one_object_that_fails_does_not_keep_the_others_and_is_raised_at_the_end(bucket: Protected) -> None:
    existing("a", "b", "c", bucket=bucket)
    with pytest.raises(
        ComparisonFailed, match=r"^1 of source, the first source/b: RuntimeError\('throttled'\)$"
    ) as raised:
        bucket.reconcile(table=fail_at(bucket, "b"))
    assert bucket.contents("a") == ["content of a"]
    assert bucket.contents("c") == ["content of c"]
    assert raised.value.passed.counts == Counts(live=3, copied=2)
    assert bucket.log.of("not compared") == [{"original_key": "source/b", "error": "RuntimeError('throttled')"}]
    assert counts(bucket) == Counts(live=3, copied=1)


def test_of_a_bucket_that_fails_throughout_one_error_is_kept(bucket: Protected) -> None:
    """Each would hold on to all that its call knew."""
    keys = [str(number) for number in range(1500)]
    existing(*keys, bucket=bucket)
    broken = Failing(bucket.table, "read", RuntimeError("throttled"))
    with pytest.raises(ComparisonFailed, match=r"^1500 of source, the first source/0: RuntimeError\('throttled'\)$"):
        bucket.reconcile(table=broken)


def test_a_pass_with_failures_counts_and_sets_the_census(bucket: Protected) -> None:
    existing("a", "b", "c", bucket=bucket)
    done = bucket.reconcile_all(table=fail_at(bucket, "b"))
    assert done.completed == Counts(live=3, copied=2)
    assert bucket.table.objects == 3
    with pytest.raises(ExceptionGroup, match="1 buckets are not reconciled"):
        done.raise_failures()


def test_a_stretch_that_cannot_be_listed_keeps_no_other_from_being_compared(bucket: Protected) -> None:
    existing("a/1", "b/1", "c/1", bucket=bucket)
    refused = Failing(bucket.sources, "listing", OSError("no answer"), when=lambda _b, _p, after: after == "b/")
    with pytest.raises(
        ComparisonFailed, match=r"^1 of source, the first behind 'b/': OSError\('no answer'\)$"
    ) as raised:
        bucket.reconcile(sources=refused)
    assert raised.value.passed.completed_at is None
    assert [walk.done for walk in raised.value.passed.walks] == [True, False, True]
    assert {key: len(bucket.contents(key)) for key in ("a/1", "b/1", "c/1")} == {"a/1": 1, "b/1": 0, "c/1": 1}
    passed = bucket.reconcile()
    assert passed
    assert passed.completed_at
    assert passed.counts == Counts(live=3, copied=3)


# Time


def test_what_there_was_no_time_for_is_gone_on_with(bucket: Protected) -> None:
    existing("a", "b", "c", bucket=bucket)
    first = bucket.reconcile(time_left=looks([True, True]))
    assert first
    assert (first.completed_at, first.counts) == (None, Counts(live=2, copied=2))
    assert bucket.contents("c") == []
    second = bucket.reconcile()
    assert second
    assert (second.completed_at, second.counts) == (bucket.now, Counts(live=3, copied=3))


def test_without_any_time_nothing_is_done(bucket: Protected) -> None:
    existing("a", bucket=bucket)
    passed = bucket.reconcile(time_left=looks([]))
    assert passed
    assert (passed.completed_at, passed.counts) == (None, Counts())


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("per_run", [1, 2, 3, 5])
@pytest.mark.parametrize("keys", [NESTED, ["-" * length for length in range(1, 20)]], ids=["nested", "dashes"])
def test_a_pass_ends_however_little_time_each_run_has(keys: list[str], per_run: int) -> None:
    bucket = existing(*keys)
    runs = 0
    while bucket.table.passes.get(BUCKET, Pass(())).completed_at is None:
        bucket.reconcile(time_left=looks([True] * per_run))
        runs += 1
        assert runs < 100
    assert all(bucket.contents(key) == [f"content of {key}"] for key in keys)


class Timeout(BaseException):
    """The function ran for as long as it may."""


def test_an_object_that_takes_too_long_to_copy_does_not_keep_the_others_for_ever(bucket: Protected) -> None:
    bucket.sources.put(original("a"), "enormous", 50 * 1024**4)
    existing("b", bucket=bucket)
    too_long = Failing(bucket.backups, "copy", Timeout(), when=lambda version, _: version.original.key == "a")
    for _ in range(5):
        bucket.now += timedelta(minutes=16)
        with suppress(Timeout):
            bucket.reconcile(by_schedule=True, copier=too_long)
    assert bucket.contents("b") == ["content of b"]
    assert too_long.times == 10**6 - 1
    bucket.now += EVERY
    with pytest.raises(Timeout):
        bucket.reconcile(by_schedule=True, copier=too_long)


# When


def test_a_schedule_begins_a_pass_a_day_after_the_last(bucket: Protected) -> None:
    assert bucket.reconcile(by_schedule=True)
    bucket.now += EVERY - timedelta(seconds=1)
    assert bucket.reconcile(by_schedule=True) is None
    bucket.now += timedelta(seconds=1)
    assert bucket.reconcile(by_schedule=True)


def test_a_schedule_goes_on_at_once_with_a_pass_whose_time_ran_out(bucket: Protected) -> None:
    existing("a", bucket=bucket)
    bucket.reconcile(time_left=looks([]))
    passed = bucket.reconcile(by_schedule=True)
    assert passed
    assert passed.completed_at


def test_by_hand_a_pass_begins_at_once(bucket: Protected) -> None:
    bucket.reconcile()
    existing("a", bucket=bucket)
    assert counts(bucket).copied == 1


# Divided


def sources_of(*keys: str) -> MemorySources:
    sources = MemorySources()
    for key in keys:
        sources.put(original(key), "x")
    return sources


@pytest.mark.parametrize(
    ("keys", "bounds"),
    [
        ([], [("", "")]),
        (["a", "b"], [("", "")]),
        (["only/a", "only/b"], [("", "")]),
        (["a/1", "b/1", "c"], [("", "b/"), ("b/", "")]),
        (["deep/down/a/1", "deep/down/b/1", "other"], [("", "deep/down/b/"), ("deep/down/b/", "")]),
    ],
    ids=["empty", "flat", "one folder", "two folders", "below folders of one folder"],
)
def test_a_bucket_is_divided_at_the_first_level_of_several_prefixes(
    keys: list[str], bounds: list[tuple[str, str]]
) -> None:
    assert [(walk.start, walk.end) for walk in divide(sources_of(*keys), BUCKET)] == bounds


def test_of_many_prefixes_several_make_one_stretch() -> None:
    walks = divide(sources_of(*(f"{number:04}/x" for number in range(1000))), BUCKET)
    assert len(walks) == -(-1000 // 16) <= WALKS
    assert walks[0] == Walk("", "0016/")
    assert walks[-1].end == ""
    assert all(one.end == other.start for one, other in pairwise(walks))


def test_no_key_is_missed_between_two_stretches(bucket: Protected) -> None:
    keys = ["a", "a/", "a/1", "b", "b!", "b-1", "b/", "b/-", "b/1", "b0", "m/x", "z"]
    for key in keys:
        bucket.holding("A", key=key)
    bucket.backups.objects.clear()
    assert counts(bucket) == Counts(live=len(keys), copied=len(keys), dangling=len(keys))


def test_lost_deletions_are_found_on_the_border_of_two_stretches(bucket: Protected) -> None:
    keys = ["a/1", "m", "m!", "m-1", "m/", "m/0", "m/x", "z/1"]
    for key in keys:
        bucket.holding("A", key=key)
    for key in keys[1:-1]:
        bucket.delete(key)
    bucket.lose_events()
    assert counts(bucket) == Counts(live=2, deleted=6)


# All buckets


def test_one_bucket_that_fails_does_not_keep_the_others_waiting(bucket: Protected) -> None:
    bucket.sources.put(Original("other", "b"), "B")
    refused = Failing(bucket.sources, "prefixes", OSError("no such bucket"), when=lambda name, _: name == BUCKET)
    done = bucket.reconcile_all(BUCKET, "other", sources=refused)
    assert list(done.passes) == ["other"]
    assert bucket.log.of("not reconciled") == [{"bucket_name": BUCKET, "error": "OSError('no such bucket')"}]
    with pytest.raises(ExceptionGroup) as raised:
        done.raise_failures()
    assert isinstance(raised.value.exceptions[0], OSError)


def test_the_census_is_what_all_buckets_together_hold_once_all_are_compared(bucket: Protected) -> None:
    existing("a", "b", bucket=bucket)
    bucket.sources.put(Original("other", "c"), "C")
    bucket.table.objects = 99
    bucket.reconcile_all(BUCKET, "other", time_left=looks([True]))
    assert bucket.table.objects != 3
    done = bucket.reconcile_all(BUCKET, "other")
    assert bucket.table.objects == 3
    assert done.completed.live == 3
    done.raise_failures()


def test_a_schedule_to_which_nothing_is_due_leaves_the_census_alone(bucket: Protected) -> None:
    bucket.reconcile()
    bucket.table.objects = 7
    done = reconcile.reconcile_all(
        [BUCKET],
        True,
        keeper=bucket.keeper(),
        census=bucket.table,
        passes=bucket.table,
        time_left=lambda: True,
        side_by_side=map,
        each=map,
    )
    assert (done.passes, done.completed, bucket.table.objects) == ({}, Counts(), 7)
