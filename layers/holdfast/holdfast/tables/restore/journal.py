"""The undo journal: what each item was before a restore in place, stored before it is written."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from holdfast.tables.archive import Archive
from holdfast.tables.ports import NotStored, Store
from holdfast.tables.restore.model import Entry, Journal

UNDO = "undo/"
_LEVEL = 6


class NoSuchRun(LookupError):
    """No restore in place has this name."""


def table_of(run: str) -> str:
    """The table that a run wrote to: its name begins with that. Raises NoSuchRun."""
    table, at, _ = run.partition("@")
    if not (table and at):
        raise NoSuchRun(f"{run!r} names no run of a restore in place: those are called TABLE@TIME-NUMBER")
    return table


def save(archive: Archive, journal: Journal) -> None:
    archive.store.write(f"{UNDO}{journal.run}/run.json", json.dumps(asdict(journal), indent=1).encode())


def load(archive: Archive, run: str) -> Journal:
    """Raises NoSuchRun."""
    try:
        return Journal(**json.loads(archive.store.read(f"{UNDO}{run}/run.json")))
    except NotStored:
        raise NoSuchRun(f"there was no restore in place {run!r} of table {archive.table!r}") from None


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a run's journal."""

    store: Store
    run: str

    def write(self, number: int, entries: Sequence[Entry]) -> None:
        lines = "".join(
            json.dumps(asdict(entry), separators=(",", ":"), ensure_ascii=False) + "\n" for entry in entries
        )
        self.store.write(f"{UNDO}{self.run}/{number:06}.jsonl.gz", gzip.compress(lines.encode(), _LEVEL, mtime=0))

    def entries(self) -> Iterator[Entry]:
        """All items that the run wrote, or was about to, in its order."""
        for name in self.store.names(f"{UNDO}{self.run}/"):
            if name.endswith(".jsonl.gz"):
                for line in gzip.decompress(self.store.read(name)).splitlines():
                    yield Entry(**json.loads(line))
