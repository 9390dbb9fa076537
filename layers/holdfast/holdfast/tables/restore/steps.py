"""The steps of a large restore: what the state machine has `tables_restore` do. Each may be done again.

What is small goes from step to step; what a part came to stands in the archive too, so that nothing is done twice.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from holdfast.ports import Clock, Each
from holdfast.tables.archive import Archive
from holdfast.tables.backfill import Pace
from holdfast.tables.item import Digest
from holdfast.tables.model import Change
from holdfast.tables.ports import LiveTable, NotStored
from holdfast.tables.restore import plan
from holdfast.tables.restore.model import Run, Wanted, Written, stamp
from holdfast.tables.restore.run import RESTORES, Differs, NewTable
from holdfast.tables.restore.write import Writer
from holdfast.tables.view import View

SCANNED_ITEMS = 1_000_000
"""Up to how many items the last step reads the whole table. Beyond, that each part read its own has to do."""

SAMPLE = "00"
SAMPLES = 256
"""One id in so many begins so."""

READ_TOGETHER = 1_000

DIGITS = "0123456789abcdef"
NOTED_ITEMS = 1_000
"""From how many items on it is noted that a bit of a part is done: fewer are soon written again."""


class NotAStep(ValueError):
    """An event asks for nothing that a restore does."""


class PartsMissing(Exception):
    """Not all parts of a table are restored."""


@dataclass(frozen=True, slots=True)
class Order:
    """What each step is told. `at`: Unix seconds."""

    table: str
    at: int
    to: str
    run: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Order":
        """Raises NotAStep."""
        try:
            return cls(str(event["table"]), _second(event["at"]), str(event["to"]), str(event["run"]))
        except (KeyError, ValueError, TypeError) as error:
            raise NotAStep(f"the event tells no table, at, to and run of a restore: {error!r}") from None

    @property
    def told(self) -> dict[str, Any]:
        return {"table": self.table, "at": stamp(self.at), "to": self.to, "run": self.run}


def _second(at: str | int) -> int:
    """ISO 8601, or Unix seconds."""
    if isinstance(at, int):
        return at
    moment = datetime.fromisoformat(at)
    return plan.second(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _prefix(event: Mapping[str, Any]) -> str:
    try:
        return str(event["prefix"])
    except KeyError:
        raise NotAStep("the event tells no prefix of a partition") from None


def parts_of(run: str) -> str:
    """Where it is kept what the parts of a run came to."""
    return f"{RESTORES}{run}/parts/"


def at_most(view: View, at: int) -> int:
    """How many changes have to be read for a moment, by the names of their segments: no fewer than items."""
    archive, base = view.archive, view.ground(at).base
    read = archive.base_segments(base.run) if base else []
    return sum(segment.count for segment in [*read, *archive.segments(base.began if base else 0, at)])


def estimate(view: View, at: int) -> tuple[int, bool]:
    """How many items a table held: at most; or if those are many, about, by a sample. Tells too whether it is about."""
    most = at_most(view, at)
    if most <= plan.PARTITION_ITEMS * 16:
        return most, False
    return len(view.at(at, lambda item: item.startswith(SAMPLE)).items) * SAMPLES, True


@dataclass(frozen=True, slots=True)
class Steps:
    """`view_of`: the archive of a table. `table_of`: a table that may not be there yet. `random`: from 0 to 1.
    `seconds`: a clock that only goes forward."""

    view_of: Callable[[str], View]
    table_of: Callable[[str], LiveTable]
    each: Each
    now: Clock
    seconds: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do the step that an event asks for. Raises NotAStep."""
        match event.get("step"):
            case "prepare":
                return self.prepare(Order.of(event))
            case "partition":
                return self.partition(Order.of(event), _prefix(event))
            case "verify":
                return self.verify(Order.of(event))
            case other:
                raise NotAStep(f"{other!r} is no step of a restore: prepare, partition, verify")

    def prepare(self, order: Order) -> dict[str, Any]:
        """Make the table, or go on with one that was begun, and say into which parts the work is divided.

        Raises Occupied, NothingArchived.
        """
        view = self.view_of(order.table)
        items, _ = estimate(view, order.at)
        prefixes = plan.prefixes(items, plan.item_bytes(view.archive.description(order.at)))
        source = plan.source(order.table, order.at, Wanted())
        run = Run(order.run, source, order.table, order.at, order.to, prefixes, items)
        begun = self._new(order).begin(run)
        return replace(order, run=begun.run).told | {"prefixes": list(begun.prefixes), "items": items}

    def partition(self, order: Order, prefix: str) -> dict[str, Any]:
        """Write the items whose ids begin with a prefix, and read them again. Raises Differs, TooBusy.

        It goes by the next digit of the ids, and notes what is done: however slow the table is, it gets on.
        """
        view = self.view_of(order.table)
        written = _load(view.archive, f"{parts_of(order.run)}{prefix}")
        if written is None:
            items, total = view.at(order.at, lambda item: item.startswith(prefix)).items, Digest()
            for begin in (f"{prefix}{digit}" for digit in DIGITS):
                some = self._bit(order, view, begin, [items[one] for one in items if one.startswith(begin)])
                total.merge(some.items, some.digest)
            written = Written(total.items, total.hex)
            _save(view.archive, f"{parts_of(order.run)}{prefix}", written)
        return {"prefix": prefix, "items": written.items, "digest": written.digest}

    def _bit(self, order: Order, view: View, begin: str, changes: list[Change]) -> Written:
        """A bit of a part: once it is done, it is not done again."""
        name = f"{RESTORES}{order.run}/bits/{begin}"
        noted = len(changes) >= NOTED_ITEMS
        if noted and (written := _load(view.archive, name)) is not None:
            return written
        table = self.table_of(order.to)
        writer = Writer(table, view, self.each, Pace(None, self.seconds, self.sleep), random=self.random)
        written = writer.write(changes)
        if self._read_again(table, changes) != written:
            raise Differs(f"table {order.to!r} does not hold what was just written to it: does anybody else write?")
        if noted:
            _save(view.archive, name, written)
        return written

    def _read_again(self, table: LiveTable, changes: list[Change]) -> Written:
        digest = Digest()
        for some in batched(changes, READ_TOGETHER, strict=False):
            for found in self.each(lambda change: table.get(change.keys), some):
                if found is not None:
                    digest.add(found)
        return Written(digest.items, digest.hex)

    def verify(self, order: Order) -> dict[str, Any]:
        """Sum up the parts, compare the whole with the table, and have it expire items. Raises PartsMissing."""
        new = self._new(order)
        run = new.load(order.run)
        total = self._total(new.archive, run)
        answer = {"items": total.items, "digest": total.digest}
        if run.ended is None:
            try:
                if total.items <= SCANNED_ITEMS:
                    new.verify(total, self.each)
            except Differs as error:
                return answer | {"verified": False, "why": str(error)}
            new.finish(run)
        return answer | {"verified": True}

    def _total(self, archive: Archive, run: Run) -> Written:
        def load(prefix: str) -> Written | None:
            return _load(archive, f"{parts_of(run.run)}{prefix}")

        total = Digest()
        for prefix, part in zip(run.prefixes, self.each(load, run.prefixes), strict=True):
            if part is None:
                raise PartsMissing(f"part {prefix!r} of {run.to!r} is not restored yet")
            total.merge(part.items, part.digest)
        return Written(total.items, total.hex)

    def _new(self, order: Order) -> NewTable:
        return NewTable(self.view_of(order.table).archive, self.table_of(order.to), self.now)


def _load(archive: Archive, name: str) -> Written | None:
    try:
        return Written(**json.loads(archive.store.read(f"{name}.json")))
    except NotStored:
        return None


def _save(archive: Archive, name: str, written: Written) -> None:
    archive.store.write(f"{name}.json", json.dumps(asdict(written)).encode())
