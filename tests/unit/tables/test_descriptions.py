"""What a table is like, day by day, and what is noticed by it."""

from dataclasses import replace
from typing import Any

import pytest

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables.archive import Archive
from holdfast.tables.descriptions import describe
from holdfast.tables.model import Gap
from tests.unit.tables.domain import DESCRIPTION, T0, Archived, a_record, an_item

DAY = 86400
ON: dict[str, Any] = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}
OFF = "the table's stream is off"
RENEWED = "the table's stream was off, until a new one was switched on"


class Described:
    """A table and its archive. Days are those since T0."""

    def __init__(self, **table: Any) -> None:
        self.archive: Archive = Archived().archive
        self.table = MemoryTable("orders", DESCRIPTION, lambda: T0)
        self.becomes(**table)

    def becomes(self, **table: Any) -> None:
        self.table.description = replace(DESCRIPTION, table={**DESCRIPTION.table, **table})

    def describe(self, day: int) -> None:
        describe(self.archive, self.table, T0 + day * DAY)


def test_what_a_table_is_like_is_saved() -> None:
    described = Described(**ON)
    described.describe(1)
    assert described.archive.description() == replace(DESCRIPTION, taken_at=T0 + DAY, table={**DESCRIPTION.table, **ON})


def test_as_long_as_its_stream_is_the_same_nothing_is_missing() -> None:
    described = Described(**ON)
    for day in (1, 2, 3):
        described.describe(day)
    assert described.archive.gaps() == []


def test_a_table_that_never_had_a_stream_misses_nothing_of_one() -> None:
    described = Described(LatestStreamLabel=None)
    described.describe(1)
    described.becomes(**ON)
    described.describe(2)
    assert described.archive.gaps() == []


def test_a_stream_that_was_off_between_two_days_is_a_gap_until_the_new_one_is_on() -> None:
    described = Described(**ON)
    described.describe(1)
    described.becomes(**ON, LatestStreamLabel="2026-01-03T00:00:00.000")
    for day in (3, 4):
        described.describe(day)
    assert described.archive.gaps() == [Gap(T0 + DAY, T0 + 2 * DAY, RENEWED)]


def test_while_a_stream_is_off_the_gap_has_no_end_and_then_it_has() -> None:
    described = Described(**ON)
    described.describe(1)
    described.becomes(StreamSpecification={"StreamEnabled": False})
    for day in (2, 3):
        described.describe(day)
    assert described.archive.gaps() == [Gap(T0 + DAY, None, OFF)]
    described.becomes(**ON, LatestStreamLabel="2026-01-05T00:00:00.000")
    described.describe(5)
    assert described.archive.gaps() == [Gap(T0 + DAY, T0 + 4 * DAY, RENEWED)]


@pytest.mark.parametrize("base", [None, "run"])
def test_an_archive_is_begun_once_it_holds_a_change(base: str | None) -> None:
    archived = Archived()
    assert not archived.archive.is_begun
    if base:
        change = archived(a_record("a", an_item("a"))).segment
        assert change
        archived.archive.write(list(archived.archive.changes(change)), base=base)
    else:
        archived(a_record("a", an_item("a")))
    assert archived.archive.is_begun
