"""Redriving: what Lambda gave up of a stream is read again, and the archive completed; or it is said to have a gap."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from holdfast.events import dynamodb, failed_batch
from holdfast.events.failed_batch import FailedBatch, NotAFailedBatch
from holdfast.ports import Clock, Log
from holdfast.tables import plan, run
from holdfast.tables.archive import Archive
from holdfast.tables.fill import Fill
from holdfast.tables.layout import SegmentLayout
from holdfast.tables.model import Change, Gap
from holdfast.tables.ports import FailureQueue, LiveTable, Message, Stream, Trimmed
from holdfast.tables.view import FOR_EVER

ARRIVAL_MARGIN = 60
"""Seconds by which a change may be older or younger than its approximate arrival."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message of the on-failure queue. `batch`: None if it is none of a stream's; then `why`."""

    message: Message
    batch: FailedBatch | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a message. `stays`: why it is still in the queue; None if it is done with, and deleted.

    `stored`: how many records were. `gap`: those that nobody has any more.
    """

    waiting: Waiting
    stored: int = 0
    gap: Gap | None = None
    stays: str | None = None


def waiting(queue: FailureQueue, table: str | None = None) -> list[Waiting]:
    """What the queue holds, of one table or of all. Whoever calls this releases what it does not delete."""
    found: list[Waiting] = []
    others: list[Message] = []
    for message in queue.receive():
        try:
            one = Waiting(message, failed_batch.parse(message.body))
        except NotAFailedBatch as error:
            one = Waiting(message, None, str(error))
        if table is None or (one.batch and one.batch.table == table):
            found.append(one)
        else:
            others.append(message)
    for message in others:  # only now: otherwise they would come again
        queue.release(message)
    return found


@dataclass(frozen=True, slots=True)
class Redriver:
    """Replays failed batches."""

    queue: FailureQueue
    stream_of: Callable[[str], Stream]
    table_of: Callable[[str], LiveTable]
    archive_of: run.ArchiveOf
    fill: Fill
    tenant_column: str
    now: Clock
    log: Log

    def redrive(self, one: Waiting) -> Redriven:
        """Store all of a batch that can be stored. Its message is deleted if nothing of it is left to do."""
        if one.batch is None:
            done = Redriven(one, stays=one.why)
        else:
            try:
                done = self._replay(one, one.batch)
            except Exception as error:  # whatever it is: the message stays, and the others are redriven
                self.log("not redriven", table=one.batch.table, shard=one.batch.shard, error=repr(error))
                done = Redriven(one, stays=str(error) or repr(error))
        if done.stays is None:
            self.queue.delete(one.message)
        else:
            self.queue.release(one.message)
        return done

    def _replay(self, one: Waiting, failed: FailedBatch) -> Redriven:
        archive = self.archive_of(failed.table)
        raw, complete = self._records(archive, failed)
        batch = dynamodb.batch(failed.table, failed.stream_arn, raw, failed.shard)
        outcome = run.archive(
            batch,
            archive_of=self.archive_of,
            layout=SegmentLayout(),
            tenant_column=self.tenant_column,
            now=self.now,
            log=self.log,
        )
        self._fill(failed.table, batch.records)
        found = {record.sequence for record in batch.records} | {int(bad.sequence) for bad in batch.bad}
        gap = None if complete else self._gap(archive, failed, found)
        _note_unread(archive, failed, batch.bad)
        return Redriven(one, outcome.stored, gap, _why(batch.bad))

    def _records(self, archive: Archive, failed: FailedBatch) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """The batch's records as they came, and whether these are all. What the stream does not hold any more was
        perhaps kept because nobody could read it."""
        stream = self.stream_of(failed.stream_arn)
        try:
            return list(stream.records(failed.shard, failed.first, failed.last)), True
        except Trimmed:
            found = {_sequence(raw): raw for raw in archive.rejected_between(failed.first, failed.last)}
            found |= {_sequence(raw): raw for raw in _still_held(stream, failed)}
            return [found[sequence] for sequence in sorted(found)], len(found) >= failed.records

    def _gap(self, archive: Archive, failed: FailedBatch, found: set[int]) -> Gap | None:
        """What is missing of a batch, unless it had been stored before Lambda gave it up."""
        since, until = failed.first_at - ARRIVAL_MARGIN, failed.last_at + ARRIVAL_MARGIN
        segments = archive.segments(since, until)
        known = found | {change.moment.sequence for segment in segments for change in archive.changes(segment)}
        mine = {sequence for sequence in known if failed.first <= sequence <= failed.last}
        if {failed.first, failed.last} <= mine and len(mine) >= failed.records:
            return None
        gap = Gap(
            failed.first_at,
            failed.last_at,
            "the stream had dropped these records before they were stored",
            records=max(1, failed.records - len(mine)),
            shard=failed.shard,
        )
        archive.save_gap(f"stream-{failed.shard}-{failed.first}-{failed.last}", gap)
        self.log("gap", table=failed.table, first_at=gap.first_at, last_at=gap.last_at, records=gap.records)
        return gap

    def _fill(self, table: str, records: Sequence[dynamodb.StreamRecord]) -> None:
        """Of each item only what it was at last; and nothing where it was another tenant's before."""
        found = [plan.archived(record, self.tenant_column) for record in records]
        newest = plan.latest((one.change for one in found), FOR_EVER)
        left = [_removed(one.change, one.left) for one in found if one.moved]
        self.fill(self.table_of(table), [*newest.values(), *left])


def _note_unread(archive: Archive, failed: FailedBatch, bad: Sequence[dynamodb.BadRecord]) -> None:
    """Nobody knows what a record changed that cannot be read. That is a gap too, though its message stays: a message
    stays for two weeks. Once the record is read, the gap is of nothing."""
    name = f"unread-{failed.shard}-{failed.first}-{failed.last}"
    known = archive.gap(name)
    if bad:
        why = f"records cannot be read: {bad[0].why}"
        archive.save_gap(name, Gap(failed.first_at, failed.last_at, why, records=len(bad), shard=failed.shard))
    elif known:
        archive.save_gap(name, replace(known, records=0))


def _removed(change: Change, tenant: str | None) -> Change:
    return Change(change.item, change.keys, change.moment, change.cause, tenant=tenant)


def _still_held(stream: Stream, failed: FailedBatch) -> Iterator[Mapping[str, Any]]:
    """Those of a batch's records that the stream holds, if it does not hold its first any more."""
    try:
        oldest = stream.oldest(failed.shard, failed.records)
    except Trimmed:
        return
    yield from (raw for raw in oldest if failed.first <= _sequence(raw) <= failed.last)


def _sequence(raw: Mapping[str, Any]) -> int:
    return int(raw["dynamodb"]["SequenceNumber"])


def _why(bad: Sequence[dynamodb.BadRecord]) -> str | None:
    """What keeps a batch from being done with."""
    if not bad:
        return None
    more = f", and {len(bad) - 1:,} more like it" if len(bad) > 1 else ""
    return f"record {bad[0].sequence} cannot be read: {bad[0].why}{more}"
