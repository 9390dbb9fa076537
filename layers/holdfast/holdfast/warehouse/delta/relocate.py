"""Where a restore puts the files of Delta tables, and logs that find them there.

Most tables have relative paths only: their logs are restored as they are. Shallow clones, and tables that some tools
converted, name files by absolute URIs. Those that lie under a root that is restored are rewritten to its new place;
`write_targets` refuses versions that need a file under none (`PointsOutside`). What else points elsewhere, files that
were removed or that the version does not need, stays as it is: no reader of the version follows it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from holdfast.warehouse.delta.model import LogFile, Role, named
from holdfast.warehouse.delta.statements import to_keep

NAMED = 5
"""So many of what lies outside are named in a sentence."""

_ABSOLUTE = r"^([A-Za-z][A-Za-z0-9+.-]*:)?/"
_S3 = re.compile(r"s3[an]?://([^/]+)/(.*)", re.IGNORECASE | re.DOTALL)
_MAY_BE_ABSOLUTE = re.compile(rb'"(path|pathOrInlineDv)"\s*:\s*"([A-Za-z][A-Za-z0-9+.-]*:)?\\?/')

_BATCH = 20_000
"""Rows of a checkpoint in memory at once."""


class PointsOutside(Exception):
    """Versions need files that are not part of what is restored."""

    def __init__(self, named: Sequence[str], count: int) -> None:
        more = f" and {count - len(named):,} more" if count > len(named) else ""
        super().__init__(
            f"the restore needs {count:,} objects that are not part of it: {', '.join(named)}{more}:"
            " tables point to them by their whole paths, as shallow clones do; restore a larger part"
        )


@dataclass(frozen=True, slots=True)
class Root:
    """A prefix that is restored, and where to. Prefixes are empty, or end with a slash; keys are plain, not encoded."""

    bucket: str
    prefix: str
    to_bucket: str
    to_prefix: str
    scheme: str = "s3"

    def uri(self, key: str) -> str:
        """What a log calls the new place of a key below this root."""
        return f"{self.scheme}://{self.to_bucket}/{quote(self.to_prefix + key.removeprefix(self.prefix), safe='/=')}"


def relocated(path: str, bucket: str, roots: Sequence[Root]) -> str:
    """A path of a log, as it must be in the restored log. `bucket`: where the log was."""
    if found := _S3.fullmatch(path):
        bucket, encoded = found[1], found[2]
    elif path.startswith("/"):
        encoded = path[1:]
    else:
        return path
    key = unquote(encoded)
    for root in _longest_first(roots):
        if root.bucket == bucket and key.startswith(root.prefix):
            return root.uri(key)
    return path


def _longest_first(roots: Sequence[Root]) -> list[Root]:
    return sorted(roots, key=lambda root: -len(root.prefix))


def write_targets(connection: DuckDBPyConnection, needed: Path, roots: Sequence[Root], target: Path) -> None:
    """Write what `judge` wrote as `needed`, with the columns `to_bucket` and `to_key`. Raises PointsOutside."""
    values: dict[str, Any] = {"needed": str(needed)}
    under = list[str]()
    for number, root in enumerate(_longest_first(roots)):
        values |= {f"bucket_{number}": root.bucket, f"prefix_{number}": root.prefix}
        values |= {f"to_bucket_{number}": root.to_bucket, f"to_prefix_{number}": root.to_prefix}
        place = f"{{bucket: $to_bucket_{number}, key: $to_prefix_{number} || key[length($prefix_{number}) + 1:]}}"
        under.append(f"WHEN bucket = $bucket_{number} AND starts_with(key, $prefix_{number}) THEN {place}")
    placed = f"SELECT *, CASE {' '.join(under)} END AS place FROM read_parquet($needed)"
    count, names = connection.execute(
        f"SELECT count(*), min(CASE bucket WHEN '' THEN key ELSE 's3://' || bucket || '/' || key END, {NAMED})"
        f" FROM ({placed}) WHERE place IS NULL",
        values,
    ).fetchall()[0]
    if count:
        raise PointsOutside(names, count)
    connection.execute(
        to_keep(f"SELECT * EXCLUDE (place), place.bucket AS to_bucket, place.key AS to_key FROM ({placed})", target),
        values,
    )


def relocate(
    files: Iterable[tuple[LogFile, Path]], bucket: str, roots: Sequence[Root], folder: Path
) -> Mapping[str, Path]:
    """Rewrite files of one table's log, those that need it: their keys, and where in `folder` they are.

    `files`: with their local copies. What is not in the result is restored as it is.
    """

    def moved(path: str) -> str:
        return relocated(path, bucket, roots)

    rewritten: dict[str, Path] = {}
    sizes: dict[str, int] = {}
    # a checkpoint tells the sizes of its sidecars: these come first
    for file, path in sorted(files, key=lambda pair: named(pair[0].name).role is not Role.SIDECAR):
        target = folder / f"{len(rewritten)}-{file.name.rpartition('/')[2]}"
        rewrite = _rewrite_json if file.key.endswith(".json") else _rewrite_parquet
        if rewrite(path, target, moved, sizes):
            rewritten[file.key] = target
            sizes[file.name.rpartition("/")[2]] = target.stat().st_size
    return rewritten


type _Move = Callable[[str], str]


def _rewrite_json(path: Path, target: Path, move: _Move, sizes: Mapping[str, int]) -> bool:
    changed = False
    with path.open("rb") as source, target.open("wb") as written:
        for line in source:
            new = _moved_line(line, move, sizes)
            changed = changed or new != line
            written.write(new)
    if not changed:
        target.unlink()
    return changed


def _moved_line(line: bytes, move: _Move, sizes: Mapping[str, int]) -> bytes:
    if not _MAY_BE_ABSOLUTE.search(line) and not (sizes and b'"sidecar"' in line):
        return line
    action = json.loads(line)
    moved = {name: _moved_action(name, body, move, sizes) for name, body in action.items()}
    return line if moved == action else json.dumps(moved, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _moved_action(name: str, body: Any, move: _Move, sizes: Mapping[str, int]) -> Any:
    if name not in ("add", "remove", "cdc", "sidecar") or not isinstance(body, dict) or "path" not in body:
        return body
    moved = {**body, "path": move(body["path"])}
    vector = body.get("deletionVector")
    if vector and vector["storageType"] == "p":
        moved["deletionVector"] = {**vector, "pathOrInlineDv": move(vector["pathOrInlineDv"])}
    if name == "sidecar" and (size := sizes.get(unquote(body["path"]).rpartition("/")[2])):
        moved["sizeInBytes"] = size
    return moved


_VECTOR = "deletionVector"


def _rewrite_parquet(path: Path, target: Path, move: _Move, sizes: Mapping[str, int]) -> bool:
    with pq.ParquetFile(path) as source:
        if all(_moved_batch(batch, move, sizes) is None for batch in _paths_in(source)):
            return False
        compression = source.metadata.row_group(0).column(0).compression.lower().replace("uncompressed", "none")
        with pq.ParquetWriter(target, source.schema_arrow, compression=compression) as written:
            for batch in source.iter_batches(_BATCH):
                written.write_batch(_moved_batch(batch, move, sizes) or batch)
    return True


def _paths_in(source: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """The columns of paths alone: most checkpoints have none that is absolute, and are looked at no further."""
    wanted = [f"{action}.path" for action in ("add", "remove", "sidecar")]
    wanted += [
        f"{action}.{_VECTOR}.{name}" for action in ("add", "remove") for name in ("storageType", "pathOrInlineDv")
    ]
    wanted.append("sidecar.sizeInBytes")
    there = {source.schema.column(index).path for index in range(len(source.schema))}
    columns = [name for name in wanted if name in there]
    return source.iter_batches(_BATCH, columns=columns) if columns and source.metadata.num_rows else iter(())


def _moved_batch(batch: pa.RecordBatch, move: _Move, sizes: Mapping[str, int]) -> pa.RecordBatch | None:
    """None if nothing in it changes."""
    moved = None
    for index, name in enumerate(batch.schema.names):
        if name in ("add", "remove", "sidecar"):
            column = _moved_struct(batch.column(index), move, sizes)
            if column is not None:
                moved = (moved or batch).set_column(index, batch.schema.field(index), column)
    return moved


def _moved_struct(column: pa.StructArray, move: _Move, sizes: Mapping[str, int]) -> pa.StructArray | None:
    """An action's column, or a deletion vector's; None if nothing in it changes."""
    new: dict[str, pa.Array] = {}
    fields = {field.name: column.field(index) for index, field in enumerate(column.type)}
    if "path" in fields:
        new["path"] = _moved_texts(fields["path"], move)
    if "storageType" in fields:
        new["pathOrInlineDv"] = _moved_texts(fields["pathOrInlineDv"], move, pc.equal(fields["storageType"], "p"))
    if _VECTOR in fields:
        new[_VECTOR] = _moved_struct(fields[_VECTOR], move, sizes)
    if sizes and "sizeInBytes" in fields and "path" in fields:
        new["sizeInBytes"] = _true_sizes(fields["path"], fields["sizeInBytes"], sizes)
    changed = {name: array for name, array in new.items() if array is not None}
    if not changed:
        return None
    # a field alone, and not `flatten`: where the struct is null, a field that may not be null has a value
    return pa.StructArray.from_arrays(
        list((fields | changed).values()), fields=list(column.type), mask=column.is_null()
    )


def _moved_texts(texts: pa.Array, move: _Move, where: pa.Array | None = None) -> pa.Array | None:
    mask = pc.fill_null(pc.match_substring_regex(texts, _ABSOLUTE), False)
    if where is not None:
        mask = pc.and_(mask, pc.fill_null(where, False))
    before = texts.filter(mask).to_pylist()
    after = [move(text) for text in before]
    return None if before == after else pc.replace_with_mask(texts, mask, pa.array(after, texts.type))


def _true_sizes(paths: pa.Array, told: pa.Array, sizes: Mapping[str, int]) -> pa.Array | None:
    before = told.to_pylist()
    names = [unquote(path or "").rpartition("/")[2] for path in paths.to_pylist()]
    after = [sizes.get(name, size) for name, size in zip(names, before, strict=True)]
    return None if before == after else pa.array(after, told.type)
