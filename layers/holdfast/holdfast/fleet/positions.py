"""What the other systems have of a moment, for a recovery set. The capacity system keeps nothing to restore."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from holdfast.fleet.sets import Member, Positions
from holdfast.objects.ports import Passes
from holdfast.tables.archive import Archive
from holdfast.tables.model import Moment, Segment
from holdfast.warehouse.run import Warehouse
from holdfast.warehouse.runs import newest_first

RECENT = timedelta(days=2)
"""The last change of a table is sought in so much time before the moment."""


def objects(passes: Passes, buckets: Sequence[str]) -> Positions:
    """A copy is made of each object as it is written: any moment can be restored, as far as copies are kept."""

    def positions(moment: datetime) -> Iterator[Member]:
        for bucket in buckets:
            passed = passes.load(bucket)
            compared = passed.completed_at if passed else None
            told = f"compared {compared:%Y-%m-%d %H:%M}" if compared else "never compared with its bucket"
            command = f"holdfast objects restore-prefix '' --bucket {bucket} --at {_second(moment).isoformat()}"
            yield Member("objects", bucket, f"copies, {told}", moment, command)

    return positions


def tables(archives: Sequence[Archive]) -> Positions:
    """A table can be restored as it was in any second that its archive has wholly; where a gap reaches over the moment,
    as it was before that began."""

    def positions(moment: datetime) -> Iterator[Member]:
        for archive in archives:
            if archive.is_begun:
                yield _table(archive, _second(moment))

    return positions


def _table(archive: Archive, moment: datetime) -> Member:
    at = int(moment.timestamp())
    for gap in archive.gaps():
        if gap.first_at is not None and gap.first_at <= at and (gap.last_at is None or at <= gap.last_at):
            at = gap.first_at - 1
    recent = archive.segments(at - int(RECENT.total_seconds()), at)
    last = max((one for segment in recent if (one := _last(archive, segment, at))), default=None)
    told = f"sequence number {last.sequence}" if last else f"no change in {RECENT.days} days"
    restored = datetime.fromtimestamp(at, UTC)
    command = f"holdfast tables restore {archive.table} --at {restored.isoformat()} --to {archive.table}-restored"
    return Member("tables", archive.table, told, restored, command)


def _last(archive: Archive, segment: Segment, at: int) -> Moment | None:
    """The last change of a segment until then. Only one that goes on behind it is read."""
    if segment.last.at <= at:
        return segment.last
    return max((change.moment for change in archive.changes(segment) if change.moment.at <= at), default=None)


def warehouse(lake: Warehouse) -> Positions:
    """Of each Delta table the version that the newest run before the moment found whole."""

    def positions(moment: datetime) -> Iterator[Member]:
        run = next((run for run in newest_first(lake) if run.started <= moment), None)
        for item in run.items if run else ():
            for root, told in sorted((lake.verified(item) or {}).items()):
                if told["version"] is not None:
                    name = root.rstrip("/")
                    command = (
                        f"holdfast warehouse restore {name} --version {told['version']}"
                        f" --to s3://{item.source.bucket}/{name}-restored"
                    )
                    at = datetime.fromisoformat(told["at"])
                    yield Member("warehouse", name, f"version {told['version']}", at, command)

    return positions


def _second(moment: datetime) -> datetime:
    """The systems' commands take whole seconds: the last that is over."""
    return moment.replace(microsecond=0)
