"""What every step of the warehouse workflow is handed, and how steps find each other's results in S3."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from holdfast.ports import Clock, Each, Log
from holdfast.warehouse.listing import list_all
from holdfast.warehouse.model import Item
from holdfast.warehouse.naming import Names
from holdfast.warehouse.ports import Bucket, Found, NotStored

VERIFIED = "verify.json"
"""The document of what a run has verified of a source."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Local disk and memory that a step may use. `threads`: of the database."""

    folder: Path
    memory_bytes: int
    threads: int

    @contextmanager
    def open(self) -> Iterator[Path]:
        """An empty folder, removed afterwards."""
        with TemporaryDirectory(prefix="holdfast-", dir=self.folder) as name:
            yield Path(name)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """`inventories`: the folder of the inventory bucket below which S3 delivers; empty, or ends with a slash.

    `list_all`: every object under a prefix, in lists, in any order.
    """

    backup: Bucket
    names: Names
    inventory_bucket: Bucket
    inventories: str
    bucket_of: Callable[[str], Bucket]
    scratch: Scratch
    each: Each
    now: Clock
    log: Log
    list_all: Callable[[Bucket, str], Iterable[Sequence[Found]]] = list_all

    def load(self, key: str) -> Any:
        """A JSON document of a run; None if it is not written yet."""
        try:
            return json.loads(self.backup.read(key))
        except NotStored:
            return None

    def save(self, key: str, document: object) -> None:
        self.backup.write(key, json.dumps(document, ensure_ascii=True).encode())

    def folder(self, item: Item) -> str:
        return self.names.of_source(item.run, item.source)

    def verified(self, item: Item) -> dict[str, dict[str, Any]] | None:
        """What a run found of the tables of a source, by their prefixes; None as long as it has not. As
        `verify.described` tells it."""
        told = self.load(f"{self.folder(item)}{VERIFIED}")
        return None if told is None else told["tables"]
