"""The two layouts of the archive: what is kept of a change besides, or instead of, its line in a segment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from holdfast.ports import Each
from holdfast.tables import naming
from holdfast.tables.item import wire
from holdfast.tables.model import Change
from holdfast.tables.plan import Archived
from holdfast.tables.ports import ItemObjects

INLINE_BYTES = 4096
"""How large an image may be to stand in its line besides being an object, so that no reader needs a request for it.
Compressed, it costs less in a month than such a request."""

type KeyNames = Callable[[str], Sequence[str]]
"""The attributes of a table's key, the partition key first: a stream's records do not tell their order."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of some changes: those that a segment may tell of now, and the sequence number of the first that has
    to come again, with its error."""

    changes: Sequence[Change]
    failed: int | None = None
    error: Exception | None = None


class Layout(Protocol):
    """What is kept of changes before their segment is written."""

    def keep(self, table: str, found: Sequence[Archived]) -> Sequence[Kept]: ...


class SegmentLayout:
    """Nothing: segments hold the images."""

    def keep(self, table: str, found: Sequence[Archived]) -> Sequence[Kept]:  # noqa: ARG002
        return [Kept([one.change for one in found])]


@dataclass(frozen=True, slots=True)
class ItemLayout:
    """A versioned object an item: version control for data. Segments say which version is of which moment.

    `has_tenants`: whether tenants are part of the prefix. `plain_names`: name objects by their items' plain keys.
    `inline`: up to how many bytes of an image stand in its line too.
    """

    objects: ItemObjects
    prefix: str
    has_tenants: bool
    plain_names: bool
    key_names: KeyNames
    each: Each
    inline: int = INLINE_BYTES

    def keep(self, table: str, found: Sequence[Archived]) -> Sequence[Kept]:
        ordered = sorted(found, key=lambda one: (one.change.item, one.change.moment))
        by_item = [list(some) for _, some in groupby(ordered, key=lambda one: one.change.item)]
        return list(self.each(lambda some: self._keep_item(table, some), by_item))

    def key_of(self, table: str, change: Change, tenant: str | None) -> str:
        """The key of the object of an item, as a tenant's."""
        folder = naming.tenant_folder(tenant) if self.has_tenants else None
        name = naming.plain_name(change.keys, self.key_names(table)) if self.plain_names else change.item
        return naming.item_key(self.prefix, table, folder, name)

    def _keep_item(self, table: str, found: Sequence[Archived]) -> Kept:
        """Write the changes of one item one behind the other, until one fails."""
        kept: list[Change] = []
        for one in found:
            try:
                kept.append(self._keep(table, one))
            except Exception as error:  # whatever it is: the others are stored, and this one comes again
                return Kept(kept, one.change.moment.sequence, error)
        return Kept(kept)

    def _keep(self, table: str, one: Archived) -> Change:
        change = one.change
        key = self.key_of(table, change, change.tenant)
        if change.image is None:
            self.objects.remove(key)
            kept = change
        else:
            whole = wire(change.image)
            line = change.image if len(whole) <= self.inline else None
            kept = replace(change, image=line, stored=self.objects.put(key, whole, change.moment))
        if one.moved:
            self.objects.remove(self.key_of(table, change, one.left))
        return kept
