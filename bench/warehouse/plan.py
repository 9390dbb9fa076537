"""How long a plan takes and how much memory, beside the usual way, and beside unpacking the inventory and no more."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import process
from bench.process import Spent
from bench.report import Cell, Report
from bench.warehouse.inventories import FOLDER, NAMES, SOURCE
from bench.warehouse.planned import RUN
from local.cloud import ROOT

FLOOR = "gzip -dc | wc -l, on every core"
OURS = "ours"
USUAL = "usual: csv, sets, 20 threads"


class PlannedWrong(RuntimeError):
    """The ways do not come to the same."""


def report(objects: int, rounds: int, megabytes: int, *, usual: bool = True) -> Report:
    """Plan by each way in turn, several times; `megabytes`: which the database may use. Raises Failed, PlannedWrong."""
    with TemporaryDirectory(prefix="holdfast-") as made:
        folder, scratch = Path(made) / "bucket", Path(made) / "scratch"
        _python("inventories", str(objects), str(folder))
        spent = [_round(folder, scratch, megabytes, usual=usual) for _ in range(rounds)]
        packed = sum(path.stat().st_size for path in (folder / FOLDER / "data").iterdir())
    return Report(
        f"Planning over {objects:,} keys, of which the ledger knows 95 %",
        ["", "seconds", "processor s", "peak MB", "wall / floor", "processor / floor"],
        [_row(way, [(each[way], each[FLOOR]) for each in spent]) for way in spent[0]],
        [
            f"Medians of {rounds} rounds, each with every way once: whole processes.",
            f"The inventory is CSV, {packed:,} bytes packed. Our database may use {megabytes} MB, the process more.",
        ],
    )


def _row(way: str, spent: Sequence[tuple[Spent, Spent]]) -> list[Cell]:
    """`spent` by it, and by the floor in the same round."""
    return [
        way,
        median(its.wall for its, _ in spent),
        median(its.processor for its, _ in spent),
        max(its.memory for its, _ in spent) / 1e6,
        median(its.wall / floor.wall for its, floor in spent),
        median(its.processor / floor.processor for its, floor in spent),
    ]


def _round(folder: Path, scratch: Path, megabytes: int, *, usual: bool) -> Mapping[str, Spent]:
    shutil.rmtree(folder / NAMES.runs, ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    pipe = f"ls {folder / FOLDER}/data/* | xargs -P{os.cpu_count()} -I% sh -c 'gzip -dc % | wc -l'"
    spent = {
        FLOOR: process.run(["sh", "-c", pipe], dict(os.environ)),
        OURS: _python("planned", str(folder), str(scratch), str(megabytes)),
    }
    if usual:
        spent[USUAL] = _python("usual", str(folder), str(scratch))
        _compare(folder, scratch)
    return spent


def _python(module: str, *arguments: str) -> Spent:
    command = [sys.executable, "-m", f"bench.warehouse.{module}", *arguments]
    return process.run(command, os.environ | {"PYTHONPATH": str(ROOT)}, ROOT)


def _compare(folder: Path, scratch: Path) -> None:
    """Raise PlannedWrong unless both ways have the same manifest and the same number of copies that are gone."""
    import duckdb  # noqa: PLC0415 this process stays small: what it starts counts its memory as theirs

    ours = folder / NAMES.of_source(RUN, SOURCE)
    with duckdb.connect(config={"memory_limit": "500MB"}) as connection:
        differ = connection.execute(
            f"""
            WITH ours AS (FROM read_csv('{ours}/*/manifest.csv', header = false, names = ['bucket', 'key'])),
                usual AS (FROM read_csv('{scratch}/manifest.csv', header = false, names = ['bucket', 'key']))
            SELECT (SELECT count(*) FROM ours) - (SELECT count(*) FROM usual),
                (SELECT count(*) FROM ours JOIN usual USING (key)) - (SELECT count(*) FROM usual),
                (SELECT count(*) FROM '{ours}/gone.parquet')
                    - (SELECT count(*) FROM read_csv('{scratch}/gone.csv', header = false))
            """
        ).fetchone()
    if differ != (0, 0, 0):
        raise PlannedWrong(f"ours and the usual way differ by {differ}: in objects to copy, in which, in what is gone")
