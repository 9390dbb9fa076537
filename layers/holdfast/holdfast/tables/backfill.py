"""Backfills: what a table held before its stream was archived, read in parts side by side while the table is in use.

What is read is known to have been so at a moment of DynamoDB's own clock before it was read: whatever the stream tells
of that second, or of a later one, comes after it. So a backfill never covers a newer change, whichever is stored first.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import batched
from math import ceil
from threading import Event, Lock

from holdfast.ports import Each
from holdfast.tables import plan
from holdfast.tables.archive import Archive
from holdfast.tables.fill import Fill
from holdfast.tables.model import Base, Description, Image
from holdfast.tables.ports import LiveTable, Page

type Progress = Callable[[int], None]
"""Told how many items more are stored."""

LINES = 5000
"""How many items a segment holds at most. A page of DynamoDB's has a megabyte at most."""


RESUMABLE_SECONDS = 86400
"""How old a backfill may be to be gone on with unless its name is given: what it has read is older."""

UNIT_BYTES = 4096
"""What a strongly consistent read of one capacity unit reads at most."""


# What to do


def resumable(bases: Iterable[Base], description: Description, now: float) -> Base | None:
    """The backfill to go on with: the newest, if it is not complete, and young; and if the table has had one stream
    since it began, so that nothing that happened meanwhile is missed."""
    newest = max(bases, key=lambda base: base.began, default=None)
    if newest is None or newest.ended is not None or now - newest.began > RESUMABLE_SECONDS:
        return None
    since = stream_since(description)
    return newest if since is not None and since <= newest.began else None


def stream_since(description: Description) -> float | None:
    """Since when, in Unix seconds, the table's stream has told of all changes; None if it has none."""
    if not description.has_stream:
        return None
    return plan.seconds(description.table["LatestStreamLabel"])


def read_units(description: Description) -> int:
    """About how many capacity units it takes to read a table once. DynamoDB counts its bytes every six hours."""
    return ceil(int(description.table.get("TableSizeBytes", 0)) / UNIT_BYTES)


def default_rate(description: Description) -> float | None:
    """A quarter of what is provisioned, in units a second; None for a table on demand."""
    table = description.table
    if table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return None
    return float(table["ProvisionedThroughput"]["ReadCapacityUnits"]) / 4


def page_limit(description: Description, rate: float | None, parts: int) -> int:
    """So many items that all parts together read about a second's worth at once."""
    if rate is None:
        return LINES
    table = description.table
    item_bytes = max(1.0, table.get("TableSizeBytes", 0) / max(1, table.get("ItemCount", 0)))
    return max(1, min(LINES, int(rate * UNIT_BYTES / item_bytes / parts)))


@dataclass
class Pace:
    """How fast a table may be read, by any number of threads. `rate`: capacity units a second; None for no bound."""

    rate: float | None
    seconds: Callable[[], float]
    sleep: Callable[[float], None]
    _free_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def wait(self, units: float) -> None:
        """So many units were used: wait until the next may be."""
        if self.rate is None:
            return
        with self._lock:
            now = self.seconds()
            self._free_at = max(self._free_at, now) + units / self.rate
            pause = self._free_at - now
        self.sleep(pause)


# Doing it


def begin(
    table: LiveTable,
    archive: Archive,
    run: str,
    total_segments: int,
    *,
    since: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Base:
    """A new backfill, that has read nothing. Raises TableMissing.

    `since`: when the table's stream was switched on. Only what is read later is known not to miss a change between, and
    DynamoDB's clock is known with a margin: so this waits.
    """
    while (began := table.scan(0, 1, None, 1).as_of) < since:
        sleep(1.0)
    base = Base(run, began, ended=None, items=0, total_segments=total_segments, done={})
    archive.save_base(base)
    return base


def backfill(
    base: Base,
    *,
    table: LiveTable,
    archive: Archive,
    tenant_column: str,
    fill: Fill,
    pace: Pace,
    limit: int,
    side: Each,
    progress: Progress,
) -> Base:
    """Read what a backfill has not read yet, and complete it. `limit`: items of a page. `side` runs its parts.

    Whatever ends it early, what is noted as done is stored, and another run goes on from there. Raises TableMissing.
    """
    names = table.describe(base.began).key_names
    run = _Run(base, table, archive, names, tenant_column, fill, pace, min(limit, LINES), progress)
    try:
        list(side(run.part, range(base.total_segments)))
    finally:
        run.stopped.set()
    return run.complete()


@dataclass
class _Run:
    """A backfill under way."""

    base: Base
    table: LiveTable
    archive: Archive
    key_names: tuple[str, ...]
    tenant_column: str
    fill: Fill
    pace: Pace
    limit: int
    progress: Progress
    stopped: Event = field(default_factory=Event)
    _noting: Lock = field(default_factory=Lock)
    _saving: Lock = field(default_factory=Lock)
    _noted: int = 0
    _saved: int = 0

    def part(self, number: int) -> None:
        """Read one part to its end, unless the others have stopped."""
        try:
            after = self.base.done.get(number)
            while not self._is_over(number) and not self.stopped.is_set():
                page = self.table.scan(number, self.base.total_segments, after, self.limit)
                read = self._store(page)
                self._note(number, page)
                after = page.next_key
                self.pace.wait(page.capacity_units + read)
        except BaseException:
            self.stopped.set()
            raise

    def _is_over(self, number: int) -> bool:
        return number in self.base.done and self.base.done[number] is None

    def _store(self, page: Page) -> int:
        """Returns how many items were read once more."""
        # `as_of` may be by a clock that is behind the one that told when the backfill began: both come before the read.
        as_of = max(page.as_of, self.base.began)
        read = 0
        for images in batched(page.items, LINES, strict=False):
            changes = [plan.seen(image, self.key_names, self.tenant_column, as_of) for image in images]
            self.archive.write(changes, base=self.base.run)
            read += self.fill(self.table, changes)
        return read

    def _note(self, number: int, page: Page) -> None:
        """Save how far the parts came: one of them, and for all that waited meanwhile."""
        with self._noting:
            done: dict[int, Image | None] = {**self.base.done, number: page.next_key}
            self.base = replace(self.base, done=done, items=self.base.items + len(page.items))
            self._noted += 1
            mine = self._noted
        with self._saving:
            if self._saved < mine:
                with self._noting:
                    base, noted = self.base, self._noted
                self.archive.save_base(base)
                self._saved = noted
        self.progress(len(page.items))

    def complete(self) -> Base:
        """Nothing that was read is as new as the end."""
        ended = replace(self.base, ended=self.table.time())
        self.archive.save_base(ended)
        return ended
