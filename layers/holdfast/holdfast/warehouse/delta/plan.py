"""Which versions of a table the files of its log can be replayed to. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.warehouse.delta.model import (
    LOG_FOLDER,
    Checkpoint,
    Log,
    LogFile,
    LogName,
    Role,
    Segment,
    commit_name,
    named,
)

_CHECKPOINTS = (Role.CHECKPOINT, Role.PART, Role.V2_CHECKPOINT)
"""In the order in which they are tried at one version: what reads with least comes first."""


def logs(bucket: str, files: Iterable[LogFile]) -> list[Log]:
    """The logs that files belong to, by their tables' keys; what is in no log is left out."""
    found: dict[str, list[LogFile]] = defaultdict(list)
    for file in files:
        folder, log, name = f"/{file.key}".partition(f"/{LOG_FOLDER}/")
        if log and name:
            found[f"{folder[1:]}/" if folder else ""].append(file)
    return [Log(bucket, root, found[root]) for root in sorted(found)]


def upto(log: Log, version: int) -> Log:
    """A log as it was at a version: judged, its newest version is that one, or one before it."""
    return replace(log, files=[file for file in log.files if (named(file.name).version or 0) <= version])


@dataclass(frozen=True, slots=True)
class History:
    """A log, sorted. `checkpoints`: whose every part is there, the newest first. `newest`: any version it names."""

    commits: Mapping[int, LogFile]
    checkpoints: tuple[Checkpoint, ...]
    sidecars: Mapping[str, LogFile]
    newest: int | None


def history(log: Log, without: Collection[str] = ()) -> History:
    """What the names in a log tell. `without`: keys of files that turned out to be of no use."""
    commits: dict[int, LogFile] = {}
    sidecars: dict[str, LogFile] = {}
    groups: dict[tuple[int, int, int, str], dict[int, LogFile]] = defaultdict(dict)
    versions = set[int]()
    for file in log.files:
        name = named(file.name)
        if name.version is not None and name.role in (Role.COMMIT, *_CHECKPOINTS):
            versions.add(name.version)
            if file.key in without:
                continue
            if name.role is Role.COMMIT:
                commits[name.version] = file
            else:
                groups[_checkpoint(name, file)][name.part] = file
        elif name.role is Role.SIDECAR:
            sidecars[file.name.rpartition("/")[2]] = file
    checkpoints = [
        Checkpoint(-below, tuple(parts[part] for part in sorted(parts)))
        for (below, _, count, _), parts in sorted(groups.items(), key=lambda group: group[0])
        if len(parts) == count
    ]
    return History(commits, tuple(checkpoints), sidecars, max(versions, default=None))


def _checkpoint(name: LogName, file: LogFile) -> tuple[int, int, int, str]:
    """What a checkpoint's files have in common; sorts the newest first, and in the order of roles at one version."""
    single = "" if name.role is Role.PART else file.name
    return -(name.version or 0), _CHECKPOINTS.index(name.role), name.parts, single


def newest_segment(told: History, below: int | None = None) -> Segment | None:
    """The newest versions that can be replayed, from the newest checkpoint before them: the least to read.

    `below`: leave this version out, and those after it. None if there is no such version.
    """
    base = next((one for one in told.checkpoints if below is None or one.version < below), None)
    return _segment(told, base, below)


def older_segment(told: History, below: int) -> Segment | None:
    """The newest versions below one that can be replayed, all in one go: from the oldest base that leads there.

    So a table whose every version lacks the same file is not read anew for each of its checkpoints.
    """
    newest = newest_segment(told, below)
    if newest is None or newest.base is None:
        return newest
    oldest, version = newest.base, newest.base.version
    for one in told.checkpoints:
        if one.version < version:
            if any(step not in told.commits for step in range(one.version + 1, version + 1)):
                return _segment(told, oldest, below)
            oldest, version = one, one.version
    reaches_start = all(step in told.commits for step in range(version + 1))
    return _segment(told, None if reaches_start else oldest, below)


def _segment(told: History, base: Checkpoint | None, below: int | None) -> Segment | None:
    first = base.version if base else 0
    last = first if base else -1
    while last + 1 in told.commits and (below is None or last + 1 < below):
        last += 1
    if last < first:
        return None
    commits = tuple(told.commits[version] for version in range(first + 1 if base else 0, last + 1))
    return Segment(base, told.commits.get(first) if base else None, commits, first, last)


def lacking(log: Log, told: History, limit: int) -> tuple[tuple[str, ...], int]:
    """Keys of commits without which the newest version cannot be replayed: at most `limit` of them, and how many."""
    if told.newest is None:
        return (), 0
    reached = newest_segment(told)
    start = reached.last + 1 if reached else 0
    count = told.newest + 1 - start - sum(version >= start for version in told.commits)
    absent = (version for version in range(start, told.newest + 1) if version not in told.commits)
    keys = (f"{log.root}{LOG_FOLDER}/{commit_name(version)}" for _, version in zip(range(limit), absent, strict=False))
    return tuple(keys), count


FILE_BYTES = 64 * 1024
"""To bring a file takes as long as to bring so many bytes: most commits are much smaller."""


def batches(found: Sequence[Log], size: int) -> Iterator[list[Log]]:
    """Logs in groups of whose newest segments at most so many bytes are read, sidecars aside, each file counted as
    `FILE_BYTES` at least; one of more is alone."""
    group, total = list[Log](), 0
    for log in found:
        segment = newest_segment(history(log))
        needed = sum(max(file.size, FILE_BYTES) for file in segment.files) if segment else 0
        if group and total + needed > size:
            yield group
            group, total = [], 0
        group.append(log)
        total += needed
    if group:
        yield group
