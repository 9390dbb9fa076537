"""Tables that name files by their whole paths are restored elsewhere, and read there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from holdfast.warehouse.delta.model import LogFile, Verdict
from holdfast.warehouse.delta.relocate import PointsOutside, Root, relocate, relocated, write_targets
from tests.delta_tables import HOSTILE, VECTORS, Table, actions_of, commit, live, rows_of
from tests.unit.warehouse.delta.domain import T0
from tests.unit.warehouse.delta.lake import BUCKET, Lake

ROOTS = (
    Root("lake", "sales/", "new", "2026/sales copy/"),
    Root("lake", "sales/deep/", "other", ""),
    Root("lake", "", "rest", "all/"),
    Root("pond", "x/", "new", "pond/"),
)


@pytest.mark.parametrize(
    ("path", "becomes"),
    [
        ("s3://lake/sales/t/x.parquet", "s3://new/2026/sales%20copy/t/x.parquet"),
        ("s3a://lake/sales/t/x.parquet", "s3://new/2026/sales%20copy/t/x.parquet"),
        ("S3N://lake/sales/t/x.parquet", "s3://new/2026/sales%20copy/t/x.parquet"),
        ("s3://lake/sales/t/p=a%2520b/1+1.parquet", "s3://new/2026/sales%20copy/t/p=a%2520b/1%2B1.parquet"),
        ("s3://lake/sales/deep/x.parquet", "s3://other/x.parquet"),
        ("s3://lake/purchases/x.parquet", "s3://rest/all/purchases/x.parquet"),
        ("/sales/t/x.parquet", "s3://new/2026/sales%20copy/t/x.parquet"),
        ("s3://pond/x/1", "s3://new/pond/1"),
        ("s3://pond/y/1", "s3://pond/y/1"),
        ("s3://sea/sales/1", "s3://sea/sales/1"),
        ("file:///lake/sales/1", "file:///lake/sales/1"),
        ("dbfs:/lake/sales/1", "dbfs:/lake/sales/1"),
        ("x.parquet", "x.parquet"),
        ("p=s3:%2F%2Flake/x.parquet", "p=s3:%2F%2Flake/x.parquet"),
    ],
)
def test_paths_below_a_root_go_where_it_goes_and_others_stay(path: str, becomes: str) -> None:
    assert relocated(path, "lake", ROOTS) == becomes


# Whole tables


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def absolute(table: Table, path: str) -> str:
    return f"s3://{BUCKET}/sales/{table.folder.name}/{path}"


def orders(lake: Lake) -> Table:
    table = lake.table("sales/orders", partitioned=True, configuration=VECTORS)
    table.append(*range(8), parts=HOSTILE[:4])
    table.append(*range(8, 16), parts=HOSTILE[:4])
    return table


def clone(lake: Lake, source: Table) -> Table:
    """A shallow clone: its one commit names the other table's files. deltalake cannot open it where it is."""
    table = lake.table("sales/clone")
    about = [action for action in actions_of(source.folder, 0) if "add" not in action]
    commit(
        table.folder, 0, *about, *({"add": moved(add, lambda at: absolute(source, at))} for add in live(source.folder))
    )
    return table


def moved(action: dict[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    vector = action.get("deletionVector")
    if vector and vector["storageType"] == "p":
        path = f"s3://{BUCKET}/{vector['pathOrInlineDv'].partition('/bucket/')[2]}"
        vector = {**vector, "pathOrInlineDv": path}
    return {**action, "path": move(action["path"]), "deletionVector": vector}


def restored(lake: Lake, verdict: Verdict, prefix: str = "sales/") -> DeltaTable:
    """A table as it is after its closure, and nothing else, was put elsewhere, and the original is gone."""
    elsewhere, scratch = lake.folder / "else where", lake.folder / "scratch"
    elsewhere.mkdir()
    scratch.mkdir()
    roots = [Root(BUCKET, prefix, "", f"{str(elsewhere)[1:]}/{prefix}", scheme="file")]
    write_targets(lake.connection, lake.needed, roots, lake.folder / "targets.parquet")
    assert verdict.snapshot
    logs = [(file, lake.path(file.key)) for file in verdict.snapshot.log]
    rewritten = relocate(logs, BUCKET, roots, scratch)
    rows = lake.connection.execute("SELECT key, to_key FROM read_parquet($1)", [str(lake.folder / "targets.parquet")])
    for key, target in rows.fetchall():
        Path("/", target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rewritten.get(key, lake.path(key)), Path("/", target))
    shutil.rmtree(lake.folder / "bucket")
    return DeltaTable(elsewhere / verdict.log.table)


def judged(lake: Lake, table: str) -> Verdict:
    (verdict,) = lake.judged([log for log in lake.logs() if log.table == table])
    return verdict


@pytest.mark.parametrize(
    ("kind", "vectors"),
    [("commits", True), ("classic", False), ("classic", True), ("v2-json", True), ("v2-parquet", False)],
)
def test_a_shallow_clone_is_restored_with_what_it_points_to(lake: Lake, kind: str, vectors: bool) -> None:
    source = orders(lake)
    if vectors:
        source.delete_by_vector(1, 2, 9, storage="p")
    rows = source.rows()
    table = clone(lake, source)
    if kind != "commits":
        give_checkpoint(lake, table, source, kind)
    verdict = judged(lake, "sales/clone")
    assert verdict.current
    assert lake.closure("data") == lake.data_of(source)
    assert rows_of(restored(lake, verdict)) == rows


def give_checkpoint(lake: Lake, table: Table, source: Table, kind: str) -> None:
    """Have deltalake write the clone's checkpoint from local paths, and make them S3's again."""
    log = table.folder / "_delta_log"
    (only,) = log.iterdir()
    local = f"{(lake.folder / 'bucket').as_uri()}/"
    only.write_text(only.read_text().replace(f"s3://{BUCKET}/", local))
    if kind == "classic":
        table.checkpoint()
        (log / "_last_checkpoint").unlink()
    else:
        table.checkpoint_with_sidecars("json" if kind == "v2-json" else "parquet")
    only.unlink()
    for path in log.rglob("*.parquet"):
        held = pq.read_table(path)
        lines = [
            json.loads(json.dumps(line).replace(local, f"s3://{BUCKET}/"))
            for line in held.to_pylist(maps_as_pydicts="strict")
        ]
        pq.write_table(pa.Table.from_pylist(lines, held.schema), path, compression="zstd")
    for path in log.rglob("*.checkpoint.*.json"):
        sizes = {side.name: side.stat().st_size for side in log.rglob("_sidecars/*")}
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            if "sidecar" in line:
                line["sidecar"]["sizeInBytes"] = sizes[line["sidecar"]["path"]]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_log_of_relative_paths_stays_as_it_is(lake: Lake, tmp_path: Path) -> None:
    table = orders(lake)
    table.delete("id = 1")
    table.checkpoint_with_sidecars()
    table.overwrite(5)
    files = [(lake.file(key), lake.path(key)) for key in lake.sizes() if "_delta_log" in key]
    (tmp_path / "out").mkdir()
    assert relocate(files, BUCKET, ROOTS, tmp_path / "out") == {}
    assert list((tmp_path / "out").iterdir()) == []


def test_of_a_log_only_the_lines_that_must_change_do(tmp_path: Path) -> None:
    lines = [
        '{"commitInfo":{"timestamp":1,"path":"s3://lake/sales/x"}}',
        '{"add": {"path": "x.parquet",  "stats": "{\\"minValues\\":{\\"u\\":\\"s3://lake/sales/x\\"}}"}}',
        '{"remove":{"path":"s3://sea/x.parquet","dataChange":true}}',
        '{"cdc":{"path":"s3:\\/\\/lake\\/sales\\/ü.parquet","size":7}}',
        '{"add":{"path":"y.parquet","deletionVector":{"storageType":"u","pathOrInlineDv":"x:/9876543210"}}}',
    ]
    path = tmp_path / "0.json"
    path.write_text("\n".join(lines))
    file = LogFile("sales/t/_delta_log/0.json", 1, T0)
    (new,) = relocate([(file, path)], "lake", ROOTS, tmp_path).values()
    lines[3] = '{"cdc":{"path":"s3://new/2026/sales%20copy/%C3%BC.parquet","size":7}}'
    assert new.read_text() == "\n".join(lines)


def test_what_a_version_needs_and_the_restore_does_not_have_is_refused(lake: Lake) -> None:
    source = orders(lake)
    clone(lake, source)
    judged(lake, "sales/clone")
    with pytest.raises(PointsOutside) as refused:
        write_targets(lake.connection, lake.needed, [Root(BUCKET, "sales/clone/", "new", "")], lake.folder / "targets")
    assert refused.value.args[0].startswith(
        f"the restore needs 8 objects that are not part of it: s3://lake/{min(lake.data_of(source))}, s3://"
    )
    assert ".parquet and 3 more: tables point to them" in refused.value.args[0]
    assert not (lake.folder / "targets").exists()


def test_what_it_does_not_need_may_point_anywhere(lake: Lake) -> None:
    table = clone(lake, orders(lake))
    added = [action["add"]["path"] for action in actions_of(table.folder, 0) if "add" in action]
    commit(table.folder, 1, *({"remove": {"path": path, "dataChange": True}} for path in added))
    verdict = judged(lake, "sales/clone")
    assert lake.closure("data") == set()
    assert rows_of(restored(lake, verdict, "sales/clone/")) == []


def test_what_nobody_can_find_is_missing(lake: Lake) -> None:
    """Another bucket, no bucket, no text; vectors of a kind or a name that is none."""
    paths = ["s3://pond/x.parquet", "dbfs:/lake/x.parquet", "file:///x.parquet", "s3://lake/%FF.parquet"]
    vector = {"pathOrInlineDv": '"' * 20, "offset": 1, "sizeInBytes": 3, "cardinality": 1}
    source = orders(lake)
    (add, *_) = live(source.folder)
    odd = [{**add, "path": path} for path in paths]
    odd += [{**add, "deletionVector": {**vector, "storageType": kind}} for kind in ("x", "u", "p")]
    for number, action in enumerate(odd):
        commit(lake.path(f"sales/clone{number}"), 0, *actions_of(source.folder, 0)[1:3])
        commit(lake.path(f"sales/clone{number}"), 1, {"add": action})
    verdicts = [verdict for verdict in lake.judged(stored=everywhere(lake, len(odd))) if "clone" in verdict.log.table]
    assert [(one.snapshot and one.snapshot.version, one.missing_count) for one in verdicts] == [(0, 1)] * len(odd)
    assert [one.missing[0] for one in verdicts[: len(paths)]] == [path.removeprefix("s3://lake/") for path in paths]


def everywhere(lake: Lake, clones: int) -> list[tuple[str, str, int]]:
    """As if each clone had the files of its source."""
    held = lake.sizes().items()
    copies = [(key.replace("orders", f"clone{number}"), size) for key, size in held for number in range(clones)]
    return [(BUCKET, key, size) for key, size in [*held, *copies]]
