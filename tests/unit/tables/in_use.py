"""A table in use: its stream, of which not everything is delivered, and its archive."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from holdfast.adapters.memory_tables import MemoryStream, MemoryTable
from holdfast.tables import backfill, item
from holdfast.tables.check import Checker, Subject
from holdfast.tables.fill import Fill, ItemFill, no_objects
from holdfast.tables.layout import ItemLayout
from holdfast.tables.model import Base, Image, Reference
from tests.unit.tables.domain import ARN, DESCRIPTION, T0, TABLE, Archived, a_record, an_item, keys

SHARD = "shardId-1"
STREAMING = replace(
    DESCRIPTION,
    table={
        **DESCRIPTION.table,
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "LatestStreamArn": ARN,
        # The table was there for long when its stream was switched on.
        "CreationDateTime": T0 - 1e6,
    },
)


@dataclass
class InUse:
    """Seconds since T0, wherever a time is given."""

    layout: str = "segment"
    tenant_column: str = ""
    seconds: int = 1000
    whenever: Callable[[], None] = lambda: None
    """What happens while the archive gets time to catch up."""

    slept: list[float] = field(default_factory=list)
    sequence: int = 100

    def __post_init__(self) -> None:
        self.archived = Archived(self.layout, tenant_column=self.tenant_column)
        self.table = MemoryTable(TABLE, STREAMING, lambda: T0 + self.seconds)
        self.stream = MemoryStream(ARN, {SHARD: []})
        self.undelivered: list[dict[str, Any]] = []
        self.log: list[tuple[str, dict[str, object]]] = []

    # What its users do

    def put(self, name: str, value: str = "", **attributes: Any) -> None:
        self._change(name, an_item(name, value, **attributes))

    def remove(self, name: str) -> None:
        self._change(name, None)

    def _change(self, name: str, new: Image | None) -> None:
        one, self.sequence = item.item_id(keys(name)), self.sequence + 1
        old = self.table.items.pop(one, None)
        if new:
            self.table.items[one] = new
        record = a_record(name, new, old, at=self.seconds, sequence=self.sequence)
        self.stream.open_shards[SHARD].append(record)
        self.undelivered.append(record)

    # What becomes of it

    def deliver(self) -> None:
        """Everything that the stream has told since then is archived."""
        if self.undelivered:
            self.archived(*self.undelivered, now=self.seconds)
        self.undelivered = []

    def lose(self, trimmed: bool = True) -> None:
        """What was not delivered never will be."""
        self.undelivered = []
        self.stream.trimmed = self.sequence if trimmed else self.stream.trimmed

    @property
    def fill(self) -> Fill:
        layout = self.archived.layout
        return ItemFill(layout, self.tenant_column, map) if isinstance(layout, ItemLayout) else no_objects

    def backfill(self, run: str = "run", parts: int = 2, limit: int = 2) -> Base:
        base = backfill.begin(self.table, self.archived.archive, run, parts)
        return self.go_on(base, limit)

    def go_on(self, base: Base, limit: int = 2, progress: Callable[[int], None] = lambda _: None) -> Base:
        return backfill.backfill(
            base,
            table=self.table,
            archive=self.archived.archive,
            tenant_column=self.tenant_column,
            fill=self.fill,
            pace=backfill.Pace(None, lambda: 0.0, self.slept.append),
            limit=limit,
            side=map,
            progress=progress,
        )

    # Checking

    def now(self) -> datetime:
        return datetime.fromtimestamp(T0 + self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += int(seconds)
        self.whenever()

    @property
    def subject(self) -> Subject:
        return Subject(self.table, self.archived.view)

    def checker(self, **more: Any) -> Checker:
        return Checker(
            stream_of=lambda _: self.stream, each=map, now=self.now, sleep=self.sleep, random=Random(1), **more
        )

    def note(self, message: str, **fields: object) -> None:
        self.log.append((message, fields))

    def break_object(self, name: str) -> Reference:
        """The newest version of an item's object is lost."""
        [change] = [one for one in self.archived.view.history(item.item_id(keys(name))) if one.stored][-1:]
        assert change.stored
        self.archived.objects.forget(change.stored)
        return change.stored
