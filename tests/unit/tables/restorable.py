"""A table in use whose changes are archived at once, and restores of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables import item
from holdfast.tables.backfill import Pace
from holdfast.tables.model import Description, Image
from holdfast.tables.restore import plan, run
from holdfast.tables.restore.in_place import InPlace
from holdfast.tables.restore.model import Entry, Journal, Outcome, Preview, Run, Then, Wanted
from holdfast.tables.restore.run import NewTable
from holdfast.tables.restore.steps import Steps
from holdfast.tables.restore.undo import Undo
from holdfast.tables.restore.write import Writer
from holdfast.tables.view import View
from tests.unit.tables.domain import DESCRIPTION, T0, TABLE, Archived, a_record, an_item, keys

RUN = f"{TABLE}@20260101T000000Z-1"


@dataclass
class Restorable:
    """Seconds since T0, wherever a time is given."""

    layout: str = "segment"
    tenant_column: str = ""
    description: Description = DESCRIPTION
    sequence: int = 100
    slept: list[float] = field(default_factory=list)
    progress: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.archived = Archived(self.layout, tenant_column=self.tenant_column)
        self.archived.archive.save_description(self.description)
        self.table = MemoryTable(TABLE, self.description, lambda: T0)
        self.others: dict[str, MemoryTable] = {}

    # Its users

    def put(self, name: str, value: str = "", *, at: int = 0, archived: bool = True, **attributes: Any) -> None:
        self.write(name, an_item(name, value, **attributes), at=at, archived=archived)

    def remove(self, name: str, *, at: int = 0, archived: bool = True) -> None:
        self.write(name, None, at=at, archived=archived)

    def write(self, name: str, new: Image | None, *, at: int, archived: bool = True) -> None:
        """Change an item, and have that archived unless it is to be on its way yet."""
        one = item.item_id(keys(name))
        old, self.sequence = self.table.items.pop(one, None), self.sequence + 1
        if new is not None:
            self.table.items[one] = new
        if archived:
            self.archived(a_record(name, new, old, at=at, sequence=self.sequence))

    # Restoring

    @property
    def view(self) -> View:
        return self.archived.view

    @property
    def pace(self) -> Pace:
        return Pace(None, lambda: 0.0, self.slept.append)

    def now(self) -> datetime:
        return datetime.fromtimestamp(T0 + 1000, UTC)

    def then(self, at: int, wanted: Wanted | None = None) -> Then:
        return run.look(self.view, T0 + at, wanted or Wanted(), self.tenant_column)

    # in place

    @property
    def in_place(self) -> InPlace:
        return InPlace(self.view, self.table, map, self.pace, self.progress.append)

    def preview(self, at: int, wanted: Wanted | None = None) -> Preview:
        return self.in_place.preview(self.then(at, wanted))

    def apply(self, preview: Preview, name: str = RUN) -> list[Outcome]:
        journal = Journal(name, TABLE, T0, T0 + 1000, len(preview.differences))
        return list(self.in_place.apply(preview, journal))

    def rewind(self, at: int, wanted: Wanted | None = None) -> list[Outcome]:
        return self.apply(self.preview(at, wanted))

    @property
    def undo(self) -> Undo:
        return Undo(self.table, map, self.pace, self.progress.append)

    def undo_all(self, entries: Iterable[Entry]) -> list[Outcome]:
        return list(self.undo.apply(list(self.undo.look(entries))))

    # into a new table

    def other(self, name: str = "restored") -> MemoryTable:
        """A table that is not there, or is by now."""
        return self.others.setdefault(name, MemoryTable(name, None, lambda: T0))

    def new(self, name: str = "restored") -> NewTable:
        return NewTable(self.archived.archive, self.other(name), self.now)

    def a_run(self, at: int, name: str = "run", to: str = "restored", wanted: Wanted | None = None) -> Run:
        return Run(name, plan.source(TABLE, T0 + at, wanted or Wanted()), TABLE, T0 + at, to, (), 0)

    def writer(self, name: str = "restored") -> Writer:
        return Writer(self.other(name), self.view, map, self.pace, lambda: 1.0, self.progress.append)

    def restore(self, at: int, wanted: Wanted | None = None, *, name: str = "run") -> dict[str, str]:
        """Restore into the new table, and tell what it holds."""
        run.restore(self.new(), self.a_run(at, name, wanted=wanted), self.then(at, wanted), self.writer())
        return values(self.other())

    @property
    def steps(self) -> Steps:
        return Steps(
            view_of=lambda _: self.view,
            table_of=self.other,
            each=map,
            now=self.now,
            seconds=lambda: 0.0,
            sleep=self.slept.append,
            random=lambda: 1.0,
        )


def values(table: MemoryTable) -> dict[str, str]:
    """The values of a table's items by their names."""
    return {image["pk"]["S"]: image["value"]["S"] for image in sorted(table.items.values(), key=lambda i: i["pk"]["S"])}


def of(tenant: str) -> dict[str, Any]:
    """The attribute that makes an item a tenant's."""
    return {"owner": {"S": tenant}}


def told(reasons: Sequence[Any]) -> dict[str, str]:
    """What is said of each item, by its name."""
    return {one.keys["pk"]["S"]: one.reason for one in reasons}


def incomplete(description: Description = DESCRIPTION) -> Description:
    """A table that was there long before its stream."""
    return replace(description, table={**description.table, "CreationDateTime": T0 - 1_000_000})
