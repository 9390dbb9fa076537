"""The engine of the plan: what it finds is what a slow loop over the rows finds, whatever the format and the keys."""

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.warehouse import database
from holdfast.warehouse.database import utc
from holdfast.warehouse.engine import InventoryUnreadable, OrcUnsupported, PlanEngine
from holdfast.warehouse.model import Copy, FileFormat, Kind, Retirement, Source, State
from holdfast.warehouse.run import Scratch
from tests.unit.warehouse.listings import (
    COLUMNS,
    SOURCE,
    T0,
    WITH_VERSIONS,
    Row,
    Slow,
    a_copy,
    as_csv,
    decided,
    keys,
    marker,
    planned,
)

DATA = "warehouse/sales/orders/part-1.parquet"
LOG = "warehouse/sales/orders/_delta_log/00000000000000000001.json"


def found(engine: PlanEngine) -> set[tuple[Any, ...]]:
    rows = engine.connection.execute("SELECT * EXCLUDE database_name FROM copies").fetchall()
    assert len(rows) == len(set(rows))
    return {(*row[:4], utc(row[4]), *row[5:]) for row in rows}


def gone(engine: PlanEngine, days: int = 1000) -> set[tuple[Copy, State | None, Any]]:
    engine.find_gone(T0 + timedelta(days=days))
    rows = engine.connection.execute("SELECT * FROM gone").fetchall()
    assert len(rows) == len(set(rows))
    return {(_copy(*row[:10]), row[10] and State(row[10]), row[11] and utc(row[11])) for row in rows}


def _copy(run: str, key: str, version_id: str, etag: str, size: int, modified: Any, *more: Any) -> Copy:
    kind, stored_at, copy_etag, storage_class = more
    return Copy(run, key, version_id, etag, size, utc(modified), Kind(kind), utc(stored_at), copy_etag, storage_class)


def tallies(engine: PlanEngine, source: Source = SOURCE) -> dict[str, dict[str, tuple[int, int]]]:
    engine.tally(source)
    told = engine.tallies()
    return {
        name: {fate: (tally.objects, tally.size) for fate, tally in own.items() if tally.objects}
        for name, own in told.items()
    }


def anything(seed: int) -> tuple[list[Row], list[Copy], list[Retirement]]:
    """Rows of which most have copies, of this or another ETag, of one run or two, about to expire or not."""
    chance = random.Random(seed)
    classes = [("STANDARD", None), ("GLACIER", None), ("INTELLIGENT_TIERING", "FREQUENT")]
    classes += [("INTELLIGENT_TIERING", "INFREQUENT"), ("INTELLIGENT_TIERING", None)]
    rows: list[Row] = []
    ledger: list[Copy] = []
    decisions: list[Retirement] = []
    for key in keys():
        storage_class, tier = chance.choice(classes)
        size = chance.choice([0, 1, 10, 5 * 1024**3, 5 * 1024**3 + 1])
        row = Row(key, chance.choice("ab") * 32, size, T0, storage_class, tier, version_id="v1")
        if chance.random() < 0.8:
            rows.append(chance.choice([row, row, row, replace(row, is_latest=False), marker(key)]))
        for run in chance.choices(["run-1", "run-2"], k=chance.randrange(4)):
            copy = a_copy(key, chance.choice("ab") * 32, run, chance.randrange(900, 1100))
            ledger.append(copy)
            days = range(chance.choice([0, 0, 1, 3]))
            decisions.extend(decided(copy, chance.choice(list(State)), day) for day in days)
    return rows, list(dict.fromkeys(ledger)), list(dict.fromkeys(decisions))


SOURCES = ["s3://lake/warehouse/*", "s3://lake/warehouse", "s3://lake/*", "s3://lake", "s3://lake/warehouse/d'é"]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("file_format", list(FileFormat))
def test_it_finds_what_a_slow_loop_finds(file_format: FileFormat, source: str, tmp_path: Path) -> None:
    rows, ledger, decisions = anything(SOURCES.index(source))
    slow = Slow(rows, ledger, decisions, Source.parse(source))
    parts = [rows[::2], rows[1::2]]
    with planned(
        tmp_path,
        parts,
        ledger,
        decisions,
        source=slow.source,
        file_format=file_format,
        columns=WITH_VERSIONS,
    ) as engine:
        assert found(engine) == slow.copies()
        assert gone(engine) == slow.gone(T0 + timedelta(days=1000))
        assert tallies(engine, slow.source) == slow.tallies()


@pytest.mark.parametrize("file_format", list(FileFormat))
def test_without_versions_every_row_is_a_current_object(file_format: FileFormat, tmp_path: Path) -> None:
    rows = [Row(DATA), Row(LOG)]
    with planned(tmp_path, [rows], file_format=file_format) as engine:
        assert found(engine) == Slow(rows, [], []).copies()
        assert {version for _, version, *_ in found(engine)} == {None}


def test_columns_may_come_in_any_order(tmp_path: Path) -> None:
    columns = (*reversed(WITH_VERSIONS), "ReplicationStatus")
    rows = [Row(DATA, version_id="v"), Row(LOG, version_id=None)]
    path = tmp_path / "part"
    lines = as_csv(rows, WITH_VERSIONS).decode().splitlines()
    path.write_text("".join(",".join([*reversed(line.split(",")), '"x"']) + "\n" for line in lines))
    with database.connect(Scratch(tmp_path, 256 * 1024**2, 1), tmp_path) as connection:
        engine = PlanEngine(connection, tmp_path)
        engine.read_inventory(FileFormat.CSV, columns, {"part": path})
        engine.read_ledger([], [])
        engine.find_copies(SOURCE, 1000)
        assert found(engine) == Slow(rows, [], []).copies()


@pytest.mark.parametrize("parts", [[], [[]], [[], [Row(DATA)]]])
def test_nothing_listed_is_all_gone(parts: Sequence[Sequence[Row]], tmp_path: Path) -> None:
    copies = [a_copy(DATA), a_copy("warehouse/sales/b.parquet")]
    with planned(tmp_path, parts, copies) as engine:
        rows = [row for part in parts for row in part]
        assert gone(engine) == Slow(rows, copies, []).gone(T0 + timedelta(days=1000))


def test_a_file_that_was_written_over_is_copied_and_its_older_copy_is_not_gone(tmp_path: Path) -> None:
    with planned(tmp_path, [[Row(DATA, "new")]], [a_copy(DATA, "old")]) as engine:
        assert [row[:3] for row in found(engine)] == [(DATA, None, "new")]
        assert gone(engine) == set()


def test_a_file_that_became_again_what_it_was_is_known(tmp_path: Path) -> None:
    with planned(tmp_path, [[Row(DATA, "old")]], [a_copy(DATA, "old"), a_copy(DATA, "new", "run-2")]) as engine:
        assert found(engine) == set()
        assert tallies(engine) == {"warehouse/sales": {"known": (1, 10)}}


@pytest.mark.parametrize("kept_on", [0, 1, 2])
def test_a_copy_that_was_handed_to_the_lifecycle_never_counts_again(tmp_path: Path, kept_on: int) -> None:
    """Whoever wrote that it is kept may have had another clock; its tag may be there."""
    copy = a_copy(DATA)
    decisions = [decided(copy, State.EXPIRING, 1), decided(copy, State.KEPT, kept_on)]
    with planned(tmp_path, [[Row(DATA)]], [copy], decisions) as engine:
        assert len(found(engine)) == 1


def test_keys_too_long_for_a_copy_are_told_apart(tmp_path: Path) -> None:
    long = "warehouse/sales/" + "é" * 500 + ".parquet"
    with planned(tmp_path, [[Row(DATA), Row(long)]]) as engine:
        assert {row[0]: row[-1] for row in found(engine)} == {DATA: "data", long: "too_long"}
        assert tallies(engine) == {"warehouse/sales": {"copied": (1, 10), "too_long": (1, 10)}}


GOOD = '"lake","warehouse/d/a.parquet","1","2026-01-01T00:00:00.000Z","e","STANDARD",""\n'


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        (GOOD.replace(',""', ""), "Expected Number of Columns: 7 Found: 6"),
        (GOOD.replace(',""', ',"","x"'), "Expected Number of Columns: 7 Found: 8"),
        (GOOD.replace('"1"', '"1x"'), "Could not convert string"),
        (GOOD.replace('"1"', '""'), "a row has no size"),
        (GOOD.replace('"e"', '""'), "a row has no e_tag"),
        (GOOD.replace("2026-01", "2026-21"), "Could not convert string"),
        (GOOD.replace('"warehouse/d/a.parquet"', '""'), "a row has no key"),
        (GOOD.replace("STANDARD", ""), "a row has no storage_class"),
        (GOOD.replace("a.parquet", "%FF.parquet"), "invalid UTF8"),
        (GOOD.replace("a.parquet", 'a".parquet'), "quote"),
        (GOOD.replace("a.parquet", "\x00\xff.parquet"), "not utf-8"),
        (GOOD.removesuffix('"\n'), "quote"),
    ],
)
def test_a_row_that_is_not_as_s3_writes_it_is_named_with_its_part(row: str, fact: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text(GOOD * 3)
    bad.write_bytes((GOOD + row).encode("latin-1"))
    with database.connect(Scratch(tmp_path, 256 * 1024**2, 1), tmp_path) as connection:
        engine = PlanEngine(connection, tmp_path)
        engine.read_inventory(FileFormat.CSV, COLUMNS, {"data/good.csv.gz": good, "data/bad.csv.gz": bad})
        engine.read_ledger([], [])
        with pytest.raises(InventoryUnreadable, match=fact) as raised:
            engine.find_copies(SOURCE, 1000)
    assert str(raised.value).startswith("data/bad.csv.gz: ")
    assert "Possible" not in str(raised.value)


@pytest.mark.parametrize("file_format", [FileFormat.ORC, FileFormat.PARQUET])
def test_a_part_that_is_no_such_file_is_named(file_format: FileFormat, tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"no such file at all")
    with database.connect(Scratch(tmp_path, 256 * 1024**2, 1), tmp_path) as connection:
        engine = PlanEngine(connection, tmp_path)
        with pytest.raises(InventoryUnreadable, match=r"data/x: "):
            engine.read_inventory(file_format, COLUMNS, {"data/x": path})


def test_orc_takes_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with database.connect(Scratch(tmp_path, 256 * 1024**2, 1), tmp_path) as connection:
        engine = PlanEngine(connection, tmp_path)
        with pytest.raises(OrcUnsupported, match="in the task"):
            engine.read_inventory(FileFormat.ORC, COLUMNS, {"data/x.orc": tmp_path / "x.orc"})


def test_what_is_wrong_elsewhere_is_not_blamed_on_the_inventory(tmp_path: Path) -> None:
    import duckdb  # noqa: PLC0415

    with planned(tmp_path, [[Row(DATA)]]) as engine, pytest.raises(duckdb.Error):
        engine.write("copies", tmp_path / "no such folder" / "copies.parquet")
