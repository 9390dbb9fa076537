"""Judges Delta logs with DuckDB: which version of each table can be restored, and what it needs.

Nothing here holds a Python object for each data file: a table may have millions. The logs of many tables are read
together, and what is stored is read once for all of them (twice where there are deletion vectors).

A logical file (a path with or without a deletion vector) is live in an interval of versions: from the checkpoint or
the commit that adds it, until the commit that removes it. A version can be restored if no file that is live in it is
missing. So one replay judges all versions of a segment; only where none of them can be restored is an older one read.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
from duckdb import DuckDBPyConnection

from holdfast.warehouse.delta import plan, statements
from holdfast.warehouse.delta.model import LOG_FOLDER, Log, LogFile, Segment, Snapshot, Verdict

type Fetch = Callable[[Sequence[LogFile]], Iterable[Path]]
"""Brings files of logs to the local disk, and tells where each of them is, in the same order."""

NAMED = 10
"""So many of a table's missing files are named; the rest are counted."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def judge(
    connection: DuckDBPyConnection,
    logs: Sequence[Log],
    fetch: Fetch,
    folder: Path,
    stored: str | None = None,
    needed: Path | None = None,
) -> list[Verdict]:
    """The newest version of each table whose every file is stored; in the order of `logs`, which are of one bucket.

    `connection`: with a memory limit and a folder to spill to; temporary tables and macros in it are named `delta_*`.
    `folder`: for what is written in between. `stored`: a query of what is stored, with columns `bucket`, `key` and
    `size`, any number of rows for a key; None if all is. Files of logs are stored if they are in `logs`.

    `needed`: a Parquet file to write, with a row for each object that a reader of one of these versions needs:
    `table_bucket`, `table_root`, `version`, `bucket`, `key`, `size`, `exact` (else the object may be larger), `kind`
    (`data`, `vector` or `log`).
    """
    cases = [_Case(number, log) for number, log in enumerate(logs)]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        judging = _Judging(connection, fetch, Path(scratch), stored, needed is not None)
        try:
            judging.judge(cases)
            if needed is not None:
                judging.write_needed(needed)
        finally:
            judging.tidy()
    return [case.verdict() for case in cases]


def newest_at(connection: DuckDBPyConnection, log: Log, fetch: Fetch, folder: Path, moment: datetime) -> int | None:
    """The newest version that was committed by a moment; None if there was none.

    As readers do, it takes no version to be older than the one before it, whatever the clocks of writers said.
    """
    commits = plan.history(log).commits
    paths = list(zip(commits, fetch(list(commits.values())), strict=True))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        told = _times(connection, paths, Path(scratch) / "lines.json")
    newest, latest = None, EPOCH
    for version in sorted(commits):
        latest = max(latest, _moment(told[version]) if version in told else commits[version].modified)
        if latest <= moment:
            newest = version
    return newest


def _times(connection: DuckDBPyConnection, commits: Sequence[tuple[int, Path]], lines: Path) -> dict[int, int]:
    """When each version was committed, in milliseconds, if its commit can be read, and tells."""
    try:
        _gather(commits, lines)
        return dict(connection.execute(statements.TIMES, {"lines": _literal(lines)}).fetchall())
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        half = len(commits) // 2
        if not half:
            return {}
        return _times(connection, commits[:half], lines) | _times(connection, commits[half:], lines)


def _gather(files: Iterable[tuple[int, Path]], target: Path) -> Path:
    """The lines of files of JSON in one, each after its file's number."""
    with target.open("wb") as gathered:
        for number, path in files:
            with path.open("rb") as source:
                gathered.writelines(
                    b'{"file":%d,"line":%b}\n' % (number, line) for line in map(bytes.strip, source) if line
                )
    return target


@dataclass(slots=True)
class _Case:
    """A table that is being judged."""

    number: int
    log: Log
    below: int | None = None
    """Versions from here on were judged: they cannot be restored."""
    refused: dict[str, str] = field(default_factory=dict)
    """Keys of files that are of no use, each with the reason."""
    segment: Segment | None = None
    sidecars: tuple[LogFile, ...] = ()
    snapshot: Snapshot | None = None
    missing: tuple[str, ...] = ()
    missing_count: int = 0

    def take_up(self) -> Segment | None:
        """Go on with the newest versions that were not judged."""
        told = plan.history(self.log, self.refused)
        self.segment = plan.newest_segment(told) if self.below is None else plan.older_segment(told, self.below)
        self.sidecars = ()
        return self.segment

    @property
    def current(self) -> Segment:
        assert self.segment is not None  # noqa: S101  cases without one are closed
        return self.segment

    @property
    def files(self) -> tuple[LogFile, ...]:
        return (*self.current.files, *self.sidecars)

    def places(self) -> Iterable[tuple[LogFile, int, str]]:
        """Each file with the version that it is read for, and its role there."""
        segment = self.current
        for file in (*(segment.base.files if segment.base else ()), *self.sidecars):
            yield file, segment.first, "base"
        if segment.opening:
            yield segment.opening, segment.first, "opening"
        for version, file in enumerate(segment.commits, segment.last + 1 - len(segment.commits)):
            yield file, version, "commit"

    def verdict(self) -> Verdict:
        told = plan.history(self.log, self.refused)
        missing, count = self.missing, self.missing_count
        if self.snapshot is None or self.snapshot.version != told.newest:
            lacking, lacking_count = plan.lacking(self.log, told, NAMED)
            missing, count = (*lacking, *missing)[:NAMED], count + lacking_count
        unusable = [f"{key}: {reason}" for key, reason in sorted(self.refused.items())]
        if self.snapshot is None and not count and told.newest is not None:
            unusable.append(f"{self.log.root}{LOG_FOLDER}/: nothing in it describes the table")
        return Verdict(self.log, told.newest, self.snapshot, missing, count, tuple(unusable))


class _Judging:
    """Judges cases in rounds: each reads one segment of each log that has no version to restore yet."""

    def __init__(
        self, connection: DuckDBPyConnection, fetch: Fetch, folder: Path, stored: str | None, wanted: bool
    ) -> None:
        self._connection = connection
        self._fetch = fetch
        self._folder = folder
        self._stored = stored
        self._wanted = wanted
        self._paths: dict[str, Path] = {}
        self._numbers: dict[str, int] = {}
        self._columns: dict[str, dict[str, Any]] = {}
        self._needed: list[Path] = []
        self._files_written = 0

    def judge(self, cases: Sequence[_Case]) -> None:
        self._run(statements.MACROS)
        pending = [case for case in cases if case.take_up()]
        while pending:
            spans = self._read(pending)
            if not pending:
                return
            self._decide(spans)
            self._note_snapshots(pending, spans)
            self._note_missing(pending)
            for case in pending:
                case.below = case.current.first
            pending = [case for case in pending if case.snapshot is None and case.take_up()]

    def write_needed(self, target: Path) -> None:
        if not self._needed:
            self._run(statements.to_keep(statements.NOTHING_NEEDED, target))
        elif len(self._needed) == 1:
            shutil.move(self._needed[0], target)
        else:
            parts = [_literal(part) for part in self._needed]
            self._run(statements.to_keep(statements.ALL_NEEDED, target), parts=parts)

    def tidy(self) -> None:
        for table in statements.SCRATCH:
            self._run(f"DROP TABLE IF EXISTS {table}")

    def _run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values or None).fetchall()

    def _new_file(self) -> Path:
        self._files_written += 1
        return self._folder / f"{self._files_written}.parquet"

    # What is read

    def _read(self, pending: list[_Case]) -> list[str]:
        """Replay the cases' segments: files of spans. Cases of whose files none can be read leave `pending`."""
        while pending:
            self._find_sidecars(pending)
            try:
                return self._replay(pending) if pending else []
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error:
                if not self._refuse_unreadable(pending):
                    raise
        return []

    def _bring(self, files: Iterable[LogFile]) -> None:
        wanted = list({file.key: file for file in files if file.key not in self._paths}.values())
        if wanted:
            paths = self._fetch(wanted)
            self._paths |= {file.key: path for file, path in zip(wanted, paths, strict=True)}

    def _find_sidecars(self, pending: list[_Case]) -> None:
        """Complete the cases' bases. A checkpoint whose sidecars are not all in the log is none."""
        unsure = list(pending)
        while unsure:
            self._bring(file for case in unsure for file in case.files)
            unsure = [case for case in unsure if not self._completes(case)]
            for case in list(unsure):
                if not case.take_up():
                    unsure.remove(case)
                    pending.remove(case)
        self._bring(file for case in pending for file in case.sidecars)

    def _completes(self, case: _Case) -> bool:
        """Note the sidecars of a case's base; refuse the base if one is not there, or it cannot be read."""
        there = plan.history(case.log).sidecars
        sidecars: dict[str, LogFile] = {}
        for file in case.current.base.files if case.current.base else ():
            for name in self._sidecars_of(case, file):
                if name not in there or there[name].key in case.refused:
                    case.refused[file.key] = f"its sidecar {name} is not there, or cannot be read"
                else:
                    sidecars[name] = there[name]
            if file.key in case.refused:
                return False
        case.sidecars = tuple(sidecars.values())
        return True

    def _sidecars_of(self, case: _Case, file: LogFile) -> list[str]:
        try:
            if file.key.endswith(".json"):
                names = self._run(statements.SIDECARS.format(source=statements.LINES), lines=self._lines_of([file]))
            elif "sidecar" in self._types(file):
                names = self._run(statements.SIDECARS.format(source=statements.PARQUET), paths=[self._where(file)])
            else:
                names = []
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            case.refused[file.key] = _reason(error)
            return []
        return [unquote(path.rpartition("/")[2]) for (path,) in names]

    def _types(self, file: LogFile) -> dict[str, Any]:
        """The columns of a Parquet file with their types."""
        if file.key not in self._columns:
            self._connection.execute(statements.COLUMNS_OF, {"paths": [self._where(file)]})
            told = self._connection.description or ()
            self._columns[file.key] = {name: kind for name, kind, *_ in told if name != "filename"}
        return self._columns[file.key]

    def _where(self, file: LogFile) -> str:
        """The local path of a file, as DuckDB's glob reads it."""
        return _literal(self._paths[file.key])

    def _refuse_unreadable(self, pending: list[_Case]) -> bool:
        """Find the files that cannot be read, and take them out of their logs. Whether there were any."""
        files = [file for case in pending for file in case.files]
        reasons = self._unreadable([file for file in files if file.key.endswith(".json")])
        for file in files:
            if not file.key.endswith(".json"):
                reasons |= self._unreadable([file])
        for case in list(pending):
            refused = {file.key: reasons[file.key] for file in case.files if file.key in reasons}
            case.refused |= refused
            if refused and not case.take_up():
                pending.remove(case)
        return bool(reasons)

    def _unreadable(self, files: Sequence[LogFile]) -> dict[str, str]:
        """Which of some files of JSON, or whether one of Parquet, cannot be read, and why."""
        try:
            if all(file.key.endswith(".json") for file in files):
                self._run(statements.EVERYTHING.format(source=statements.LINES), lines=self._lines_of(files))
            else:
                self._run(statements.EVERYTHING.format(source=statements.PARQUET), paths=list(map(self._where, files)))
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            if len(files) == 1:
                return {files[0].key: _reason(error)}
            half = len(files) // 2
            return self._unreadable(files[:half]) | self._unreadable(files[half:])
        return {}

    # What it means

    def _replay(self, pending: Sequence[_Case]) -> list[str]:
        """Where each logical file lies, and from which version until which it is live: Parquet files."""
        files = [file for case in pending for file in case.files]
        self._note_places(pending)
        parsed = self._parse([file for file in files if file.key.endswith(".json")])
        self._run(statements.ABOUT, parsed=parsed)
        self._run(statements.CHANGES, parsed=parsed)
        self._run(statements.FIRST_CHANGES)
        in_lines = statements.SPANS_OF_BASE.format(added=statements.ADDED_IN_LINES)
        spans = [self._write_spans(statements.SPANS_OF_COMMITS), self._write_spans(in_lines, parsed=parsed)]
        for there, paths in self._alike([file for file in files if not file.key.endswith(".json")]):
            self._run(statements.about_in(there), paths=paths)
            added = statements.added_in(there)
            spans.append(self._write_spans(statements.SPANS_OF_BASE.format(added=added), paths=paths))
        return spans

    def _note_places(self, pending: Sequence[_Case]) -> None:
        places = [
            (self._number(file), str(self._paths[file.key]), case.number, *place)
            for case in pending
            for file, *place in case.places()
        ]
        files, paths, logs, versions, roles = (list(column) for column in zip(*places, strict=True))
        self._run(statements.FILES, files=files, paths=paths, logs=logs, versions=versions, roles=roles)
        self._run(
            statements.LOGS,
            logs=[case.number for case in pending],
            buckets=[case.log.bucket for case in pending],
            roots=[case.log.root for case in pending],
            firsts=[case.current.first for case in pending],
            lasts=[case.current.last for case in pending],
        )

    def _number(self, file: LogFile) -> int:
        return self._numbers.setdefault(file.key, len(self._numbers))

    def _lines_of(self, files: Sequence[LogFile]) -> str:
        numbered = ((self._number(file), self._paths[file.key]) for file in files)
        return _literal(_gather(numbered, self._folder / "lines.json"))

    def _parse(self, files: Sequence[LogFile]) -> str:
        target = self._new_file()
        self._run(statements.to_file(f"FROM {statements.LINES}", target), lines=self._lines_of(files))
        return _literal(target)

    def _alike(self, files: Iterable[LogFile]) -> Iterable[tuple[Collection[str], list[str]]]:
        """Parquet files that can be read together, since they have the same columns, with the names of these."""
        groups: dict[str, tuple[Collection[str], list[str]]] = {}
        for file in files:
            types = self._types(file)
            _, paths = groups.setdefault(str(types), (statements.fields(types), []))
            paths.append(self._where(file))
        return groups.values()

    def _write_spans(self, spans: str, **values: Any) -> str:
        target = self._new_file()
        self._run(statements.to_file(statements.SPANS.format(spans=spans), target), **values)
        return _literal(target)

    # What is decided

    def _decide(self, spans: Sequence[str]) -> None:
        """Choose a version of each log, if one can be restored."""
        self._run(statements.ABSENT)
        if self._stored is not None:
            self._run(statements.ABSENT_DATA.format(stored=self._stored), spans=spans)
            if self._run(statements.HAVE_VECTORS, spans=spans) == [(True,)]:
                self._run(statements.ABSENT_VECTORS.format(stored=self._stored), spans=spans)
        self._run(statements.DECISIONS)

    def _note_snapshots(self, pending: Sequence[_Case], spans: Sequence[str]) -> None:
        chosen = {log: figures for log, *figures in self._run(statements.FIGURES, spans=spans)}
        for case in pending:
            if case.number in chosen:
                case.snapshot = _snapshot(case, *chosen[case.number])
        if self._wanted and chosen:
            self._note_needed(pending, spans)

    def _note_needed(self, pending: Sequence[_Case], spans: Sequence[str]) -> None:
        needed = [(case.number, file.key, file.size) for case in pending if case.snapshot for file in case.snapshot.log]
        logs, keys, sizes = (list(column) for column in zip(*needed, strict=True))
        self._run(statements.NEEDED_LOGS, logs=logs, keys=keys, sizes=sizes)
        target = self._new_file()
        self._run(statements.to_keep(statements.NEEDED, target), spans=spans)
        self._needed.append(target)

    def _note_missing(self, pending: Sequence[_Case]) -> None:
        """Name what the newest versions lack."""
        missing = {log: (names, count) for log, count, names in self._run(statements.MISSING, named=NAMED)}
        for case in pending:
            if case.number in missing and case.current.last == plan.history(case.log).newest:
                names, case.missing_count = missing[case.number]
                case.missing = tuple(names)


def _snapshot(
    case: _Case,
    version: int,
    milliseconds: int | None,
    files: int,
    size: int,
    vectors: int,
    records: int | None,
    reader_version: int,
    reader_features: Sequence[str] | None,
) -> Snapshot:
    log = case.current.files_of(version)
    at = log[-1].modified if milliseconds is None else _moment(milliseconds)
    features = tuple(sorted(reader_features or ()))
    return Snapshot(version, at, files, size, vectors, records, reader_version, features, (*log, *case.sidecars))


def _moment(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def _reason(error: duckdb.Error) -> str:
    """What DuckDB says of a file, without its name, and without our own statement, which it quotes."""
    return re.sub(r' (in )?file ["\'][^"\']*["\']', "", str(error).strip().partition("\n")[0])


def _literal(path: Path) -> str:
    """A path as DuckDB's glob reads it."""
    return "".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path))
