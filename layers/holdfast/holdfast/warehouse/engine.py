"""The engine of the plan: DuckDB over local files, with a limit on memory, and local disk for what is beyond."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.warehouse import database, queries, relations
from holdfast.warehouse.database import LEDGER, RETIREMENTS, files
from holdfast.warehouse.inventory import MEND
from holdfast.warehouse.model import FileFormat, Kind, Phase, Source, Tally
from holdfast.warehouse.queries import text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KNOWN = "known"
COPIED = "copied"
"""What becomes of listed objects, besides what the queries call `other`, `cold` and `too_long`."""

_ADVICE = re.compile(r"\n\n|\nPossible ")
"""What DuckDB says behind the fact: options of readers, some of which drop rows."""


class InventoryUnreadable(ValueError):
    """A part of an inventory has rows that are not as S3 writes them."""

    def __init__(self, part: str, why: object) -> None:
        fact = " ".join(_ADVICE.split(str(why))[0].split())
        super().__init__(f"{part}: {fact}. {MEND}")


class OrcUnsupported(RuntimeError):
    """Nothing here reads ORC."""

    def __init__(self) -> None:
        super().__init__(
            "an ORC inventory takes pyarrow, which is not installed here: plan this source in the task, or have S3"
            " write CSV or Parquet"
        )


class PlanEngine:
    """Answers what is to be copied and what is gone, from files on local disk. No row becomes a Python object.

    `connection`: of `database.connect`; the views `inventory`, `ledger`, `retirements` and `copies` are made in it.
    `folder`: where files of its own go.
    """

    def __init__(self, connection: "DuckDBPyConnection", folder: Path) -> None:
        self.connection = connection
        self.folder = folder
        self._relations: dict[str, str] = {}
        """By part, what the view `inventory` is made of."""
        connection.execute("SET preserve_insertion_order = false")

    def read_inventory(self, file_format: FileFormat, columns: Sequence[str], parts: Mapping[str, Path]) -> None:
        """The files of an inventory by the names of its parts, CSV ones unpacked. `columns`: as its manifest says.

        Raises OrcUnsupported, InventoryUnreadable.
        """
        paths = dict(parts)
        if file_format is FileFormat.ORC:
            paths = {name: _from_orc(name, path) for name, path in parts.items()}
        self._relations = {name: relations.inventory(file_format, columns, [path]) for name, path in paths.items()}
        with self._blaming():
            whole = relations.inventory(file_format, columns, list(paths.values()))
            self.connection.execute(f"CREATE VIEW inventory AS {whole}")

    def read_ledger(self, ledger: Sequence[Path], retirements: Sequence[Path]) -> None:
        """The files of the ledger and of what was decided of its copies; none for a first run."""
        database.view(self.connection, "ledger", ledger, LEDGER)
        database.view(self.connection, "retirements", retirements, RETIREMENTS)

    def find_copies(self, source: Source, key_limit: int) -> None:
        """Compare inventory and ledger, and make the view `copies`: key, version_id, etag, size, modified, kind, phase,
        database_name. The phase is `too_long` where the key has more than `key_limit` bytes.

        Raises InventoryUnreadable.
        """
        self._make("compared", queries.compared(source))
        self._make("copies", queries.copies(source, key_limit))

    def find_gone(self, stored_before: datetime) -> None:
        """Make the view `gone` of the copies whose originals the inventory does not list: the columns of the ledger,
        then `state` and `decided_at`, if something was decided. After `find_copies`."""
        self._make("gone", queries.gone(stored_before))

    def tally(self, source: Source) -> None:
        """Make the view `listed` of what there is, by database. Raises InventoryUnreadable."""
        self._make("listed", queries.tallies(source))

    def take(self, answers: Mapping[str, Sequence[Path]]) -> None:
        """Make these views of files that somebody else has answered the same questions with."""
        for view, paths in answers.items():
            self.connection.execute(f"CREATE VIEW {view} AS FROM read_parquet({files(paths)})")

    def write(self, view: str, path: Path) -> None:
        """One of the views as a Parquet file."""
        self._write(f"FROM {view}", path)

    def tallies(self) -> dict[str, dict[str, Tally]]:
        """By database, what becomes of the listed objects: `copied`, `known`, `cold`, `other`, `too_long`."""
        listed = self.connection.execute("SELECT database_name, fate, objects, bytes FROM listed").fetchall()
        copies = self.connection.execute(
            "SELECT database_name, phase, count(*), sum(size)::BIGINT FROM copies GROUP BY database_name, phase"
        ).fetchall()
        tallies: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
        for name, fate, objects, size in listed:
            tallies[name][KNOWN if fate in set(Kind) - {Kind.OTHER} else fate] += Tally(objects, size)
        for name, phase, objects, size in copies:
            tallies[name][COPIED if phase in set(Phase) else phase] += Tally(objects, size)
            tallies[name][KNOWN] += Tally(-objects, -size)
        return {name: dict(own) for name, own in sorted(tallies.items())}

    def _make(self, view: str, question: str) -> None:
        path = self.folder / f"{view}.parquet"
        self._write(question, path)
        self.connection.execute(f"CREATE VIEW {view} AS FROM read_parquet({text(path)})")

    def _write(self, question: str, path: Path) -> None:
        with self._blaming():
            database.write(self.connection, question, path)

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        """Find the part that an error is about, which does not always say so."""
        import duckdb  # noqa: PLC0415 whoever has a connection has it

        try:
            yield
        except (duckdb.OutOfMemoryException, duckdb.InterruptException):
            raise
        except duckdb.Error:
            for name, relation in self._relations.items():
                try:
                    self.connection.execute(f"SELECT max(COLUMNS(*)) FROM ({relation})").fetchall()
                except duckdb.Error as error:
                    raise InventoryUnreadable(name, error) from None
            raise


def _from_orc(name: str, path: Path) -> Path:
    """The same as Parquet, a stripe at a time."""
    try:
        import pyarrow  # noqa: PLC0415 only the task has it
        from pyarrow import orc, parquet  # noqa: PLC0415
    except ImportError:
        raise OrcUnsupported from None
    to = path.with_suffix(".parquet")
    try:
        read = orc.ORCFile(path)
        columns = [field for field in relations.NAMES.values() if field in read.schema.names]
        schema = pyarrow.schema([read.schema.field(name) for name in columns])
        with parquet.ParquetWriter(to, schema, compression="lz4", coerce_timestamps="us") as writer:
            for number in range(read.nstripes):
                writer.write_batch(read.read_stripe(number, columns).select(columns))
    except (pyarrow.ArrowException, OSError) as error:
        raise InventoryUnreadable(name, error) from None
    return to
