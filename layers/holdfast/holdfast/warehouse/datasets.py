"""Ledger, retirements and closures: Parquet files in S3 that are only ever added to, brought to local disk."""

from itertools import count
from pathlib import Path

from holdfast.warehouse import naming
from holdfast.warehouse.model import Source
from holdfast.warehouse.run import Warehouse


def fetch(warehouse: Warehouse, key: str, path: Path) -> Path:
    """Bring an object of the backup bucket to local disk. Raises NotStored."""
    with path.open("wb") as file:
        for piece in warehouse.backup.stream(key):
            file.write(piece)
    return path


def fetch_all(warehouse: Warehouse, folder: str, source: Source, into: Path) -> tuple[Path, ...]:
    """The files below a bucket's folder that may tell of a source, under names of their own."""
    into.mkdir()
    names = (found.key.removeprefix(folder) for found in warehouse.backup.listing(folder))
    wanted = [folder + name for name in names if naming.concerns(name, source)]
    paths = (into / f"{number:06}.parquet" for number in count())
    return tuple(warehouse.each(lambda one: fetch(warehouse, *one), zip(wanted, paths, strict=False)))
