"""Which version of a real Delta table can be restored, and what it needs: deltalake is the witness."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable

from holdfast.warehouse.delta import plan
from holdfast.warehouse.delta.judge import judge, newest_at
from holdfast.warehouse.delta.model import Snapshot, Verdict, commit_name
from tests.delta_tables import HOSTILE, VECTORS, Table, actions_of, commit, live, rows_of
from tests.unit.warehouse.delta.domain import commits
from tests.unit.warehouse.delta.lake import BUCKET, Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def orders(lake: Lake, key: str = "sales/orders") -> Table:
    """Versions 0 to 5, with a checkpoint at 3; partitioned by values that hurt."""
    table = lake.table(key, partitioned=True)
    table.append(*range(16), parts=HOSTILE)
    table.append(*range(16, 19), parts=HOSTILE)
    table.delete("id < 3 OR id IN (11, 12, 13, 14)")
    table.append(100, 101, parts=("x=y",))
    table.checkpoint()
    table.overwrite(*range(200, 204), parts=HOSTILE)
    table.append(*range(300, 302), parts=HOSTILE)
    return table


def restorable(verdict: Verdict) -> int | None:
    return verdict.snapshot.version if verdict.snapshot else None


def the(verdicts: list[Verdict]) -> Verdict:
    (only,) = verdicts
    return only


def snapshot_of(verdicts: list[Verdict]) -> Snapshot:
    snapshot = the(verdicts).snapshot
    assert snapshot
    return snapshot


# What a version needs


def test_each_version_needs_what_deltalake_reads_of_it(lake: Lake) -> None:
    table = orders(lake)
    for version in range(6):
        snapshot = snapshot_of(lake.judged([plan.upto(lake.log(), version)]))
        assert snapshot.version == version
        assert lake.closure("data") == lake.data_of(table, version)
        assert (snapshot.files, snapshot.records) == (len(lake.data_of(table, version)), len(table.rows(version)))
        assert snapshot.size == sum(lake.sizes()[key] for key in lake.data_of(table, version))


@pytest.mark.parametrize("version", [2, 3, 5])
def test_what_a_version_needs_is_all_that_a_reader_needs(lake: Lake, tmp_path: Path, version: int) -> None:
    table = orders(lake)
    rows = table.rows(version)
    lake.judged([plan.upto(lake.log(), version)])
    for key in lake.closure():
        target = tmp_path / "elsewhere" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(lake.path(key), target)
    shutil.rmtree(tmp_path / "bucket")
    restored = DeltaTable(tmp_path / "elsewhere/sales/orders")
    assert (restored.version(), rows_of(restored)) == (version, rows)


@pytest.mark.parametrize("version", [4, 5])
def test_a_version_that_lacks_any_one_of_its_files_is_not_restorable(lake: Lake, version: int) -> None:
    orders(lake)
    log = plan.upto(lake.log(), version)
    lake.judged([log])
    needed, keys = lake.closure("data"), lake.sizes()
    for gone in needed:
        verdict = the(lake.judged([log], [(BUCKET, key, size) for key, size in keys.items() if key != gone]))
        assert restorable(verdict) != version
        assert (verdict.newest, verdict.missing, verdict.missing_count) == (version, (gone,), 1)


def test_so_it_is_with_files_of_its_log(lake: Lake) -> None:
    orders(lake)
    lake.judged()
    for gone in lake.closure("log"):
        (verdict,) = lake.judged([lake.log(without=[gone])])
        assert gone not in lake.closure("log")
        assert restorable(verdict) == 5 if "003" in gone else restorable(verdict) != 5


def test_the_log_that_a_version_needs_begins_at_the_newest_checkpoint_before_it(lake: Lake) -> None:
    orders(lake)
    snapshot = snapshot_of(lake.judged())
    assert [file.name.lstrip("0") for file in snapshot.log] == ["3.checkpoint.parquet", "3.json", "4.json", "5.json"]
    assert lake.closure("log") == {file.key for file in snapshot.log}
    assert not [key for key in lake.fetched if "_last_checkpoint" in key]


def test_a_log_without_a_checkpoint_is_read_from_its_beginning(lake: Lake) -> None:
    orders(lake)
    snapshot = snapshot_of(lake.judged([plan.upto(lake.log(), 2)]))
    assert [file.name.lstrip("0") for file in snapshot.log] == [".json", "1.json", "2.json"]


def test_a_table_that_was_emptied_needs_no_data(lake: Lake) -> None:
    table = orders(lake)
    table.delete("true")
    snapshot = snapshot_of(lake.judged())
    assert (snapshot.version, snapshot.files, snapshot.size, snapshot.records) == (6, 0, 0, 0)
    assert lake.closure("data") == set()


def test_a_table_may_lie_at_the_root_of_a_bucket(lake: Lake) -> None:
    table = orders(lake, ".")
    assert snapshot_of(lake.judged()).version == 5
    assert lake.closure("data") == lake.data_of(table)


# Deletion vectors


@pytest.mark.parametrize(("prefix", "checkpoint"), [("", True), ("ab", False)])
def test_vectors_are_needed_too(lake: Lake, prefix: str, checkpoint: bool) -> None:
    table = lake.table("sales/orders", configuration=VECTORS)
    table.append(*range(10))
    table.append(*range(10, 20))
    table.delete_by_vector(3, 4, 15, prefix=prefix)
    if checkpoint:
        table.checkpoint()
    snapshot = snapshot_of(lake.judged())
    assert (snapshot.version, snapshot.vectors, snapshot.records) == (2, 2, len(table.rows()))
    assert snapshot.reader_version == 3
    assert "deletionVectors" in snapshot.reader_features
    vectors = lake.closure("vector")
    assert vectors == {key for key in lake.sizes() if key.endswith(".bin")}
    for gone in vectors:
        held = [(BUCKET, key, size) for key, size in lake.sizes().items()]
        assert the(lake.judged(stored=[one for one in held if one[1] != gone])).missing == (gone,)
        cut = [(bucket, key, size - (key == gone)) for bucket, key, size in held]
        assert the(lake.judged(stored=cut)).missing == (gone,)
        grown = [(bucket, key, size + (key == gone)) for bucket, key, size in held]
        assert the(lake.judged(stored=grown)).current


def test_before_they_were_written_they_are_not(lake: Lake) -> None:
    table = lake.table("sales/orders", configuration=VECTORS)
    table.append(*range(10))
    table.delete_by_vector(3)
    snapshot = snapshot_of(lake.judged([plan.upto(lake.log(), 0)]))
    assert (snapshot.vectors, snapshot.records) == (0, 10)


def test_vectors_in_the_log_need_nothing(lake: Lake) -> None:
    table = lake.table("sales/orders", configuration=VECTORS)
    table.append(*range(10))
    table.delete_by_vector(3, storage="i")
    snapshot = snapshot_of(lake.judged())
    assert (snapshot.version, snapshot.vectors, snapshot.records) == (1, 0, len(table.rows()))


# What is not all stored


def test_a_version_that_came_after_the_inventory_is_passed_over(lake: Lake) -> None:
    table = orders(lake)
    held = [(BUCKET, key, size) for key, size in lake.sizes().items()]
    table.append(900, 901)
    table.append(902)
    verdict = the(lake.judged(stored=held))
    assert (verdict.newest, restorable(verdict), verdict.current) == (7, 5, False)
    assert set(verdict.missing) == lake.data_of(table) - lake.data_of(table, 5)


def test_a_file_that_was_never_copied_holds_up_only_the_versions_that_have_it(lake: Lake) -> None:
    table = lake.table("sales/orders")
    table.append(1)
    table.append(2)
    (lost,) = lake.data_of(table) - lake.data_of(table, 0)
    table.append(3)
    table.checkpoint()
    table.append(4)
    held = [(BUCKET, key, size) for key, size in lake.sizes().items() if key != lost]
    assert restorable(the(lake.judged(stored=held))) == 0
    table.overwrite(5)
    assert restorable(the(lake.judged(stored=lake_less(lake, lost)))) == 4
    table.checkpoint()
    table.append(6)
    assert restorable(the(lake.judged(stored=lake_less(lake, lost)))) == 5


def lake_less(lake: Lake, *lost: str) -> list[tuple[str, str, int]]:
    return [(BUCKET, key, size) for key, size in lake.sizes().items() if key not in lost]


def test_a_file_of_another_size_is_not_stored_and_of_several_rows_one_is_enough(lake: Lake) -> None:
    table = orders(lake)
    odd = min(lake.data_of(table) - lake.data_of(table, 4))
    others = lake_less(lake, odd)
    size = lake.sizes()[odd]
    assert restorable(the(lake.judged(stored=[*others, (BUCKET, odd, size + 1)]))) == 4
    assert restorable(the(lake.judged(stored=[*others, ("lake2", odd, size)]))) == 4
    assert restorable(the(lake.judged(stored=[*others, (BUCKET, odd, 1), (BUCKET, odd, size)]))) == 5


def test_where_nothing_is_stored_nothing_can_be_restored_and_some_of_what_is_missing_is_named(lake: Lake) -> None:
    table = lake.table("sales/orders")
    for id_ in range(12):
        table.append(id_)
    verdict = the(lake.judged(stored=[]))
    assert (verdict.newest, verdict.snapshot, verdict.missing_count) == (11, None, 12)
    assert verdict.missing == tuple(sorted(lake.data_of(table))[:10])
    assert lake.closure() == set()


def test_what_vacuum_deleted_is_restorable_no_more_and_the_newest_version_still_is(lake: Lake) -> None:
    table = orders(lake)
    table.compact()
    table.vacuum()
    assert the(lake.judged()).current
    assert lake.closure("data") == lake.data_of(table)
    verdict = the(lake.judged([plan.upto(lake.log(), 2)]))
    assert verdict.snapshot is None
    assert verdict.missing_count == len(lake.data_of(table, 2))


def test_a_table_that_was_dropped_and_made_anew_is_the_new_one(lake: Lake) -> None:
    before = orders(lake)
    held = lake_less(lake)
    before.drop()
    table = lake.table("sales/orders")
    table.append(1, 2)
    verdict = the(lake.judged(stored=held + lake_less(lake)))
    assert (verdict.newest, restorable(verdict)) == (0, 0)
    assert lake.closure("data") == lake.data_of(table)
    assert the(lake.judged(stored=held)).missing_count == 1


def test_a_gap_in_the_log_ends_what_can_be_restored(lake: Lake) -> None:
    orders(lake)
    (gone,) = (file.key for file in lake.log().files if file.name in commits(4))
    verdict = the(lake.judged([lake.log(without=[gone])]))
    assert (verdict.newest, restorable(verdict), verdict.missing, verdict.missing_count) == (5, 3, (gone,), 1)


def test_tables_are_judged_together_each_for_itself(lake: Lake) -> None:
    whole, late = orders(lake), orders(lake, "sales/nested/orders")
    lost = min(lake.data_of(late) - lake.data_of(late, 4))
    verdicts = lake.judged(stored=lake_less(lake, lost))
    assert [(one.log.table, restorable(one)) for one in verdicts] == [("sales/nested/orders", 4), ("sales/orders", 5)]
    assert lake.closure("data") == lake.data_of(whole) | lake.data_of(late, 4)
    assert lake.judged([]) == []


def test_closures_of_tables_that_were_decided_in_different_rounds_are_in_one_file(lake: Lake) -> None:
    early, late = lake.table("early"), lake.table("late")
    for table in (early, late):
        table.append(1)
        table.append(2)
        table.checkpoint()
        table.append(3)
    (lost,) = lake.data_of(early, 1) - lake.data_of(early, 0)
    assert [restorable(verdict) for verdict in lake.judged(stored=lake_less(lake, lost))] == [0, 3 - 1]
    assert lake.closure("data") == lake.data_of(early, 0) | lake.data_of(late)


def test_a_line_that_speaks_for_another_table_is_no_line(lake: Lake) -> None:
    table, other = lake.table("orders"), lake.table("other")
    table.append(1)
    other.append(1)
    other.append(2)
    (add,) = (action["add"] for action in actions_of(other.folder, 1) if "add" in action)
    remove = json.dumps({"remove": {"path": add["path"]}})
    for line in ('{},"file":2', f'{{}}}}\n{{"file":2,"line":{remove}', f'{{}}}},{{"file":2,"line":{remove}'):
        (table.folder / "_delta_log" / commit_name(1)).write_text(line)
        first, second = lake.judged()
        assert (restorable(first), len(first.unusable), restorable(second)) == (0, 1, 1)
        assert lake.data_of(other) <= lake.closure("data")


def test_numbers_beyond_all_reason_harm_no_other_table(lake: Lake) -> None:
    odd, other = lake.table("odd"), lake.table("other")
    odd.append(1)
    other.append(1)
    (add,) = live(odd.folder)
    files = [{**add, "path": name, "size": 2**62, "stats": f'{{"numRecords":{2**62}}}'} for name in "abcd"]
    vector = {"storageType": "u", "pathOrInlineDv": "0" * 20, "offset": 2**63 - 1, "sizeInBytes": 2**63 - 1}
    files[0]["deletionVector"] = {**vector, "cardinality": -(2**63)}
    commit(odd.folder, 1, *({"add": file} for file in files))
    assert [restorable(verdict) for verdict in lake.judged()] == [0, 0]
    first, second = judge(lake.connection, lake.logs(), lake.fetch, lake.folder)
    assert first.snapshot
    assert (restorable(first), first.snapshot.size, first.snapshot.records) == (1, 2**63 - 1, None)
    assert restorable(second) == 0


def test_too_little_memory_is_no_fault_of_the_log(lake: Lake) -> None:
    orders(lake)
    lake.connection.execute("SET memory_limit = '1MB'")
    with pytest.raises(duckdb.OutOfMemoryException):
        lake.judged()


def test_local_folders_may_have_any_name(tmp_path: Path) -> None:
    plain = Lake(tmp_path / "plain")
    data = plain.data_of(orders(plain))
    plain.folder.rename(tmp_path / "we[i]rd *?' folder")  # deltalake has its own limits
    lake = Lake(tmp_path / "we[i]rd *?' folder")
    assert the(lake.judged()).current
    assert lake.closure("data") == data


def test_nothing_of_the_judging_stays_in_the_database(lake: Lake) -> None:
    orders(lake)
    lake.judged()
    tables = lake.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert tables == [("held",)]
    assert sorted(path.name for path in lake.folder.iterdir()) == ["bucket", "needed.parquet"]


# Times


def test_a_version_is_of_the_time_that_its_commit_tells(lake: Lake) -> None:
    table = orders(lake)
    told = {one["version"]: one["timestamp"] for one in table.opened().history()}
    for version in (2, 3, 5):
        at = snapshot_of(lake.judged([plan.upto(lake.log(), version)])).at
        assert at == datetime.fromtimestamp(told[version] / 1000, UTC)


def test_where_the_commit_tells_no_time_its_file_does(lake: Lake) -> None:
    told: list[tuple[dict[str, Any], int | None]] = [
        ({"timestamp": 5_000, "inCommitTimestamp": 9_000}, 9),
        ({"timestamp": 5_000}, 5),
        ({"timestamp": "5000"}, 5),
        ({"inCommitTimestamp": "?", "timestamp": 5_000}, 5),
        ({"timestamp": "yesterday"}, None),
        ({"timestamp": -1}, None),
        ({"timestamp": 2**62}, None),
        ({}, None),
    ]
    lake.table("0").append(1)
    about = [action for action in actions_of(lake.path("0"), 0) if "add" not in action]
    for number, (info, _) in enumerate(told):
        commit(lake.path(str(number)), 0, *about)
        commit(lake.path(str(number)), 1, {"commitInfo": info})
    written = [lake.file(f"{number}/_delta_log/{commit_name(1)}").modified for number in range(len(told))]
    assert [verdict.snapshot and verdict.snapshot.at for verdict in lake.judged()] == [
        modified if at is None else datetime.fromtimestamp(at, UTC)
        for (_, at), modified in zip(told, written, strict=True)
    ]


def test_a_version_is_no_older_than_the_one_before_it_whatever_its_commit_tells(lake: Lake) -> None:
    table = lake.table("orders")
    table.append(1)
    commit(table.folder, 1, {"commitInfo": {"timestamp": 5_000}})
    log = lake.log()
    first = snapshot_of(lake.judged([plan.upto(log, 0)])).at
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, first) == 1
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, first - timedelta(seconds=1)) is None
    assert newest_at(lake.connection, replace(log, files=[]), lake.fetch, lake.folder, first) is None


def test_a_commit_that_cannot_be_read_is_as_old_as_its_file(lake: Lake) -> None:
    table = orders(lake)
    log = lake.log()
    damaged = next(file for file in log.files if file.name in commits(2))
    lake.path(damaged.key).write_text("?????")
    times = {one["version"]: one["timestamp"] for one in table.opened().history(3)}
    newest = datetime.fromtimestamp(times[5] / 1000, UTC)
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, newest + timedelta(seconds=1)) == 5
    late = replace(damaged, modified=newest + timedelta(hours=1))
    log = replace(log, files=[late if file is damaged else file for file in log.files])
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, newest + timedelta(seconds=1)) == 1


def test_the_version_of_a_moment_is_the_newest_that_was_committed_by_then(lake: Lake) -> None:
    orders(lake)
    log = lake.log()
    times = [snapshot_of(lake.judged([plan.upto(log, version)])).at for version in range(6)]
    step = timedelta(milliseconds=1)
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, times[0] - step) is None
    assert newest_at(lake.connection, log, lake.fetch, lake.folder, times[5] + step) == 5
    for version, at in enumerate(times):
        same = max(later for later, time in enumerate(times) if time == at)
        assert newest_at(lake.connection, log, lake.fetch, lake.folder, at) == same >= version
