"""Taking back what is marked for retirement, while its grace lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.warehouse import database, naming
from holdfast.warehouse.database import LATEST, RETIREMENTS
from holdfast.warehouse.datasets import fetch_all
from holdfast.warehouse.model import Retirement, Source, State
from holdfast.warehouse.retire import record
from holdfast.warehouse.run import Warehouse


@dataclass(frozen=True, slots=True)
class Marked:
    """The copies below a prefix that are marked, and how many more the lifecycle rule has already: these may vanish at
    any moment, whatever their tags say then."""

    source: Source
    copies: Sequence[Retirement]
    expiring: int


def find(warehouse: Warehouse, source: Source, prefix: str) -> Marked:
    """What could be taken back below a prefix of a source."""
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        folder = warehouse.names.retirements(source.bucket)
        database.view(connection, "retirements", fetch_all(warehouse, folder, source, scratch / "files"), RETIREMENTS)
        connection.execute(LATEST)
        rows = connection.execute(
            "SELECT run, key, etag, state, decided_at FROM latest"
            " WHERE state IN ('marked', 'expiring') AND starts_with(key, ?) ORDER BY key, run",
            [prefix],
        ).fetchall()
    found = [Retirement(run, key, etag, State(state), database.utc(at)) for run, key, etag, state, at in rows]
    marked = [one for one in found if one.state is State.MARKED]
    return Marked(source, marked, len(found) - len(marked))


def take_back(warehouse: Warehouse, marked: Marked, now: datetime) -> None:
    """Remove the tags, then say so. Done again, it is the same."""

    def untag(one: Retirement) -> None:
        copies = warehouse.names.copies(one.run, marked.source.bucket)
        warehouse.backup.tag(copies + one.key, {})

    list(warehouse.each(untag, marked.copies))
    kept = [Retirement(one.run, one.key, one.etag, State.KEPT, now) for one in marked.copies]
    if kept:
        name = f"unretire-{now:%Y%m%dT%H%M%S%f}-{naming.digest(''.join(one.key for one in kept))}"
        record(warehouse, marked.source, kept, name)
