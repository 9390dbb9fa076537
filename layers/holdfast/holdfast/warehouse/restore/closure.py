"""What tables need of a version, and where the copies of it are: by the logs that runs have copied, and the ledger."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.warehouse import database
from holdfast.warehouse.delta import plan as delta
from holdfast.warehouse.delta.judge import judge, newest_at
from holdfast.warehouse.delta.model import Log, LogFile
from holdfast.warehouse.delta.relocate import PointsOutside, Root, relocate, write_targets
from holdfast.warehouse.model import Item
from holdfast.warehouse.queries import text
from holdfast.warehouse.restore import plan
from holdfast.warehouse.restore.model import Candidate, Chosen, LeftOut, Wanted
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.verify import LOGS_AT_ONCE, STORED, fetching, load_stored, logs_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = {
    "root": "VARCHAR",
    "phase": "INTEGER",
    "to_key": "VARCHAR",
    "size": "BIGINT",
    "told_size": "BIGINT",
    "copy_key": "VARCHAR",
    "copy_etag": "VARCHAR",
    "copy_size": "BIGINT",
    "stored_at": "TIMESTAMP",
    "storage_class": "VARCHAR",
    "local": "VARCHAR",
    "md5": "VARCHAR",
}
"""Of what is to be restored: where to, of which size, from which copy; or from which local file, where a log was
rewritten. `told_size`: as the table's log has it. Within a table no two rows have one `to_key`."""

DATA, VECTORS, LOGS, KEYSTONES = range(4)
"""The phases, in their order. A table that is not finished is none that can be opened: its keystone comes last."""

_OBJECTS = """
WITH live AS (FROM ledger ANTI JOIN expiring USING (run, key, etag)),
wanted AS (FROM read_parquet($targets))
SELECT table_root AS root,
    CASE WHEN wanted.kind = 'data' THEN 0 WHEN wanted.kind = 'vector' THEN 1
        WHEN NOT list_contains($keystones, wanted.key) THEN 2 ELSE 3 END AS phase,
    to_key, coalesce(rewritten.size, live.size) AS size, wanted.size AS told_size,
    $before || live.run || $behind || wanted.key AS copy_key, live.copy_etag, live.size AS copy_size,
    live.stored_at, live.storage_class,
    rewritten.local, rewritten.md5
FROM wanted JOIN live ON live.key = wanted.key AND live.bucket = wanted.bucket
    AND CASE WHEN exact THEN live.size = wanted.size ELSE live.size >= wanted.size END
LEFT JOIN rewritten ON rewritten.key = wanted.key AND wanted.kind = 'log'
QUALIFY row_number() OVER (PARTITION BY table_root, to_key ORDER BY live.run > $run,
    CASE WHEN live.run <= $run THEN live.run END DESC, live.run, live.stored_at DESC) = 1
ORDER BY root, phase
"""
"""Of several copies under one key the run's own counts, or else the newest before it, or the oldest after it."""


@dataclass(frozen=True, slots=True)
class Closures:
    """`objects`: Parquet files, with COLUMNS."""

    tables: Sequence[Chosen]
    left_out: Sequence[LeftOut]
    objects: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Asked:
    """A log as it was at the version that is wanted, or as it is. `unknown`: as `Chosen` has it."""

    candidate: Candidate
    log: Log
    version: int | None
    unknown: tuple[int, int] | None


@dataclass(slots=True)
class Gathering:
    """Looks for a run by whose log each table can be restored. `folder`: for what is kept until the restore is done."""

    warehouse: Warehouse
    wanted: Wanted
    target: Root
    dropped: frozenset[str]
    folder: Path
    tables: dict[str, Chosen] = field(default_factory=dict)
    objects: list[Path] = field(default_factory=list)
    refused: dict[str, LeftOut] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)
    """Of each table, the oldest commit that the runs have which were asked."""
    versions: dict[str, int] = field(default_factory=dict)
    """Of each table, the version of the moment that is wanted, as the first run told that reaches back so far."""
    moved: int = 0

    def gather(self, candidates: Mapping[str, Sequence[Candidate]]) -> Closures:
        """Ask the newest run of each table; where it does not help, the one before."""
        pending = {root: list(some) for root, some in candidates.items()}
        while pending:
            by_run: dict[Item, list[Candidate]] = defaultdict(list)
            for some in pending.values():
                by_run[some[0].item].append(some.pop(0))
            for item, asked in by_run.items():
                self._ask(item, {one.root: one for one in asked})
            pending = {root: some for root, some in pending.items() if some and root not in self.tables}
        left_out = [self.refused[root] for root in candidates if root not in self.tables]
        return Closures([self.tables[root] for root in candidates if root in self.tables], left_out, self.objects)

    def _refuse(self, one: LeftOut) -> None:
        """What the newest run said counts; but if another knows more than that it is not there, that does."""
        if one.root not in self.refused or (one.existed and not self.refused[one.root].existed):
            self.refused[one.root] = one

    def _ask(self, item: Item, candidates: Mapping[str, Candidate]) -> None:
        warehouse = self.warehouse
        with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
            load_stored(connection, warehouse, item, scratch)
            logs = [log for log in logs_of(connection, item, self.target.prefix) if log.root in candidates]
            for root in candidates.keys() - {log.root for log in logs}:
                self._refuse(LeftOut(root, f"run {item.run} has no copy of its log", existed=False))
            asked = {log.root: one for log in logs if (one := self._cut(connection, candidates[log.root], log))}
            for group in delta.batches([one.log for one in asked.values()], LOGS_AT_ONCE):
                with warehouse.scratch.open() as bit:
                    self._judge(connection, item, [asked[log.root] for log in group], bit)

    def _cut(self, connection: "DuckDBPyConnection", candidate: Candidate, log: Log) -> Asked | None:
        """None if no version is old enough."""
        told, later = delta.history(log), self.oldest.get(log.root)
        if told.commits:
            self.oldest[log.root] = min(told.commits)
        if self.wanted is None:
            return Asked(candidate, log, None, None)
        version, gap = self.versions.get(log.root, self.wanted), None
        if isinstance(version, datetime):
            found = self._version_at(connection, candidate, log, version)
            if found is None:
                reason = "it did not exist then, or the backups know no version as old"
                self._refuse(LeftOut(log.root, reason, existed=False))
                return None
            self.versions[log.root] = version = found
            gap = plan.unknown(version, told, later)
        return Asked(candidate, delta.upto(log, version), version, gap)

    def _version_at(
        self, connection: "DuckDBPyConnection", candidate: Candidate, log: Log, moment: datetime
    ) -> int | None:
        with self.warehouse.scratch.open() as bit:
            bring = fetching(self.warehouse, candidate.item.run, log.bucket, bit)
            return newest_at(connection, log, bring, bit, moment)

    def _judge(self, connection: "DuckDBPyConnection", item: Item, asked: Sequence[Asked], folder: Path) -> None:
        paths: dict[str, Path] = {}
        needed = folder / "needed.parquet"
        bring = self._bringing(item, folder, paths)
        verdicts = judge(connection, [one.log for one in asked], bring, folder, STORED, needed)
        chosen: dict[str, Chosen] = {}
        for one, verdict in zip(asked, verdicts, strict=True):
            told = plan.judged(one.candidate, one.version, verdict)
            if isinstance(told, LeftOut):
                self._refuse(told)
            else:
                chosen[told.root] = self._with_what_else_is_known(told, one)
        for root in self._outside(connection, needed):
            if chosen.pop(root, None):
                self._refuse(LeftOut(root, self._why_outside(connection, needed, root)))
        if chosen:
            self.tables |= chosen
            self._write(connection, item, chosen, needed, paths)

    def _with_what_else_is_known(self, chosen: Chosen, asked: Asked) -> Chosen:
        refused = self.refused.get(chosen.root)
        newer = refused.reason if refused and refused.existed else ""
        return replace(chosen, dropped=chosen.root in self.dropped, unknown=asked.unknown, newer=newer)

    def _bringing(
        self, item: Item, folder: Path, paths: dict[str, Path]
    ) -> Callable[[Sequence[LogFile]], Sequence[Path]]:
        """As `fetching`; notes where it put what."""
        bring = fetching(self.warehouse, item.run, item.source.bucket, folder)

        def noted(files: Sequence[LogFile]) -> Sequence[Path]:
            found = bring(files)
            paths.update(zip((file.key for file in files), found, strict=True))
            return found

        return noted

    def _outside(self, connection: "DuckDBPyConnection", needed: Path) -> list[str]:
        """The tables that need what is not below what is restored: these are left out, and the others are not."""
        rows = connection.execute(
            "SELECT DISTINCT table_root FROM read_parquet(?) WHERE bucket <> ? OR NOT starts_with(key, ?)",
            [str(needed), self.target.bucket, self.target.prefix],
        ).fetchall()
        return [root for (root,) in rows]

    def _why_outside(self, connection: "DuckDBPyConnection", needed: Path, root: str) -> str:
        try:
            self._write_targets(connection, needed, [root])
        except PointsOutside as error:
            return str(error)
        raise AssertionError(f"all that {root} needs is below {self.target.prefix}")

    def _write_targets(self, connection: "DuckDBPyConnection", needed: Path, roots: Sequence[str]) -> Path:
        """Where the objects of some tables go. Raises PointsOutside."""
        own, targets = needed.with_name("own.parquet"), needed.with_name("targets.parquet")
        connection.execute(
            f"COPY (FROM read_parquet({text(needed)}) WHERE list_contains($roots, table_root))"
            f" TO {text(own)} (FORMAT parquet)",
            {"roots": list(roots)},
        )
        write_targets(connection, own, [self.target], targets)
        return targets

    def _write(
        self,
        connection: "DuckDBPyConnection",
        item: Item,
        tables: Mapping[str, Chosen],
        needed: Path,
        paths: Mapping[str, Path],
    ) -> None:
        """The objects of some tables, with their copies."""
        connection.execute("CREATE OR REPLACE TABLE rewritten (key VARCHAR, local VARCHAR, size BIGINT, md5 VARCHAR)")
        for one in tables.values():
            self._rewrite(connection, one, paths)
        before, _, behind = self.warehouse.names.copies("*", item.source.bucket).partition("*")
        values = {
            "targets": str(self._write_targets(connection, needed, list(tables))),
            "keystones": [one.keystone for one in tables.values()],
            "before": before,
            "behind": behind,
            "run": item.run,
        }
        path = self.folder / f"objects-{len(self.objects):06}.parquet"
        connection.execute(f"COPY ({_OBJECTS}) TO {text(path)} (FORMAT parquet)", values)
        self.objects.append(path)

    def _rewrite(self, connection: "DuckDBPyConnection", one: Chosen, paths: Mapping[str, Path]) -> None:
        """Logs whose absolute paths are to point to the new place. They are few: most tables have none."""
        folder = self.folder / f"logs-{self.moved:06}"
        folder.mkdir()
        logs = [(file, paths[file.key]) for file in one.snapshot.log]
        rewritten = relocate(logs, self.target.bucket, [self.target], folder)
        for key, path in rewritten.items():
            with path.open("rb") as file:
                md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            row = [key, str(path), path.stat().st_size, md5]
            connection.execute("INSERT INTO rewritten VALUES (?, ?, ?, ?)", row)
        if rewritten:
            self.moved += 1
        else:
            folder.rmdir()
