"""Take back a restore in place: each item that is still what the restore made of it becomes what it was before."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import batched

from holdfast.ports import Each
from holdfast.tables.backfill import Pace
from holdfast.tables.ports import LiveTable
from holdfast.tables.restore import plan
from holdfast.tables.restore.model import Back, Entry, Look, Outcome
from holdfast.tables.restore.write import swapped

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Undo:
    """Plays journals back. `progress` is told how many items were dealt with, from any thread."""

    table: LiveTable
    each: Each
    pace: Pace
    progress: Callable[[int], object] = lambda _: None

    def look(self, entries: Iterable[Entry]) -> Iterator[Look]:
        """What is to be done about each item. Raises TableMissing."""
        self.table.describe(0)
        for some in batched(entries, CHUNK, strict=False):
            yield from self.each(self._look, some)

    def _look(self, entry: Entry) -> Look:
        found = self.table.get(entry.keys)
        self.progress(1)
        return Look(entry, plan.take_back(entry.before, entry.after, found))

    def apply(self, looks: Iterable[Look]) -> Iterator[Outcome]:
        """Write what items were before, each only if it still is what the restore made of it."""
        todo = (look.entry for look in looks if look.back is Back.UNDO)
        for some in batched(todo, CHUNK, strict=False):
            yield from self.each(self._take_back, some)

    def _take_back(self, entry: Entry) -> Outcome:
        done = swapped(self.table, self.pace, Entry(entry.keys, entry.after, entry.before))
        self.progress(1)
        return done
