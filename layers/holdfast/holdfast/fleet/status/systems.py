"""Looks at each system: at what it has written down of itself, and never through what it keeps."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from holdfast.capacity.ports import Ledger
from holdfast.fleet import naming, proof
from holdfast.fleet.ports import Documents
from holdfast.fleet.status import plan
from holdfast.fleet.status.model import Told
from holdfast.objects.ports import Census, Passes
from holdfast.tables.archive import Archive

type Look = Callable[[datetime], Told]
"""How a system stands at a moment."""

RECENT = timedelta(days=2)
"""The newest segments of a table are sought among those of the last days: one listing, whatever its archive holds."""


def objects(census: Census, passes: Passes, buckets: Sequence[str]) -> Look:
    return lambda _: plan.of_objects(census.counted(), {bucket: passes.load(bucket) for bucket in buckets})


def tables(archives: Sequence[Archive]) -> Look:
    return lambda now: plan.of_tables([_archived(one, now) for one in archives], now)


def _archived(archive: Archive, now: datetime) -> plan.Archived:
    at = int(now.timestamp())
    recent = archive.segments(at - int(RECENT.total_seconds()), at)
    described = archive.description()
    return plan.Archived(
        archive.table,
        newest=max((segment.last.at for segment in recent), default=None),
        described=described.taken_at if described else None,
        bases=sum(base.ended is not None for base in archive.bases()),
        gaps=len(archive.gaps()),
    )


def warehouse(newest: Callable[[], Mapping[str, Any] | None], alarm_after: timedelta) -> Look:
    """`newest`: the report of the newest run that has one."""
    return lambda now: plan.of_warehouse(newest(), alarm_after, now)


def capacity(ledger: Ledger, bucket: str, limit: int) -> Look:
    def look(_: datetime) -> Told:
        state, _rows = ledger.read(bucket, [])
        compared = ledger.progress(bucket).completed_at
        return plan.of_capacity(bucket, state.total_size, state.object_count, limit, compared)

    return look


def fleet(documents: Documents) -> Look:
    return lambda now: plan.of_fleet(documents.load(naming.STATUS), _last_drill(documents), now)


def _last_drill(documents: Documents) -> Mapping[str, Any] | None:
    head = documents.load(proof.HEAD)
    entry: Mapping[str, Any] | None = documents.load(proof.key(head["n"])) if head else None
    return entry
