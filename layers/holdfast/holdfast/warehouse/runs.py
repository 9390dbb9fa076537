"""What the runs have written down, for whoever asks afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.warehouse.model import Item, Source
from holdfast.warehouse.run import Warehouse


class DatabaseUnknown(LookupError):
    """No run has backed up a database, or table, of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no run has backed up {name!r}: holdfast warehouse status lists the databases that are")


@dataclass(frozen=True, slots=True)
class Run:
    """`items`: its sources."""

    name: str
    started: datetime
    items: tuple[Item, ...]

    def report(self, warehouse: Warehouse) -> dict[str, Any] | None:
        """None until it has ended."""
        told: dict[str, Any] | None = warehouse.load(f"{warehouse.names.run(self.name)}report.json")
        return told


def newest_first(warehouse: Warehouse) -> Iterator[Run]:
    for folder in sorted(warehouse.backup.prefixes(warehouse.names.runs), reverse=True):
        told = warehouse.load(f"{folder}run.json")
        if told is not None:
            items = tuple(map(Item.of, told["sources"]))
            yield Run(told["run"], datetime.fromisoformat(told["started"]), items)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run found of the tables of a source. `tables`: as `Warehouse.verified` has them."""

    started: datetime
    item: Item
    tables: dict[str, dict[str, Any]]

    def below(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The tables at or below a prefix that ends with a slash."""
        return {root: told for root, told in self.tables.items() if root.startswith(prefix)}


def recorded(warehouse: Warehouse) -> Iterator[Recorded]:
    """What was verified, of the newest run first."""
    for run in newest_first(warehouse):
        for item in run.items:
            tables = warehouse.verified(item)
            if tables is not None:
                yield Recorded(run.started, item, tables)


def sources_of(warehouse: Warehouse, name: str, *, plain: bool = False) -> list[tuple[Source, str]]:
    """The sources that hold a database or table of that name, each with its prefix. Raises DatabaseUnknown.

    `name`: as the reports have it, or with its bucket before it, as a URI or not. `plain`: databases that have no table
    are some, too.
    """
    found: dict[Source, str] = {}
    for run in newest_first(warehouse):
        report = (run.report(warehouse) if plain else None) or {}
        for item in run.items:
            if item.source not in found:
                meant = list(_prefixes(item.source, name.removeprefix("s3://").strip("/")))
                known = _known(warehouse, item, report, meant)
                found |= {item.source: known[-1]} if known else {}
    if not found:
        raise DatabaseUnknown(name)
    return list(found.items())


def _known(warehouse: Warehouse, item: Item, report: dict[str, Any], prefixes: list[str]) -> list[str]:
    """Those prefixes that are of a database that a run reports, or have tables that it has verified."""
    rows = report.get("databases", [])
    databases = {row["database"] for row in rows if row["source"] == str(item.source)}
    own = {_prefix_of(item.source, name) for name in databases}
    tables = warehouse.verified(item) or {}
    return [one for one in prefixes if one in own or any(root.startswith(one) for root in tables)]


def _prefix_of(source: Source, database: str) -> str:
    """Of a database."""
    return f"{database}/" if source.many else source.prefix


def _prefixes(source: Source, name: str) -> Iterator[str]:
    """What a name may mean in a source: what counts most is last. A whole bucket that is one database has the bucket's
    name."""
    if name.startswith(f"{source.bucket}/"):
        yield f"{name.removeprefix(f'{source.bucket}/')}/"
    yield f"{name}/"
    if name == source.database_of(""):
        yield source.prefix
