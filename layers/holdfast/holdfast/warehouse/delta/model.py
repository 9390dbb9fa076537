"""What is in a Delta log, by the names of its files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LOG_FOLDER = "_delta_log"

NEWEST_VERSION = 2**63 - 1
"""Versions are 64-bit: a name with a greater one is no log's."""


class Role(StrEnum):
    """What a file in `_delta_log/` is for."""

    COMMIT = "commit"
    CHECKPOINT = "checkpoint"
    """In one file, whose content may follow the V1 or the V2 specification."""
    PART = "part"
    """One of the files of a multi-part checkpoint."""
    V2_CHECKPOINT = "v2_checkpoint"
    """Named by a UUID; JSON or Parquet."""
    SIDECAR = "sidecar"
    LAST_CHECKPOINT = "last_checkpoint"
    CHECKSUM = "checksum"
    COMPACTION = "compaction"
    """Several commits in one file, which stay beside it: nothing needs it."""
    STAGED = "staged"
    """A commit that a catalog may have ratified, or not: the log does not tell."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class LogName:
    """What a name tells. `version`: of the commit, checkpoint, checksum; of a compaction, its last.

    `part` of `parts`: of a multi-part checkpoint, from 1. Both 1 for any other file.
    """

    role: Role
    version: int | None = None
    part: int = 1
    parts: int = 1


_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_VERSION = r"(?P<version>\d{20})"
_NAMES = {
    Role.COMMIT: re.compile(rf"{_VERSION}\.json", re.ASCII),
    Role.CHECKPOINT: re.compile(rf"{_VERSION}\.checkpoint\.parquet", re.ASCII),
    Role.PART: re.compile(rf"{_VERSION}\.checkpoint\.(?P<part>\d{{10}})\.(?P<parts>\d{{10}})\.parquet", re.ASCII),
    Role.V2_CHECKPOINT: re.compile(rf"{_VERSION}\.checkpoint\.{_UUID}\.(json|parquet)", re.ASCII),
    Role.SIDECAR: re.compile(r"_sidecars/[^/]+\.parquet"),
    Role.LAST_CHECKPOINT: re.compile(r"_last_checkpoint"),
    Role.CHECKSUM: re.compile(rf"{_VERSION}\.crc", re.ASCII),
    Role.COMPACTION: re.compile(rf"\d{{20}}\.{_VERSION}\.compacted\.json", re.ASCII),
    Role.STAGED: re.compile(rf"_staged_commits/{_VERSION}\.{_UUID}\.json", re.ASCII),
}


def named(name: str) -> LogName:
    """What a file of a log is. `name`: its key below `_delta_log/`."""
    for role, pattern in _NAMES.items():
        if found := pattern.fullmatch(name):
            told = found.groupdict()
            version = int(told["version"]) if "version" in told else None
            part, parts = int(told.get("part", 1)), int(told.get("parts", 1))
            if (version or 0) <= NEWEST_VERSION and 1 <= part <= parts:
                return LogName(role, version, part, parts)
    return LogName(Role.OTHER)


def commit_name(version: int) -> str:
    return f"{version:020}.json"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of a log. `modified`: when the source's object was written, as S3 tells it."""

    key: str
    size: int
    modified: datetime

    @property
    def name(self) -> str:
        """Below `_delta_log/`."""
        return self.key.partition(f"{LOG_FOLDER}/")[2]


@dataclass(frozen=True, slots=True)
class Log:
    """The files of a table's log, in any order. `root`: the table's prefix; empty, or ends with a slash."""

    bucket: str
    root: str
    files: Sequence[LogFile]

    @property
    def table(self) -> str:
        """The key of the table in its bucket, without the last slash."""
        return self.root.rstrip("/")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that is known of a version, in one file or several. Whether it has sidecars, only its content tells."""

    version: int
    files: tuple[LogFile, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Versions `first` to `last`, which `base` and the commits after it tell. `base` None: the table's first commit on.

    `opening`: the commit that the base stands for, where it is there: it alone tells the version's time.
    """

    base: Checkpoint | None
    opening: LogFile | None
    commits: tuple[LogFile, ...]
    first: int
    last: int

    @property
    def files(self) -> tuple[LogFile, ...]:
        """What is to be read, without sidecars."""
        base = self.base.files if self.base else ()
        return (*base, *((self.opening,) if self.opening else ()), *self.commits)

    def files_of(self, version: int) -> tuple[LogFile, ...]:
        """What of it a reader of a version needs, without sidecars."""
        return self.files[: len(self.files) - (self.last - version)]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version of a table that can be restored.

    `at`: its commit's time. `files` and `size`: of its data; `vectors`: files of deletion vectors. `records`: None
    where the log does not tell. `log`: the files of the log that a reader needs; not `_last_checkpoint`.
    """

    version: int
    at: datetime
    files: int
    size: int
    vectors: int
    records: int | None
    reader_version: int
    reader_features: tuple[str, ...]
    log: tuple[LogFile, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be restored of a table.

    `newest`: the newest version that the log names. `snapshot`: the newest that can be restored. If that is another
    one or none, `missing` are some of the `missing_count` keys that `newest` lacks (`s3://` URIs where they lie in
    another bucket). `unusable`: files of the log that could not be used, with the reason.
    """

    log: Log
    newest: int | None
    snapshot: Snapshot | None
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    unusable: tuple[str, ...] = ()

    @property
    def current(self) -> bool:
        """Whether the newest version can be restored."""
        return self.snapshot is not None and self.snapshot.version == self.newest
