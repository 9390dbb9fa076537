"""Restore into a new table: what there was, the table like the old one, all items, and the proof."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from holdfast.ports import Clock, Each
from holdfast.tables.archive import Archive
from holdfast.tables.model import Change, Description
from holdfast.tables.ports import LiveTable, NotStored, TableExists, TableMissing
from holdfast.tables.restore import plan
from holdfast.tables.restore.model import Run, Then, Wanted, Written, stamp
from holdfast.tables.restore.write import Writer, summed
from holdfast.tables.view import View

RESTORES = "restores/"


class NothingArchived(LookupError):
    """The archive holds nothing of a table."""


def nothing_of(table: str) -> NothingArchived:
    return NothingArchived(f"nothing is archived of a table {table!r}: `holdfast tables protect` is where that begins")


class Occupied(Exception):
    """A restore may not write to a table: it is there already, and not by an interrupted run of the same restore."""


class Differs(Exception):
    """What a table holds is not what was to be restored."""


def look(view: View, at: int, wanted: Wanted, column: str) -> Then:
    """A table as it was. Raises NothingArchived."""
    description = view.archive.description(at)
    if description is None:
        raise nothing_of(view.archive.table)
    return Then(description, view.at(at, plan.wanted_ids(wanted)), wanted, column)


def changes(then: Then) -> Iterator[Change]:
    """The items that are to be restored, as what made them so."""
    return (one for one in then.state.items.values() if plan.is_wanted(one, then.wanted, then.column))


@dataclass(frozen=True, slots=True)
class NewTable:
    """A restore of an archived table into a new one."""

    archive: Archive
    table: LiveTable
    now: Clock

    def standing(self, source: str) -> Run | None:
        """The run that has begun to make the table; None if there is no such table. Raises Occupied."""
        try:
            found = self.table.describe(0)
        except TableMissing:
            return None
        if found.table.get("TableStatus") == "DELETING":
            raise Occupied(f"table {self.table.name!r} is being deleted: restore once it is gone")
        known = plan.run_of(found, source)
        if known is None:
            raise Occupied(f"there is a table {self.table.name!r} already: a restore writes to new tables only")
        try:
            run = self.load(known)
        except NotStored:  # it ended between the table's creation and that
            return Run(known, source, self.archive.table, 0, self.table.name, (), 0)
        if run.ended is not None:
            raise Occupied(f"table {self.table.name!r} is this very restore, and was finished at {stamp(run.ended)}")
        return run

    def begin(self, run: Run) -> Run:
        """Create the table, or go on with what has begun: then with the run that did. Raises Occupied."""
        begun = self.standing(run.source)
        if begun is not None:
            self.table.wait()  # whoever has made it may have ended before it could be used
            run = replace(run, run=begun.run, prefixes=begun.prefixes or run.prefixes)
        else:
            description = self.archive.description(run.at)
            if description is None:
                raise nothing_of(self.archive.table)
            self._create(run, description)
        self.save(run)
        return run

    def _create(self, run: Run, description: Description) -> None:
        try:
            self.table.create(plan.without_marks(description), plan.tags(run))
        except TableExists as error:
            raise Occupied(f"somebody else has just made a table {self.table.name!r}") from error

    def verify(self, written: Written, each: Each, progress: Callable[[int], object] = lambda _: None) -> None:
        """Read the table, and compare it with what the archive holds. Raises Differs."""
        found = summed(self.table, each, progress)
        if found != written:
            raise Differs(
                f"table {self.table.name!r} holds {found.items:,} items with the digest {found.digest}, the archive "
                f"{written.items:,} with {written.digest}: did anybody write to it? Delete it, and restore again"
            )

    def finish(self, run: Run) -> None:
        """Have the table's items expire like those of the old one, now that they are verified."""
        description = self.archive.description(run.at)
        if description is not None:
            self.table.expire_like(description)
        self.save(replace(run, ended=int(self.now().timestamp())))

    # What is known of runs

    def save(self, run: Run) -> None:
        self.archive.store.write(f"{RESTORES}{run.run}/run.json", json.dumps(asdict(run), indent=1).encode())

    def load(self, run: str) -> Run:
        """Raises NotStored."""
        told = json.loads(self.archive.store.read(f"{RESTORES}{run}/run.json"))
        return Run(**told | {"prefixes": tuple(told["prefixes"])})


def restore(
    new: NewTable, run: Run, then: Then, writer: Writer, *, progress: Callable[[int], object] = lambda _: None
) -> Written:
    """Make the new table, write all items, verify, and have it expire items. What was interrupted goes on.

    Raises Occupied, Differs, TooBusy; NotStored and Altered if the archive has lost an item.
    """
    run = new.begin(run)
    written = writer.write(changes(then))
    new.verify(written, writer.each, progress)
    new.finish(run)
    return written
