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
    """`items`: its sources. `report`: None until it has ended."""

    name: str
    started: datetime
    items: tuple[Item, ...]
    report: dict[str, Any] | None


def newest_first(warehouse: Warehouse) -> Iterator[Run]:
    for folder in sorted(warehouse.backup.prefixes(warehouse.names.runs), reverse=True):
        told = warehouse.load(f"{folder}run.json")
        if told is not None:
            items = tuple(map(Item.of, told["sources"]))
            yield Run(
                told["run"], datetime.fromisoformat(told["started"]), items, warehouse.load(f"{folder}report.json")
            )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run found of the tables of a source. `tables`: by their prefixes, as `verify.described` has them."""

    item: Item
    tables: dict[str, dict[str, Any]]

    def below(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The tables at or below a prefix that ends with a slash."""
        return {root: told for root, told in self.tables.items() if root.startswith(prefix)}


def recorded(warehouse: Warehouse) -> Iterator[Recorded]:
    """What was verified, of the newest run first."""
    for run in newest_first(warehouse):
        for item in run.items:
            told = warehouse.load(f"{warehouse.folder(item)}verify.json")
            if told is not None:
                yield Recorded(item, told["tables"])


def sources_of(warehouse: Warehouse, name: str, *, plain: bool = False) -> list[tuple[Source, str]]:
    """The sources that hold a database or table of that name, each with its prefix. Raises DatabaseUnknown.

    `name`: as the reports have it, or with its bucket before it, as a URI or not. `plain`: databases that have no table
    are some, too.
    """
    found: dict[Source, str] = {}
    for run in newest_first(warehouse):
        for item in run.items:
            if item.source not in found:
                meant = list(_prefixes(item.source, name.removeprefix("s3://").strip("/")))
                known = _known(warehouse, item, run.report or {} if plain else {}, meant)
                found |= {item.source: known[-1]} if known else {}
    if not found:
        raise DatabaseUnknown(name)
    return list(found.items())


def _known(warehouse: Warehouse, item: Item, report: dict[str, Any], prefixes: list[str]) -> list[str]:
    """Those prefixes that are of a database that a run reports, or have tables that it has verified."""
    rows = report.get("databases", [])
    databases = {row["database"] for row in rows if row["source"] == str(item.source)}
    own = {_prefix_of(item.source, name) for name in databases}
    tables = (warehouse.load(f"{warehouse.folder(item)}verify.json") or {"tables": {}})["tables"]
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
