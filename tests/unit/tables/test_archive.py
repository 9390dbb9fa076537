"""The documents in a table's folder."""

from dataclasses import replace

from holdfast.adapters.memory_tables import MemoryStore
from holdfast.tables.archive import Archive
from holdfast.tables.model import Base, Gap
from tests.unit.tables.domain import DESCRIPTION, T0, a_base, keys


def an_archive() -> Archive:
    return Archive("orders", MemoryStore())


def test_a_backfill_is_found_as_it_was_left() -> None:
    archive = an_archive()
    under_way = Base("b", T0 + 5, None, 7, 2, {0: None, 1: keys("x")})
    archive.save_base(under_way)
    archive.save_base(a_base(0, 4, "z"))
    assert archive.bases() == [a_base(0, 4, "z"), under_way]
    archive.save_base(replace(under_way, ended=T0 + 9))
    assert archive.bases()[1].ended == T0 + 9


def test_a_description_is_that_of_the_moment_or_the_oldest() -> None:
    archive = an_archive()
    assert archive.description() is None
    days = [
        replace(DESCRIPTION, taken_at=T0 + day * 86400, tags=({"Key": "day", "Value": str(day)},)) for day in (1, 2)
    ]
    for one in days:
        archive.save_description(one)
    assert archive.description() == days[1]
    assert archive.description(T0 + 3 * 86400) == days[1]
    assert archive.description(T0 + 86400) == days[0]
    assert archive.description(T0) == days[0]


def test_a_gap_is_kept_once() -> None:
    archive = an_archive()
    gap = Gap(T0, None, "trimmed", records=3, shard="shard-1")
    archive.save_gap("one", gap)
    archive.save_gap("one", gap)
    assert archive.gaps() == [gap]


def test_a_rejected_record_is_kept_as_it_came() -> None:
    archive = an_archive()
    archive.reject("7", {"dynamodb": {"SequenceNumber": "7"}})
    archive.reject("", {"no": "number"})
    assert archive.rejected("7") == {"dynamodb": {"SequenceNumber": "7"}}
    assert archive.rejected("8") is None
    assert sorted(archive.store.names("rejected/")) == ["rejected/7.json", "rejected/unknown.json"]
