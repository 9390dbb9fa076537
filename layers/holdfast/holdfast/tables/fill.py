"""Objects of items, in the layout `item`, for what a table's stream did not tell in time: what a backfill read, and
what is replayed. The stream goes on meanwhile, and what it tells is newer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from holdfast.ports import Each
from holdfast.tables import plan
from holdfast.tables.item import wire
from holdfast.tables.layout import ItemLayout
from holdfast.tables.model import Cause, Change, Image
from holdfast.tables.ports import LiveTable, TableMissing

type Fill = Callable[[LiveTable, Sequence[Change]], int]
"""Make the objects of some items of a table as new as these changes, where they are older. Returns how many items it
read from the table for that."""


def no_objects(table: LiveTable, changes: Sequence[Change]) -> int:  # noqa: ARG001
    """The layout `segment` keeps nothing of items by themselves."""
    return 0


@dataclass(frozen=True, slots=True)
class ItemFill:
    """The `Fill` of the layout `item`. `tenant_column`: empty where tables have no tenants."""

    layout: ItemLayout
    tenant_column: str
    each: Each

    def __call__(self, table: LiveTable, changes: Sequence[Change]) -> int:
        return sum(self.each(lambda change: self._fill(table, change), changes))

    def _fill(self, table: LiveTable, change: Change) -> int:
        if change.image is None:
            return self._remove(table, change)
        return self._put(table, change, change.image)

    def _put(self, table: LiveTable, change: Change, image: Image) -> int:
        key = self.layout.key_of(table.name, change, change.tenant)
        # What is read again and again needs no version each time. What is replayed does: each has its own moment.
        was_read = change.cause is Cause.READ
        written = self.layout.objects.put_if_newer(key, wire(image), change.moment, if_other=was_read)
        if written is None:
            return 0
        # It may have been removed since, and its removal archived: then nobody else covers this version.
        if self._live(table, change) is None:
            self.layout.objects.forget(written)
        return 1

    def _remove(self, table: LiveTable, change: Change) -> int:
        if self._live(table, change) is not None:
            return 1
        key = self.layout.key_of(table.name, change, change.tenant)
        self.layout.objects.remove(key)
        # It may have been put again, and archived, before that removal: its object is the newest one's.
        if (live := self._live(table, change)) is not None:
            self.layout.objects.put_if_newer(key, wire(live), change.moment)
        return 2

    def _live(self, table: LiveTable, change: Change) -> Image | None:
        """The item as the table holds it, if it does, and as the same tenant's."""
        try:
            live = table.get(change.keys)
        except TableMissing:
            return None
        if live and self.tenant_column and plan.tenant(live, self.tenant_column) != change.tenant:
            return None
        return live
