"""Taking back what is marked for retirement, while its grace lasts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from holdfast.warehouse import database, naming, queries
from holdfast.warehouse.database import LATEST, RETIREMENTS
from holdfast.warehouse.datasets import fetch_all
from holdfast.warehouse.model import Retirement, Source, State
from holdfast.warehouse.retire import UNRETIRE, record, tag
from holdfast.warehouse.run import Warehouse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 10_000
"""Copies that are taken back together."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The copies below a prefix that are marked, the first of them by name, and how many more the lifecycle rule has
    already: these may vanish at any moment, whatever their tags say then."""

    source: Source
    prefix: str
    count: int
    copies: Sequence[Retirement]
    expiring: int


def find(warehouse: Warehouse, source: Source, prefix: str, named: int | None = None) -> Marked:
    """What could be taken back below a prefix of a source. `named`: name at most so many."""
    with _latest(warehouse, source, prefix) as connection:
        counts = dict(connection.execute("SELECT state, count(*) FROM below GROUP BY state").fetchall())
        some = f"{_MARKED} LIMIT {named}" if named is not None else _MARKED
        copies = [_retirement(*row) for row in connection.execute(some).fetchall()]
    return Marked(source, prefix, counts.get(State.MARKED, 0), copies, counts.get(State.EXPIRING, 0))


def take_back(warehouse: Warehouse, marked: Marked, now: datetime) -> int:
    """Say that copies are kept, then remove their tags. Done again, it is the same.

    Returns how many a run has handed to the lifecycle rule since `marked` was found: these are lost. A run that retires
    at this moment looks for what is said here before it hands anything over.
    """
    with _latest(warehouse, marked.source, marked.prefix) as connection:
        rows = connection.execute(_MARKED)
        while found := rows.fetchmany(CHUNK):
            _take_back(warehouse, marked.source, [_retirement(*row) for row in found], now)
    return find(warehouse, marked.source, marked.prefix, named=0).expiring - marked.expiring


def _take_back(warehouse: Warehouse, source: Source, some: Sequence[Retirement], now: datetime) -> None:
    """Whoever says so may have a clock that is behind: it is later than what it takes back."""
    moments = [max(now, one.at + timedelta(milliseconds=1)) for one in some]
    kept = [Retirement(one.run, one.key, one.etag, State.KEPT, at) for one, at in zip(some, moments, strict=True)]
    told = naming.digest("".join(one.run + one.key for one in kept))
    record(warehouse, source, kept, f"{UNRETIRE}{now:%Y%m%dT%H%M%S%f}-{told}")
    keys = (warehouse.names.copies(one.run, source.bucket) + one.key for one in some)
    list(warehouse.each(lambda key: tag(warehouse, key, {}), keys))


_MARKED = "SELECT run, key, etag, state, decided_at FROM below WHERE state = 'marked' ORDER BY key, run"


@contextmanager
def _latest(warehouse: Warehouse, source: Source, prefix: str) -> "Iterator[DuckDBPyConnection]":
    """What counts of what was decided below a prefix of a source, as the table `below`."""
    with warehouse.scratch.open() as scratch, database.connect(warehouse.scratch, scratch) as connection:
        folder = warehouse.names.retirements(source.bucket)
        database.view(connection, "retirements", fetch_all(warehouse, folder, source, scratch / "files"), RETIREMENTS)
        connection.execute(LATEST)
        of_source = queries.is_of(source)
        connection.execute(
            f"CREATE TABLE below AS FROM latest WHERE starts_with(key, {queries.text(prefix)}) AND {of_source}"
        )
        yield connection


def _retirement(run: str, key: str, etag: str, state: str, at: datetime) -> Retirement:
    return Retirement(run, key, etag, State(state), database.utc(at))
