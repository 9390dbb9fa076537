"""Delta tables as deltalake writes them, into local folders that stand for buckets.

Deletion vectors, which deltalake reads but does not write, are added by hand as the protocol describes them.
"""

import base64
import json
import struct
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

_CHECKPOINT_METADATA = pa.field(
    "checkpointMetadata", pa.struct([("version", pa.int64()), ("tags", pa.map_(pa.string(), pa.string()))])
)

VECTORS = {"delta.enableDeletionVectors": "true"}

HOSTILE = ("a b", "50%", "1+1", "ü/ö", "x=y", "it's", 'say "so"', "c,d")
"""Values of a partition column: each becomes part of keys."""


@dataclass(slots=True)
class Table:
    """A table below a folder. Rows are `id`, a number, and `part`, a text; by `part` it may be partitioned."""

    folder: Path
    partitioned: bool = False
    configuration: Mapping[str, str] = field(default_factory=dict)

    def append(self, *ids: int, parts: Sequence[str] = ("a", "b")) -> None:
        """One commit; a data file, or one for each part that the ids come to."""
        self._write("append", ids, parts)

    def overwrite(self, *ids: int, parts: Sequence[str] = ("a", "b")) -> None:
        self._write("overwrite", ids, parts)

    def delete(self, where: str) -> None:
        """One commit: files with such rows are written anew without them."""
        self.opened().delete(where)

    def delete_by_vector(self, *ids: int, storage: Literal["u", "p", "i"] = "u", prefix: str = "") -> None:
        """One commit: rows are hidden, no file is written anew. The table needs VECTORS as its configuration.

        `storage`: where the vectors are: in a file beside the data (below `prefix`, if given), in one named by its
        URI, in the log. Only once a data file, and before any checkpoint.
        """
        actions: list[dict[str, Any]] = []
        for add in live(self.folder):
            held = pq.read_table(self.folder / unquote(add["path"]), partitioning=None)["id"].to_pylist()
            hidden = [row for row, id_ in enumerate(held) if id_ in ids]
            if hidden:
                vector = _store_vector(self.folder, hidden, storage, prefix)
                actions.append({"remove": {"path": add["path"], "deletionTimestamp": 0, "dataChange": True}})
                actions.append({"add": {**add, "deletionVector": vector}})
        commit(self.folder, self.opened().version() + 1, *actions)

    def compact(self) -> None:
        self.opened().optimize.compact()

    def checkpoint(self) -> None:
        self.opened().create_checkpoint()

    def checkpoint_in_parts(self, parts: int) -> None:
        """As old writers made them of large tables."""
        path, rows = self._newest_checkpoint()
        bounds = [len(rows) * part // parts for part in range(parts + 1)]
        for part in range(parts):
            name = path.name.replace(".parquet", f".{part + 1:010}.{parts:010}.parquet")
            pq.write_table(rows.slice(bounds[part], bounds[part + 1] - bounds[part]), path.with_name(name))
        path.unlink()

    def checkpoint_with_sidecars(self, suffix: Literal["json", "parquet", "classic"] = "parquet") -> None:
        """By the V2 specification: two sidecars hold what is about files. `classic`: under the old kind of name.

        deltalake reads them, though the table's protocol does not name the feature.
        """
        path, rows = self._newest_checkpoint()
        about_files = pc.or_(pc.is_valid(rows["add"]), pc.is_valid(rows["remove"]))
        files = rows.filter(about_files).select(["add", "remove"])
        folder = path.parent / "_sidecars"
        folder.mkdir(exist_ok=True)
        sidecars = []
        for part in (files.slice(0, len(files) // 2), files.slice(len(files) // 2)):
            name = f"{uuid.uuid4()}.parquet"
            pq.write_table(part, folder / name)
            size = (folder / name).stat().st_size
            sidecars.append({"sidecar": {"path": name, "sizeInBytes": size, "modificationTime": 0, "tags": {}}})
        version = int(path.name.partition(".")[0])
        others = rows.filter(pc.invert(about_files)).drop_columns(["add", "remove"])
        lines = [
            {"checkpointMetadata": {"version": version, "tags": {}}},
            *(
                {name: action for name, action in line.items() if action}
                for line in others.to_pylist(maps_as_pydicts="strict")
            ),
            *sidecars,
        ]
        path.unlink()
        if suffix == "json":
            target = path.with_name(path.name.replace(".parquet", f".{uuid.uuid4()}.json"))
            target.write_text("".join(json.dumps(line) + "\n" for line in lines))
        else:
            named = path.name.replace(".parquet", f".{uuid.uuid4()}.parquet")
            target = path if suffix == "classic" else path.with_name(named)
            pq.write_table(pa.Table.from_pylist(lines, rows.schema.append(_CHECKPOINT_METADATA)), target)

    def _newest_checkpoint(self) -> tuple[Path, pa.Table]:
        self.checkpoint()
        (self.folder / "_delta_log/_last_checkpoint").unlink()
        path = max((self.folder / "_delta_log").glob("*.checkpoint.parquet"))
        return path, pq.read_table(path, partitioning=None)

    def vacuum(self) -> None:
        """Two commits; files that the newest version does not need are gone."""
        self.opened().vacuum(0, dry_run=False, enforce_retention_duration=False)

    def drop(self) -> None:
        for path in self.paths():
            path.unlink()

    def opened(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.folder, version=version)

    def rows(self, version: int | None = None) -> list[tuple[int, str]]:
        """What a reader sees, sorted."""
        return rows_of(self.opened(version))

    def paths(self) -> list[Path]:
        """Each file, as it is now."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def _write(self, mode: str, ids: Sequence[int], parts: Sequence[str]) -> None:
        rows = pa.table(
            {"id": pa.array(ids, pa.int64()), "part": pa.array([parts[id_ % len(parts)] for id_ in ids], pa.string())}
        )
        write_deltalake(
            self.folder,
            rows,
            mode="append" if mode == "append" else "overwrite",
            partition_by=["part"] if self.partitioned else None,
            configuration=self.configuration,
        )


def rows_of(table: DeltaTable) -> list[tuple[int, str]]:
    scanned = pa.table(table.scan())  # to_pyarrow_table refuses tables with deletion vectors
    return sorted(zip(scanned["id"].to_pylist(), scanned["part"].to_pylist(), strict=True))


# By hand


def commit(folder: Path, version: int, *actions: Mapping[str, Any]) -> None:
    """Write a version's commit."""
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions))


def actions_of(folder: Path, version: int) -> list[dict[str, Any]]:
    """The actions of a version's commit."""
    return [json.loads(line) for line in (folder / "_delta_log" / f"{version:020}.json").read_text().splitlines()]


def live(folder: Path) -> list[dict[str, Any]]:
    """The newest version's `add` actions, in a table whose every commit is there."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for version in range(len(list((folder / "_delta_log").glob("*[0-9].json")))):
        actions = actions_of(folder, version)
        for removed in (action["remove"] for action in actions if "remove" in action):
            found.pop((removed["path"], json.dumps(removed.get("deletionVector"))), None)
        for added in (action["add"] for action in actions if "add" in action):
            found[added["path"], json.dumps(added.get("deletionVector"))] = added
    return list(found.values())


def _store_vector(folder: Path, rows: Sequence[int], storage: str, prefix: str) -> dict[str, Any]:
    bitmap = _bitmap(rows)
    told = {"storageType": storage, "sizeInBytes": len(bitmap), "cardinality": len(rows)}
    if storage == "i":
        return {**told, "pathOrInlineDv": base64.z85encode(bitmap + bytes(-len(bitmap) % 4)).decode()}
    id_ = uuid.uuid4()
    path = folder / prefix / f"deletion_vector_{id_}.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x01" + struct.pack(">i", len(bitmap)) + bitmap + struct.pack(">I", zlib.crc32(bitmap)))
    place = f"{prefix}{base64.z85encode(id_.bytes).decode()}" if storage == "u" else path.as_uri()
    return {**told, "pathOrInlineDv": place, "offset": 1}


def _bitmap(rows: Sequence[int]) -> bytes:
    """Row numbers below 65,536 as one array container of one 32-bit Roaring bitmap."""
    header = struct.pack("<iqi", 1681511377, 1, 0)
    container = struct.pack("<iiHHi", 12346, 1, 0, len(rows) - 1, 16)
    return header + container + struct.pack(f"<{len(rows)}H", *sorted(rows))
