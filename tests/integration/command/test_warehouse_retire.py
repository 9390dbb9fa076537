"""`holdfast warehouse status` and `unretire` in memory: what they say, and what is stored afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest
from moto.s3.responses import S3Response

from holdfast import wiring
from holdfast.warehouse.model import Retirement, Source, State
from holdfast.warehouse.retire import record
from tests import aws
from tests.integration.command.lakes import BUCKETS, Desk, a_desk
from tests.integration.command.shell import NOT_APPLIED


@pytest.fixture
def desk(account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    for bucket in BUCKETS:
        wiring.client("s3").create_bucket(Bucket=bucket)
    desk = a_desk(tmp_path, monkeypatch, capsys)
    monkeypatch.setattr(wiring, "now", lambda: desk.time.now)
    monkeypatch.setattr(S3Response, "_tagging_from_xml", _also_if_there_is_none)
    return desk


_TAGGING = S3Response._tagging_from_xml


def _also_if_there_is_none(response: S3Response) -> dict[str, str]:
    """moto takes no empty set of tags, as S3 does."""
    return _TAGGING(response) if b"<Tag>" in response.body else {}


def tags(desk: Desk) -> dict[str, str]:
    """The states of copies that have one, by the names of the files."""
    found = {}
    for key in desk.copies():
        told = desk.lake.warehouse.backup.tags(key)
        if told:
            found[key.rpartition("/")[2]] = told["holdfast-state"]
    return found


def retire_two(desk: Desk, state: State = State.MARKED, tag: str = "retired") -> list[str]:
    """Two files whose copies a run has retired; their keys."""
    table = desk.lake.table()
    table.append(0, 1)
    table.append(2, 3)
    run = desk.lake.back_up()
    warehouse, keys = desk.lake.warehouse, sorted(f"shop/orders/{path.name}" for path in table.folder.glob("*.parquet"))
    for key in keys:
        copy = f"{warehouse.names.copies(run, 'lake')}{key}"
        stored = warehouse.backup.head(copy)
        assert stored
        warehouse.backup.tag(copy, {"holdfast-state": tag})
        record(warehouse, desk.lake.sources[0], [Retirement(run, key, stored.etag, state, desk.time.now)], key)
    return keys


def test_what_is_marked_can_be_taken_back(desk: Desk) -> None:
    gone = retire_two(desk)
    (run,) = desk.lake.runs
    marked = dict.fromkeys((key.rpartition("/")[2] for key in gone), "retired")
    assert tags(desk) == marked
    plan = desk.run("warehouse", "unretire", "shop/orders")
    assert (plan.status, plan.err) == (0, "")
    lines = [f"take back  {key!r}  of run {run}, marked {desk.time.now:%Y-%m-%d}" for key in gone]
    assert plan.out == "\n".join([*lines, "2 marked, 0 with the lifecycle rule already", NOT_APPLIED])
    assert tags(desk) == marked
    done = desk.run("warehouse", "unretire", "lake/shop", "--apply")
    assert done.out == "\n".join([*lines, "2 marked, 0 with the lifecycle rule already", "Taken back.", ""])
    assert tags(desk) == {}
    again = desk.run("warehouse", "unretire", "shop", "--apply")
    assert again.lines == ["0 marked, 0 with the lifecycle rule already", "Taken back."]


def test_what_the_lifecycle_rule_has_is_only_counted(desk: Desk) -> None:
    retire_two(desk, State.EXPIRING, "expire")
    before = tags(desk)
    assert desk.run("warehouse", "unretire", "shop", "--apply").lines == [
        "0 marked, 2 with the lifecycle rule already",
        "Taken back.",
    ]
    assert tags(desk) == before


def test_of_many_the_first_are_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    retire_two(desk)
    monkeypatch.setattr("holdfast.cli.warehouse.retire.SHOWN", 1)
    assert desk.run("warehouse", "unretire", "shop").lines[1:3] == [
        "and 1 more (--verbose lists them)",
        "2 marked, 0 with the lifecycle rule already",
    ]
    assert len(desk.run("warehouse", "unretire", "shop", "--verbose").lines) == 5


def test_a_name_that_nobody_knows_is_told(desk: Desk) -> None:
    answer = desk.run("warehouse", "unretire", "shop")
    assert answer.status == 1
    assert answer.err == (
        "holdfast: no run has backed up 'shop': holdfast warehouse status lists the databases that are"
    )


# status


def test_before_the_first_run_there_is_nothing_to_show(desk: Desk) -> None:
    answer = desk.run("warehouse", "status")
    assert answer.lines == ["Nothing has been backed up yet: holdfast warehouse backup does it now."]


def test_each_database_is_shown_with_what_can_be_restored_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.cli.stack.console.width", 200)
    desk.lake.storage_class = "GLACIER"
    desk.lake.sources = [Source("lake", "", many=True)]
    desk.lake.table().append(0, 1)
    broken = desk.lake.table("hr/people")
    broken.append(1)
    next(broken.folder.glob("*.parquet")).unlink()
    run = desk.lake.back_up()
    desk.time.forward(timedelta(days=3))
    answer = desk.run("warehouse", "status")
    assert (answer.status, answer.err) == (0, "")
    head, hr, shop, *rest = [line.split("  ") for line in answer.lines]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in (head, hr, shop)]
    when = f"{run[:4]}-{run[4:6]}-{run[6:8]} {run[9:11]}:{run[11:13]}"
    assert cells[0][:4] == ["database", "last run", "restorable", "oldest version"]
    assert cells[1][:4] == ["hr", when, "0 of 1", "-"]
    assert cells[2][:3] == ["shop", when, "1 of 1"]
    assert (cells[1][-1], cells[2][-1]) == ("STANDARD 1 ($0.00)", "GLACIER 1 ($0.00), STANDARD 1 ($0.00)")
    assert rest[-1] == ["About $0.00 a month for storage, at the list prices of us-east-1."]
    assert aws.REGION == "us-east-1"
