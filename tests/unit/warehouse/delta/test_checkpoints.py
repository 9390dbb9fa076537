"""Checkpoints of every kind: what they hold is found, and what cannot be used of them is passed over, and named."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.warehouse.delta.model import Verdict
from tests.delta_tables import Table
from tests.unit.warehouse.delta.domain import commits
from tests.unit.warehouse.delta.lake import Lake

KINDS: dict[str, Callable[[Table], None]] = {
    "classic": Table.checkpoint,
    "parts": lambda table: table.checkpoint_in_parts(3),
    "v2-json": lambda table: table.checkpoint_with_sidecars("json"),
    "v2-parquet": lambda table: table.checkpoint_with_sidecars("parquet"),
    "v2-classic": lambda table: table.checkpoint_with_sidecars("classic"),
}
SIDECARS = ("v2-json", "v2-parquet", "v2-classic")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def is_of_checkpoint(key: str) -> bool:
    return ".checkpoint." in key or "_sidecars" in key


def customers(lake: Lake, kind: str, key: str = "customers") -> Table:
    """Versions 0 to 3, with a checkpoint of 2."""
    table = lake.table(key)
    table.append(1, 2)
    table.append(3, 4)
    table.delete("id = 1")
    KINDS[kind](table)
    table.append(5)
    return table


def judged(lake: Lake, *without: str) -> Verdict:
    """`without`: names of files of the log that are not there."""
    gone = [file.key for file in lake.log().files if file.name in without]
    (verdict,) = lake.judged([lake.log(without=gone)])
    return verdict


def restorable(verdict: Verdict) -> int | None:
    return verdict.snapshot.version if verdict.snapshot else None


@pytest.mark.parametrize("kind", KINDS)
def test_versions_are_restored_from_checkpoints_of_every_kind(lake: Lake, kind: str) -> None:
    table = customers(lake, kind)
    verdict = judged(lake, *commits(0, 1))
    assert verdict.snapshot
    assert verdict.current
    assert verdict.snapshot.records == len(table.rows())
    assert lake.closure("data") == lake.data_of(table)
    log = lake.closure("log")
    assert {key for key in log if "checkpoint" in key} == {key for key in lake.sizes() if ".checkpoint." in key}
    assert {key for key in log if "_sidecars" in key} == {key for key in lake.sizes() if "_sidecars" in key}


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_that_lacks_a_file_is_none(lake: Lake, kind: str) -> None:
    table = customers(lake, kind)
    of_checkpoint = [key for key in lake.sizes() if is_of_checkpoint(key)]
    for gone in of_checkpoint:
        verdict = judged(lake, gone.removeprefix("customers/_delta_log/"))
        assert verdict.current  # from the beginning
        assert not [key for key in lake.closure("log") if key in of_checkpoint]
        assert lake.closure("data") == lake.data_of(table)
        verdict = judged(lake, gone.removeprefix("customers/_delta_log/"), *commits(0))
        assert restorable(verdict) is None
        assert (verdict.newest, verdict.missing_count) == (3, 1)


@pytest.mark.parametrize("kind", SIDECARS)
def test_a_sidecar_that_is_not_there_is_named(lake: Lake, kind: str) -> None:
    customers(lake, kind)
    gone = min(key for key in lake.sizes() if "_sidecars" in key).rpartition("/")[2]
    (told,) = judged(lake, f"_sidecars/{gone}").unusable
    assert told.endswith(f": its sidecar {gone} is not there, or cannot be read")


def test_a_file_of_a_checkpoint_that_cannot_be_read_is_as_if_it_were_not_there(lake: Lake) -> None:
    damages = {
        "classic": b"",
        "parts": b'{"add": 5}\n',
        "v2-json": b'{"add": 5}\n',
        "v2-parquet": b"PAR1?PAR1",
        "v2-classic": b"PAR1",
    }
    lake.table("untouched").append(1)
    tables = [customers(lake, kind, f"{kind}-{place}") for kind in damages for place in ("first", "last")]
    data = {key for table in tables for key in lake.data_of(table)} | lake.data_of(lake.table("untouched"))
    damaged = {}
    for table in tables:
        kind, _, place = table.folder.name.rpartition("-")
        of_checkpoint = [
            key for key in lake.sizes() if key.startswith(f"{table.folder.name}/") and is_of_checkpoint(key)
        ]
        damaged[table.folder.name] = max(of_checkpoint) if place == "last" else min(of_checkpoint)
        lake.path(damaged[table.folder.name]).write_bytes(damages[kind])
    for verdict in lake.judged():
        assert verdict.current
        told = [verdict.log.table in damaged and damaged[verdict.log.table] in one for one in verdict.unusable]
        assert any(told) == (verdict.log.table != "untouched")
    assert lake.closure("data") == data


def test_a_commit_that_cannot_be_read_ends_what_can_be_restored(lake: Lake) -> None:
    customers(lake, "classic")
    (newest,) = (file.key for file in lake.log().files if file.name in commits(3))
    lake.path(newest).write_text(lake.path(newest).read_text()[:-20])
    verdict = judged(lake)
    assert (verdict.newest, restorable(verdict), verdict.missing) == (3, 2, (newest,))
    assert verdict.unusable[0].startswith(f"{newest}: Invalid Input Error: Malformed JSON, at byte ")


def test_a_log_of_which_nothing_can_be_read_is_told_so(lake: Lake) -> None:
    table = lake.table("customers")
    table.append(1)
    (log,) = (table.folder / "_delta_log").iterdir()
    log.write_text("?????")
    verdict = judged(lake)
    assert (verdict.newest, verdict.snapshot, verdict.missing_count, len(verdict.unusable)) == (0, None, 1, 1)


def test_a_log_that_does_not_describe_its_table_is_told_so(lake: Lake) -> None:
    table = lake.table("customers")
    table.append(1)
    (log,) = (table.folder / "_delta_log").iterdir()
    log.write_text("".join(line for line in log.read_text().splitlines(keepends=True) if "protocol" not in line))
    verdict = judged(lake)
    assert (verdict.newest, verdict.snapshot, verdict.missing) == (0, None, ())
    assert verdict.unusable == ("customers/_delta_log/: nothing in it describes the table",)


def test_a_checkpoint_is_read_by_the_columns_that_it_has(lake: Lake) -> None:
    """Spark leaves out those that a table does not need, and may write statistics as columns."""
    table = customers(lake, "classic")
    data, rows = lake.data_of(table), table.rows()
    (path,) = (table.folder / "_delta_log").glob("*.checkpoint.parquet")
    lines = []
    for line in pq.read_table(path).select(["metaData", "protocol", "add"]).to_pylist():
        if line["add"]:
            added = line["add"]
            stats = {"numRecords": pq.read_metadata(table.folder / added["path"]).num_rows}
            line["add"] = {"path": added["path"], "size": added["size"], "stats_parsed": stats}
        lines.append({"metaData": line["metaData"] and {"id": "x"}, "protocol": line["protocol"], "add": line["add"]})
        if line["protocol"]:
            line["protocol"].pop("readerFeatures")
    pq.write_table(pa.Table.from_pylist(lines), path)
    verdict = judged(lake)
    assert verdict.snapshot
    assert verdict.current
    assert (verdict.snapshot.records, verdict.snapshot.reader_version) == (len(rows), 1)
    assert lake.closure("data") == data
