"""`holdfast warehouse restore` over HTTP, as deltalake needs it: what it says, and what a reader finds afterwards."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from deltalake import DeltaTable

from holdfast import wiring
from holdfast.adapters.s3_warehouse import S3WarehouseBucket, delta_options
from holdfast.warehouse.restore.opened import DeltaReader
from local.engine import REGION, Engine
from tests.conftest import forget_wiring
from tests.delta_tables import HOSTILE, VECTORS, Table, actions_of, commit, live, rows_of
from tests.integration.command import lakes
from tests.integration.command.lakes import BUCKETS, a_desk
from tests.integration.command.shell import NOT_APPLIED, Answer


@dataclass(frozen=True)
class Desk(lakes.Desk):
    def restore(self, *words: str, to: str = "s3://new/again") -> Answer:
        return self.run("warehouse", "restore", *words, "--to", to)

    def rows(self, uri: str = "s3://new/again") -> list[tuple[int, str]]:
        told = DeltaReader("s3://new", {}).told(uri.removeprefix("s3://new/"))
        return rows_of(DeltaTable(f"s3://new/{told}", storage_options=delta_options(self.client, REGION)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """What answers deltalake, which knows no AWS in memory."""
    engine = Engine.start(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture
def desk(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in engine.variables().items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()
    forget_wiring()
    client = wiring.client("s3")
    for bucket in BUCKETS:
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    found = a_desk(tmp_path, monkeypatch, capsys)
    yield Desk(found.monkeypatch, found.capsys, found.lake, found.time)
    for bucket in BUCKETS:
        for found_there in S3WarehouseBucket(client, bucket).listing(""):
            client.delete_object(Bucket=bucket, Key=found_there.key)
        client.delete_bucket(Bucket=bucket)
    forget_wiring()


def two_commits(desk: Desk) -> Table:
    table = desk.lake.table()
    table.append(0, 1)
    table.append(2, 3)
    return table


ODD = "s3://new/a b/50%/1+1/ü='x'"


@pytest.mark.parametrize(("to", "vectors"), [(ODD, False), ("s3://new/1+1/x='y'", True)])
def test_what_was_lost_is_read_as_it_was(desk: Desk, to: str, *, vectors: bool) -> None:
    table = desk.lake.table(partitioned=True, configuration=VECTORS if vectors else {})
    table.append(*range(16), parts=HOSTILE)
    if vectors:
        table.delete_by_vector(1, 2, 12)
    else:
        table.delete("id in (1, 2, 12)")
    table.checkpoint()
    table.append(20, 21)
    rows = table.rows()
    run = desk.lake.back_up()
    table.drop()
    desk.lake.sync()
    assert desk.keys("lake") == []
    plan = desk.restore("shop/orders", to=to)
    assert (plan.status, plan.err) == (0, "")
    assert plan.lines[0] == f"{'shop/orders'!r} to {to}:"
    assert plan.lines[1].startswith("restore  'shop/orders' version 2 of 20")
    assert plan.lines[1].endswith(f" bytes, 15 rows; as run {run} found it")
    assert ("         it needs readers of Delta's protocol 3 with deletionVectors" in plan.out) is vectors
    assert plan.out.endswith(NOT_APPLIED)
    assert desk.keys("new") == []
    done = desk.restore("shop/orders", "--apply", to=to)
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(
        r"verified 'shop/orders' opens as version 2: 10 files, digest [0-9A-F]{32} as in the backup; 15 rows counted,"
        r" as the log tells",
        done.lines[-1],
    )
    again = desk.restore("shop/orders", "--apply", to=to)
    assert again.status == 0
    assert "copy     0 objects, 0 bytes, about $0.00" in again.lines
    assert again.lines[-1] == done.lines[-1]
    assert desk.rows(to) == rows


def test_whole_paths_point_to_the_new_place(desk: Desk) -> None:
    """Of a shallow clone, whose files, and one file of deletion vectors, are another table's."""
    table = desk.lake.table(configuration=VECTORS)
    table.append(*range(8))
    table.delete_by_vector(1, 2, storage="p")
    here, there = desk.lake.folder.as_uri(), "s3://lake"
    adds = [
        {
            "add": {
                **add,
                "path": f"{there}/shop/orders/{add['path']}",
                "deletionVector": add["deletionVector"]
                | {"pathOrInlineDv": add["deletionVector"]["pathOrInlineDv"].replace(here, there)},
            }
        }
        for add in live(table.folder)
    ]
    rows = table.rows()
    about = [action for action in actions_of(table.folder, 0) if "add" not in action]
    commit(desk.lake.folder / "shop/clone", 0, *about, *adds)
    commit(table.folder, 1, *[line if "add" not in line else adds[0] for line in actions_of(table.folder, 1)])
    desk.lake.back_up()
    for path in [*table.paths(), desk.lake.folder / "shop/clone/_delta_log/00000000000000000000.json"]:
        path.unlink()
    desk.lake.sync()
    done = desk.restore("shop", "--apply")
    assert (done.status, done.err) == (0, "")
    assert "         2 objects of logs are written anew: their absolute paths point to the new place" in done.lines
    assert [line.partition(": ")[0] for line in done.lines[-2:]] == [
        "verified 'shop/clone' opens as version 0",
        "verified 'shop/orders' opens as version 1",
    ]
    assert desk.rows("s3://new/again/clone") == desk.rows("s3://new/again/orders") == rows


def test_what_is_frozen_is_asked_for_and_the_same_command_goes_on(desk: Desk) -> None:
    desk.monkeypatch.setattr("holdfast.warehouse.restore.plan.FIRST_PAUSE", timedelta(milliseconds=20))
    desk.lake.storage_class = "GLACIER"
    table = two_commits(desk)
    rows = table.rows()
    desk.lake.back_up()
    plan = desk.restore("shop/orders", "--tier", "Standard", "--days", "1")
    assert plan.lines[3].startswith("thaw     2 objects, ")
    assert "of GLACIER: 3 to 5 hours in tier Standard, about $0.00, readable for 1 day then" in plan.lines[3]
    wrong = desk.restore("shop/orders", "--tier", "Fast")
    assert wrong.status == 2
    done = desk.restore("shop/orders", "--apply", "--no-wait")
    if done.status == 75:  # as S3 does; the engine thaws at once
        assert desk.keys("new") == []
        assert done.lines[-1].startswith("2 objects, ")
        done = desk.restore("shop/orders", "--apply")
    assert (done.status, done.err) == (0, "")
    assert desk.rows() == rows


REFUSALS = [
    (["shop/orders"], "new/again", "--to 'new/again' names no place: s3://BUCKET/PREFIX does"),
    (["shop/orders"], "s3://nobodys/x", "--to 's3://nobodys/x' is in no bucket that there is"),
    (["shop/orders"], "s3://backup/warehouse", "--to 's3://backup/warehouse' is where the backup itself lies"),
    (["shop/order"], "s3://new/again", "no run has backed up 'shop/order': holdfast warehouse status lists the"),
    (["shop/orders"], "s3://lake/shop", "s3://lake/shop holds 4 objects that are not of this restore: "),
    (["shop/orders", "--at", "2001-01-01"], "s3://new/again", "'shop/orders': it did not exist then, or the backups"),
    (["shop/orders", "--version", "7"], "s3://new/again", "'shop/orders': the log that run "),
]


def test_what_cannot_be_is_told_in_a_line_and_nothing_is_done(desk: Desk) -> None:
    two_commits(desk)
    desk.lake.back_up()
    before = {bucket: desk.keys(bucket) for bucket in BUCKETS}
    for words, to, told in REFUSALS:
        answer = desk.restore(*words, "--apply", to=to)
        assert (answer.status, answer.out) == (1, "")
        assert answer.err.startswith(f"holdfast: {told}"), answer.err
    assert {bucket: desk.keys(bucket) for bucket in BUCKETS} == before


def test_a_version_is_asked_for_in_one_way(desk: Desk) -> None:
    answer = desk.restore("shop/orders", "--version", "1", "--at", "-1d")
    assert answer.status == 2
    assert "--version and --at each name a version" in answer.err


def test_what_could_not_be_restored_shows_in_the_status(desk: Desk) -> None:
    rows = two_commits(desk).rows(0)
    broken = desk.lake.table("shop/broken")
    broken.append(1)
    desk.lake.lose(f"shop/broken/{live(broken.folder)[0]['path']}")
    desk.lake.back_up()
    answer = desk.restore("shop", "--apply")
    assert answer.status == 1
    assert any(line.startswith("refuse   'shop/broken': version 0, as run ") for line in answer.lines)
    assert answer.lines[-1].startswith("verified 'shop/orders' opens as version 1")
    assert desk.restore("shop/orders", "--version", "0", "--apply", to="s3://new/0").status == 0
    assert desk.rows("s3://new/0") == rows


def test_a_table_that_differs_ends_with_an_error(desk: Desk) -> None:
    table = desk.lake.table()
    table.append(0, 1)
    lines = actions_of(table.folder, 0)
    for line in lines:
        if "add" in line:
            line["add"]["stats"] = line["add"]["stats"].replace('"numRecords":2', '"numRecords":3')
    commit(table.folder, 0, *lines)
    desk.lake.back_up()
    answer = desk.restore("shop/orders", "--apply")
    assert answer.status == 1
    assert answer.lines[-1] == "DIFFERS  'shop/orders': it has 2 rows, and not 3"
    assert answer.err == "holdfast: 1 of 1 tables differ from what was backed up"
