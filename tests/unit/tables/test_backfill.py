"""Backfills: what they store, how far they come, and that nothing newer is covered."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.tables import backfill
from holdfast.tables.backfill import LINES, RESUMABLE_SECONDS, Pace
from holdfast.tables.model import Base, Description, Image
from holdfast.tables.ports import Page, TableMissing
from tests.unit.tables.domain import T0, TABLE, a_base, an_item, id_of, names
from tests.unit.tables.in_use import STREAMING, InUse

LAYOUTS = ("segment", "item")


class Stopped(Exception):
    pass


def filled(layout: str = "segment", items: int = 7, **more: Any) -> InUse:
    """A table whose items no stream told of."""
    table = InUse(layout, **more)
    for number in range(items):
        table.put(f"k{number}", "before")
    table.lose()
    table.seconds += 10
    return table


def described(**told: Any) -> Description:
    """The table of these tests, with this told otherwise; what is None is not told."""
    whole = {**STREAMING.table, **told}
    return replace(STREAMING, table={name: of for name, of in whole.items() if of is not None})


# What is stored


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("parts", [1, 3])
def test_a_backfill_stores_all_that_the_table_holds(layout: str, parts: int) -> None:
    table = filled(layout)
    base = table.backfill(parts=parts)
    assert base == Base("run", T0 + 1010, T0 + 1010, 7, parts, dict.fromkeys(range(parts)))
    assert table.archived.archive.bases() == [base]
    assert names(table.archived.at(1010)) == [f"k{number}" for number in range(7)]
    assert table.archived.at(1009) == []
    assert table.archived.view.at(T0 + 1010).is_complete


def test_an_empty_table_is_complete_too() -> None:
    table = filled(items=0)
    assert table.backfill().ended == T0 + 1010
    assert table.archived.view.at(T0 + 1010).is_complete


def test_what_was_removed_while_the_stream_was_off_is_gone_with_the_next_backfill() -> None:
    table = filled()
    table.backfill("first")
    table.seconds += 10
    table.remove("k3")
    table.lose()
    table.seconds += 10
    table.backfill("second")
    assert "k3" in names(table.archived.at(1029))
    assert "k3" not in names(table.archived.at(1030))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_the_stream_tells_of_that_second_comes_after_what_was_read(layout: str) -> None:
    table = filled(layout)
    base = backfill.begin(table.table, table.archived.archive, "run", 1)
    table.put("k1", "after")
    table.remove("k2")
    table.deliver()
    # The read is late: it sees what was there before both.
    table.table.items[id_of("k1")] = an_item("k1", "before")
    table.table.items[id_of("k2")] = an_item("k2", "before")
    table.go_on(base)
    found = {str(image["pk"]["S"]): image["value"]["S"] for image in table.archived.at(1010)}
    assert found["k1"] == "after"
    assert "k2" not in found


def test_a_clock_that_runs_behind_the_one_of_the_beginning_is_not_believed() -> None:
    table = filled()
    base = backfill.begin(table.table, table.archived.archive, "run", 1)
    table.seconds -= 5
    table.go_on(base)
    assert {change.moment.at for change in table.archived.view.newest(bool).values()} == {base.began}


def test_a_long_page_becomes_several_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "LINES", 3)
    table = filled()
    table.backfill(parts=1, limit=LINES)
    assert sorted(one.count for one in table.archived.archive.base_segments()) == [1, 3, 3]


def test_a_backfill_begins_only_once_the_stream_is_known_to_be_on() -> None:
    table = filled(items=0)
    base = backfill.begin(
        table.table, table.archived.archive, "run", 1, since=T0 + table.seconds + 2.5, sleep=table.sleep
    )
    assert (base.began, table.slept) == (T0 + 1013, [1.0, 1.0, 1.0])


def test_a_table_that_is_gone_is_told() -> None:
    table = filled()
    table.table.description = None
    with pytest.raises(TableMissing):
        backfill.begin(table.table, table.archived.archive, "run", 1)


# Going on


def interrupted(table: InUse, after_pages: int) -> list[Page]:
    """A backfill that ends as its process does, while it notes a page. Returns the pages it read."""
    pages: list[Page] = []
    read = table.table.scan

    def scan(segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        pages.append(page := read(segment, total_segments, after, limit))
        return page

    def stop(_: int) -> None:
        if len(pages) >= after_pages:
            raise Stopped

    base = backfill.begin(table.table, table.archived.archive, "run", 2)
    table.table.scan = scan  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        table.go_on(base, progress=stop)
    pages.clear()
    return pages


@pytest.mark.parametrize("after_pages", [1, 2, 3, 4])
def test_a_backfill_goes_on_at_the_page_where_it_stopped(after_pages: int) -> None:
    table = filled()
    pages = interrupted(table, after_pages)
    [base] = table.archived.archive.bases()
    assert base.ended is None
    assert base.items <= 2 * after_pages
    assert not table.archived.view.at(T0 + 1020).is_complete

    table.seconds += 10
    done = table.go_on(base)
    assert sum(len(page.items) for page in pages) == 7 - base.items
    assert (done.run, done.began, done.ended, done.items) == ("run", T0 + 1010, T0 + 1020, 7)
    assert names(table.archived.at(1020)) == [f"k{number}" for number in range(7)]


def test_a_page_that_was_stored_and_not_noted_is_stored_again(monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled()
    base = backfill.begin(table.table, table.archived.archive, "run", 1)

    def save_no_more(_: Base) -> None:
        raise Stopped

    with monkeypatch.context() as broken:
        broken.setattr(type(table.archived.archive), "save_base", lambda _, base: save_no_more(base))
        with pytest.raises(Stopped):
            table.go_on(base)
    [known] = table.archived.archive.bases()
    assert known == base
    table.go_on(known)
    assert names(table.archived.at(1010)) == [f"k{number}" for number in range(7)]


def test_where_one_part_fails_the_others_stop_and_nothing_is_called_complete() -> None:
    table = filled(items=40)
    read, pages = table.table.scan, [0]

    def scan(segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        pages[0] += 1
        if segment == 1:
            raise Stopped
        return read(segment, total_segments, after, limit)

    base = backfill.begin(table.table, table.archived.archive, "run", 4)
    table.table.scan = scan  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        table.go_on(base, limit=100)
    assert pages == [2]
    [known] = table.archived.archive.bases()
    assert (known.ended, known.done) == (None, {0: None})


@pytest.mark.parametrize(
    ("bases", "now", "resumed"),
    [
        ([], 100, None),
        ([a_base(50, None)], 100, "run"),
        ([a_base(50, None)], 50 + RESUMABLE_SECONDS, "run"),
        ([a_base(50, None)], 51 + RESUMABLE_SECONDS, None),
        ([a_base(50, 60)], 100, None),
        ([a_base(50, None, "old"), a_base(70, 80)], 100, None),
        ([a_base(50, 60, "old"), a_base(70, None)], 100, "run"),
        ([a_base(-50, None)], 100, None),
    ],
)
def test_the_newest_backfill_is_gone_on_with_if_it_is_young_and_the_stream_is_older(
    bases: list[Base], now: int, resumed: str | None
) -> None:
    found = backfill.resumable(bases, STREAMING, T0 + now)
    assert (found and found.run) == resumed


def test_without_a_stream_no_backfill_is_gone_on_with() -> None:
    assert backfill.resumable([a_base(50, None)], described(StreamSpecification=None), T0 + 100) is None


# Objects of items


def test_a_backfill_puts_objects_where_there_is_none() -> None:
    table = filled("item", items=2)
    table.backfill()
    assert table.archived.objects_there() == {
        f"p/{TABLE}/{id_of(name)}": an_item(name, "before") for name in ("k0", "k1")
    }


def test_a_backfill_that_is_repeated_writes_only_what_has_changed() -> None:
    table = filled("item", items=2)
    table.backfill("first")
    table.seconds += 10
    table.table.items[id_of("k1")] = an_item("k1", "changed, and nobody told")
    table.backfill("second")
    versions = table.archived.objects.versions
    assert [len(versions[f"p/{TABLE}/{id_of(name)}"]) for name in ("k0", "k1")] == [1, 2]


def test_a_backfill_covers_no_object_that_is_newer() -> None:
    table = filled("item", items=1)
    base = backfill.begin(table.table, table.archived.archive, "run", 1)
    table.seconds += 5
    table.put("k0", "after")
    table.deliver()
    table.seconds -= 5
    table.table.items[id_of("k0")] = an_item("k0", "before")
    table.go_on(base)
    assert list(table.archived.objects_there().values()) == [an_item("k0", "after")]


@pytest.mark.parametrize("moved", [False, True])
def test_the_object_of_an_item_that_went_while_it_was_read_does_not_come_back(moved: bool) -> None:
    table = filled("item", items=0, tenant_column="who")
    table.put("k0", "before", who={"S": "a"})
    table.lose()
    base = backfill.begin(table.table, table.archived.archive, "run", 1)
    read = table.table.scan

    def scan(segment: int, total_segments: int, after: Image | None, limit: int) -> Page:
        page = read(segment, total_segments, after, limit)
        table.put("k0", "after", who={"S": "b"}) if moved else table.remove("k0")
        table.deliver()
        return page

    table.table.scan = scan  # type: ignore[method-assign]
    table.go_on(base)
    there = {f"p/{TABLE}/b/{id_of('k0')}": an_item("k0", "after", who={"S": "b"})} if moved else {}
    assert table.archived.objects_there() == there


# How fast


def test_a_table_is_read_at_its_pace_whoever_reads() -> None:
    now, slept = [100.0], list[float]()
    pace = Pace(10, lambda: now[0], slept.append)
    pace.wait(5)
    pace.wait(5)
    now[0] = 103.0
    pace.wait(1)
    assert slept == [0.5, 1.0, pytest.approx(0.1)]


def test_without_a_bound_nobody_waits() -> None:
    slept = list[float]()
    Pace(None, lambda: 0.0, slept.append).wait(1e9)
    assert slept == []


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ({}, None),
        ({"BillingModeSummary": None, "ProvisionedThroughput": {"ReadCapacityUnits": 10}}, 2.5),
        (
            {
                "BillingModeSummary": {"BillingMode": "PROVISIONED"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 4},
            },
            1.0,
        ),
    ],
)
def test_by_default_a_quarter_of_what_is_provisioned_is_used(told: dict[str, Any], rate: float | None) -> None:
    assert backfill.default_rate(described(**told)) == rate


@pytest.mark.parametrize(("size", "units"), [(0, 0), (1, 1), (4096, 1), (4097, 2)])
def test_what_it_takes_to_read_a_table_is_told_beforehand(size: int, units: int) -> None:
    assert backfill.read_units(described(TableSizeBytes=size)) == units
    assert backfill.read_units(STREAMING) == 0


@pytest.mark.parametrize(
    ("rate", "parts", "limit"),
    [(None, 8, LINES), (8, 1, 32), (8, 4, 8), (8, 64, 1), (1e9, 1, LINES)],
)
def test_pages_are_as_small_as_the_pace_wants(rate: float | None, parts: int, limit: int) -> None:
    """Of items of a kilobyte."""
    table = described(TableSizeBytes=1024 * 100, ItemCount=100)
    assert backfill.page_limit(table, rate, parts) == limit


def test_the_size_of_items_that_nobody_counted_yet_is_unknown() -> None:
    assert backfill.page_limit(STREAMING, 1, 1) == 4096
