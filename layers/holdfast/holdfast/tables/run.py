"""Archiving: what a batch of a table's stream tells becomes a segment, and what its layout keeps besides."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from holdfast.events.dynamodb import BadRecord, Batch
from holdfast.ports import Clock, Log
from holdfast.tables import naming, plan
from holdfast.tables.archive import Archive
from holdfast.tables.layout import Layout
from holdfast.tables.model import Change, Segment

type ArchiveOf = Callable[[str], Archive]
"""The archive of a table, by its name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch. `failed`: sequence numbers of records that have to come again. `lag_seconds`: from the
    oldest change to the end of this; None if nothing was stored."""

    table: str
    segment: Segment | None
    removed: int
    moved: int
    without_tenant: int
    rejected: int
    lag_seconds: float | None
    failed: Sequence[str]

    @property
    def stored(self) -> int:
        return self.segment.count if self.segment else 0


def archive(
    batch: Batch, *, archive_of: ArchiveOf, layout: Layout, tenant_column: str, now: Clock, log: Log
) -> Outcome:
    """Store all of a batch that can be stored. `tenant_column`: empty where tables have no tenants.

    Run again with the same records, or some of them, it stores the same changes once more: readers count a change once,
    by its item and sequence number. Behind a record that cannot be stored, those of its item wait too.
    """
    store = archive_of(batch.table)
    for bad in batch.bad:
        _reject(bad, store, log)
    found = [plan.archived(record, tenant_column) for record in batch.records]
    kept = layout.keep(batch.table, found)
    for lost in kept:
        if lost.error:
            log("not stored", table=batch.table, sequence=str(lost.failed), error=repr(lost.error))
    changes = [change for one in kept for change in one.changes]
    segment = store.write(changes, shard=batch.shard) if changes else None
    return Outcome(
        table=batch.table,
        segment=segment,
        removed=sum(change.is_removal for change in changes),
        moved=sum(one.moved for one in found),
        without_tenant=_tell_tenantless(batch.table, changes, log) if tenant_column else 0,
        rejected=len(batch.bad),
        lag_seconds=max(0.0, now().timestamp() - segment.first.at) if segment else None,
        failed=[*(str(one.failed) for one in kept if one.error), *(bad.sequence for bad in batch.bad)],
    )


def _reject(bad: BadRecord, store: Archive, log: Log) -> None:
    store.reject(bad.sequence, bad.raw)
    log("rejected", table=store.table, sequence=bad.sequence, why=bad.why)


def _tell_tenantless(table: str, changes: Iterable[Change], log: Log) -> int:
    """An item without its tenant column is kept all the same. Returns how many there are."""
    tenantless = [change for change in changes if change.tenant is None]
    for change in tenantless:
        log("no tenant", table=table, keys=dict(change.keys), kept_under=naming.NO_TENANT)
    return len(tenantless)
