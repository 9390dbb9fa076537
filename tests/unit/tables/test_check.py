"""A table compared with its archive: what differs, what is only on its way, and what was lost."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables import check
from holdfast.tables.check import (
    CATCH_UP_SECONDS,
    GRACE_SECONDS,
    RETENTION_SECONDS,
    Checked,
    Comparison,
    Difference,
    Kind,
    NoTime,
    Seen,
    Subject,
)
from holdfast.tables.model import Gap, Image
from holdfast.tables.ports import TableMissing
from tests.unit.tables.domain import T0, TABLE, a_change, an_item, id_of, keys
from tests.unit.tables.in_use import SHARD, InUse

LAYOUTS = ("segment", "item")


def used(layout: str = "segment", items: int = 5, **more: Any) -> InUse:
    """A table of some items, all archived by a backfill; minutes have passed since."""
    table = InUse(layout, **more)
    for number in range(items):
        table.put(f"k{number}", "before")
    table.lose()
    table.seconds += 10
    table.backfill()
    table.seconds += 600
    return table


def compare(table: InUse, sample: int | None = None) -> Comparison:
    return table.checker().compare(table.subject, sample)


def what(found: Comparison) -> list[tuple[Image, Kind, tuple[str, ...]]]:
    return sorted(((one.keys, one.kind, one.attributes) for one in found.differences), key=str)


# Comparing


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sample", [None, 3, 100])
def test_an_archive_that_holds_what_the_table_holds_is_clean(layout: str, sample: int | None) -> None:
    table = used(layout)
    table.put("k1", "after")
    table.remove("k2")
    table.put("k9", "new")
    table.deliver()
    found = compare(table, sample)
    assert found.is_clean
    assert found.compared >= 3
    assert found.on_their_way == 0
    assert table.slept == []


def test_all_items_are_counted_on_both_sides() -> None:
    table = used(items=3)
    found = compare(table)
    assert (found.compared, found.live, found.archived) == (3, 3, 3)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sample", [None, 100])
def test_what_was_lost_is_told_item_by_item(layout: str, sample: int | None) -> None:
    table = used(layout)
    table.put("k1", "after", more={"N": "1"})
    table.remove("k2")
    table.put("k9", "new")
    table.lose()
    table.seconds += 600
    found = compare(table, sample)
    assert what(found) == [
        (keys("k1"), Kind.DIFFERS, ("more", "value")),
        (keys("k2"), Kind.GONE, ()),
        (keys("k9"), Kind.MISSING, ()),
    ]
    assert table.slept == [CATCH_UP_SECONDS]


def test_what_is_archived_between_both_looks_is_no_difference() -> None:
    table = used()
    table.put("k1", "after")
    table.remove("k2")
    table.put("k9", "new")
    table.whenever = table.deliver
    found = compare(table)
    assert (found.differences, found.on_their_way) == ([], 3)


def test_what_the_stream_still_holds_is_on_its_way_however_late_the_archive_is() -> None:
    table = used()
    table.put("k1", "after")
    table.remove("k2")
    table.put("k9", "new")
    found = compare(table)
    assert (found.differences, found.on_their_way) == ([], 3)


def test_what_changes_between_both_looks_is_on_its_way() -> None:
    table = used()
    table.put("k1", "lost")
    table.lose()

    def change_again() -> None:
        table.put("k1", "after")

    table.whenever = change_again
    assert compare(table).differences == []


def test_numbers_and_sets_that_are_written_otherwise_are_the_same() -> None:
    table = used()
    table.put("k1", "x", n={"N": "1.50"}, s={"SS": ["b", "a"]})
    table.deliver()
    table.table.items[id_of("k1")] = an_item("k1", "x", s={"SS": ["a", "b"]}, n={"N": "15e-1"})
    assert compare(table).is_clean


@pytest.mark.parametrize("removed", [False, True])
def test_an_object_of_an_item_that_is_gone_from_the_archive_is_told(removed: bool) -> None:
    table = used("item")
    table.put("k1", "after")
    table.deliver()
    table.break_object("k1")
    if removed:
        table.remove("k1")
        table.lose()
    table.seconds += 600
    assert what(compare(table)) == [(keys("k1"), Kind.UNREADABLE, ())]


def test_of_very_many_that_seem_to_differ_only_some_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "CONFIRMED", 2)
    table = used()
    for number in range(5):
        table.put(f"k{number}", "lost")
    table.lose()
    table.seconds += 600
    found = compare(table)
    assert (len(found.differences), found.unconfirmed, found.on_their_way) == (2, 3, 0)
    assert not found.is_clean


def test_many_items_are_compared_share_by_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "TOGETHER", 2)
    table = used(items=9)
    table.put("k3", "lost")
    table.remove("k4")
    table.lose()
    table.seconds += 600
    found = compare(table)
    assert (found.compared, found.live, found.archived) == (9, 8, 9)
    assert len(found.differences) == 2


def test_a_large_sample_is_compared_share_by_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "TOGETHER", 5)
    table = used(items=9)
    table.put("k3", "lost")
    table.remove("k4")
    table.lose()
    table.seconds += 600
    found = compare(table, 9)
    assert (found.compared, len(found.differences)) == (9, 2)


def test_a_sample_is_of_the_size_that_was_asked_for() -> None:
    table = used(items=200)
    table.table.description = replace(
        table.table.describe(0), table={**table.table.describe(0).table, "ItemCount": 200}
    )
    assert 10 <= compare(table, 10).compared <= 20


@pytest.mark.parametrize("backfilled", [True, False])
def test_a_sample_stays_small_though_dynamodb_has_not_counted_the_items_yet(backfilled: bool) -> None:
    table = InUse()
    for number in range(200):
        table.put(f"k{number}")
    table.deliver()
    table.seconds += 10
    if backfilled:
        table.backfill(limit=100)
    found = compare(table, 10)
    assert 10 <= found.compared <= 20
    assert found.is_clean


def test_a_table_is_read_no_faster_than_a_quarter_of_what_is_provisioned() -> None:
    table = used(items=8)
    table.table.description = replace(
        table.table.describe(0),
        table={
            **{name: of for name, of in table.table.describe(0).table.items() if name != "BillingModeSummary"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 2},
        },
    )
    compare(table)
    assert table.slept.count(1.0) == 8  # each item takes half a unit, and half a unit a second may be used


def test_without_time_a_comparison_ends_and_says_so() -> None:
    table = used()
    with pytest.raises(NoTime):
        table.checker(time_left=lambda: False).compare(table.subject)


def test_gaps_count_until_a_backfill_closes_them() -> None:
    table = used()
    table.archived.archive.save_gap("old", Gap(T0 + 1, T0 + 2, "long ago"))
    assert compare(table).gaps == ()
    gap = Gap(T0 + 1500, T0 + 1600, "trimmed")
    table.archived.archive.save_gap("new", gap)
    assert compare(table).gaps == (gap,)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(40))
def test_exactly_what_was_lost_differs_whatever_happened(layout: str, seed: int) -> None:
    random = Random(seed)
    table = used(layout, tenant_column=random.choice(["", "value"]))
    lost: set[str] = set()
    for _ in range(random.randrange(1, 25)):
        name = f"k{random.randrange(7)}"
        if random.random() < 0.7:
            table.put(name, str(random.randrange(3)))
        elif id_of(name) in table.table.items:
            table.remove(name)
        else:
            continue
        table.seconds += random.choice([0, 0, 1, 60])
        fate = random.random()
        if fate < 0.4:
            table.deliver()
        elif fate < 0.6:
            lost |= {str(record["dynamodb"]["Keys"]["pk"]["S"]) for record in table.undelivered}
            table.lose()
    waiting = {str(record["dynamodb"]["Keys"]["pk"]["S"]) for record in table.undelivered}
    table.seconds += 600
    archived = {str(image["pk"]["S"]): image for image in table.archived.at(table.seconds)}
    live = {str(image["pk"]["S"]): image for image in table.table.items.values()}
    differing = {name for name in archived | live if archived.get(name) != live.get(name)}
    assert differing - waiting <= lost
    found = compare(table, random.choice([None, 100]))
    assert {str(one.keys["pk"]["S"]) for one in found.differences} == differing - waiting


# Decisions


@pytest.mark.parametrize(
    ("live", "archived", "expected"),
    [
        (None, None, None),
        (an_item("a"), None, Kind.MISSING),
        (None, an_item("a"), Kind.GONE),
        (an_item("a", "1"), an_item("a", "2"), Kind.DIFFERS),
        (an_item("a", "1"), an_item("a", "1"), None),
    ],
)
def test_what_a_difference_is(live: Image | None, archived: Image | None, expected: Kind | None) -> None:
    found = check.difference(keys("a"), live, archived, a_change("a", at=3))
    assert (found and found.kind) == expected
    assert found is None or found.archived_at == T0 + 3


@pytest.mark.parametrize(("at", "expected"), [(4, False), (5, True), (6, True)])
def test_what_the_archive_learnt_after_the_first_look_is_not_judged(at: int, expected: bool) -> None:
    first = Seen(keys("a"), check.mark(an_item("a")), T0 + 5)
    assert check.is_on_its_way(first, first.mark, a_change("a", at=at)) is expected
    assert check.is_on_its_way(first, first.mark, None) is False
    assert check.is_on_its_way(first, None, None) is True


def a_difference(archived_at: int | None) -> Difference:
    return Difference(keys("a"), Kind.DIFFERS, archived_at=archived_at)


@pytest.mark.parametrize(
    ("archived", "since", "first"), [([7, 5], 3, 5), ([7, None], 3, 3), ([7, None], None, None), ([7], None, 7)]
)
def test_a_gap_begins_at_what_was_archived_last(
    archived: list[int | None], since: int | None, first: int | None
) -> None:
    gap = check.gap_of([a_difference(at) for at in archived], since, 9)
    assert (gap.first_at, gap.last_at, gap.records) == (first, 9, len(archived))


@pytest.mark.parametrize(("one", "other", "first"), [(3, 5, 3), (5, 3, 3), (None, 3, None), (3, None, None)])
def test_a_gap_that_is_found_again_is_as_wide_as_both(one: int | None, other: int | None, first: int | None) -> None:
    found = check.widened(Gap(one, 9, "now", records=1), Gap(other, 8, "then", records=2))
    assert found == Gap(first, 9, "now", records=2)
    assert check.widened(found, None) == found


# What the stream holds


def test_records_that_the_archive_misses_are_told_with_the_time_they_are_lost() -> None:
    table = used()
    first = table.seconds
    table.put("a")
    table.put("b")
    table.deliver()
    table.seconds += 10
    table.put("c")
    table.lose(trimmed=False)
    table.seconds += GRACE_SECONDS
    [found] = compare(table).unarchived
    assert (found.shard, found.records) == (SHARD, 1)
    assert found.lost_at == T0 + first + 10 + RETENTION_SECONDS


def test_records_that_are_young_are_not_missed_yet() -> None:
    table = used()
    table.put("c")
    table.seconds += GRACE_SECONDS - CATCH_UP_SECONDS - 1
    assert compare(table).unarchived == []


def test_a_record_that_is_kept_as_unreadable_is_not_lost_with_the_stream() -> None:
    table = used()
    table.put("c")
    table.stream.open_shards[SHARD][-1]["dynamodb"]["NewImage"] = {"value": "nothing"}
    table.seconds += GRACE_SECONDS
    assert compare(table).unarchived == []


# Every day


def check_all(
    table: InUse, *names: str, sample: int = 100, others: Mapping[str, Subject] = {}, **more: Any
) -> check.Checks:
    return check.check_all(
        names or (TABLE,),
        subject_of=lambda name: {TABLE: table.subject, **others}[name],
        stream_of=lambda _: table.stream,
        sample=sample,
        each=map,
        now=table.now,
        sleep=table.sleep,
        random=Random(1),
        log=table.note,
        **{"time_left": lambda: True} | more,
    )


def test_every_day_what_the_table_is_like_is_saved() -> None:
    table = used()
    found = check_all(table)
    assert found.tables == {TABLE: Checked(compared=5)}
    found.raise_failures()
    assert table.archived.archive.description() == table.table.describe(T0 + table.seconds)


def test_what_was_lost_becomes_a_gap_that_the_next_check_still_counts() -> None:
    table = used()
    table.put("k1", "lost")
    table.lose()
    table.seconds += 600
    assert check_all(table).tables == {TABLE: Checked(compared=5, differences=1)}
    [gap] = table.archived.archive.gaps()
    assert (gap.first_at, gap.records) == (T0 + 1010, 1)
    assert gap.last_at is not None
    assert gap.last_at >= T0 + table.seconds - CATCH_UP_SECONDS
    assert ("differs", {"table": TABLE, "keys": keys("k1"), "how": Kind.DIFFERS, "attributes": ["value"]}) in table.log

    table.seconds += 86400
    assert check_all(table).tables == {TABLE: Checked(compared=5, differences=1, gaps=1)}
    assert [one.first_at for one in table.archived.archive.gaps()] == [gap.first_at]

    table.seconds += 10
    table.backfill("second")
    table.seconds += 600
    assert check_all(table).tables == {TABLE: Checked(compared=5)}


def test_an_archive_that_was_never_complete_has_differences_and_no_gap() -> None:
    table = InUse()
    table.put("k1")
    table.lose()
    table.seconds += 600
    assert check_all(table).tables == {TABLE: Checked(compared=1, differences=1)}
    assert table.archived.archive.gaps() == []


def test_no_gap_is_told_before_the_stream_was_searched_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "EXPLAINED", 1)
    table = used()
    table.put("k1", "lost")
    table.lose()
    table.put("k2", "after")
    table.deliver()
    table.seconds += 600
    assert check_all(table).tables == {TABLE: Checked(compared=5, differences=1)}
    assert table.archived.archive.gaps() == []


def test_one_table_that_is_gone_does_not_keep_the_others_from_being_checked() -> None:
    table = used()
    gone = Subject(MemoryTable("gone", None, lambda: T0), InUse().archived.view)
    found = check_all(table, "gone", TABLE, others={"gone": gone})
    assert found.tables == {"gone": Checked(failure="there is no table 'gone'"), TABLE: Checked(compared=5)}
    with pytest.raises(ExceptionGroup) as raised:
        found.raise_failures()
    assert raised.group_contains(TableMissing)


def test_what_will_be_lost_soon_is_told_though_there_is_no_time_to_compare() -> None:
    table = used()
    table.put("k1", "not archived")
    table.seconds += check.GRACE_SECONDS
    found = check_all(table, time_left=lambda: False)
    told = "the time was over before all was compared"
    assert found.tables == {TABLE: Checked(unarchived=1, failure=told)}
    assert ("not archived", TABLE) in [(message, fields["table"]) for message, fields in table.log]


def test_a_shard_that_has_dropped_everything_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = used()
    table.put("k1", "lost")
    table.lose()
    table.seconds += 600
    table.stream.parents["gone"] = SHARD
    found = table.stream.shards()
    monkeypatch.setattr(table.stream, "shards", lambda: [*found, replace(found[0], shard_id="gone")])
    compared = compare(table)
    assert (len(compared.differences), compared.explained, compared.unarchived) == (1, True, [])


def test_what_was_lost_of_a_table_that_was_archived_from_its_creation_on_is_a_gap_since_then() -> None:
    table = InUse()
    table.table.description = replace(
        table.table.describe(0), table={**table.table.describe(0).table, "CreationDateTime": T0}
    )
    table.archived.archive.save_description(table.table.describe(T0))
    table.put("k1")
    table.lose()
    table.seconds += 600
    assert check_all(table).tables == {TABLE: Checked(compared=1, differences=1)}
    assert [gap.first_at for gap in table.archived.archive.gaps()] == [T0]
