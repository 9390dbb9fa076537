"""What the capacity system asks before it evicts an object."""

from dataclasses import dataclass

from holdfast.capacity.model import StoredObject
from holdfast.objects.model import Original
from holdfast.objects.ports import CopyTable


@dataclass(frozen=True, slots=True)
class TableOfCopies:
    """The `StoredCopies` of the capacity system, as the copy table has them."""

    table: CopyTable

    def holds(self, bucket: str, found: StoredObject) -> bool:
        """Whether an active copy, which no delete has overtaken, holds exactly this content."""
        kept = self.table.read(Original(bucket, found.name))
        content = found.etag.strip('"'), found.size
        return any((copy.version.etag, copy.version.size) == content for copy in kept.owned)
