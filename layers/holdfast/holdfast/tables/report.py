"""What the functions of the tables system report as metrics: name, unit and value."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from holdfast.tables.check import Checks
    from holdfast.tables.run import Outcome

SERVICE = "tables"
"""The metrics' one dimension."""

type Measured = tuple[str, MetricUnit, float]


def words(done: "Outcome") -> dict[str, Any]:
    """What became of a batch, as a line of the log has it."""
    return {
        "table": done.table,
        "segment": done.segment.name if done.segment else None,
        "stored": done.stored,
        "removed": done.removed,
        "moved": done.moved,
        "rejected": done.rejected,
        "come_again": list(done.failed),
    }


def of_archive(done: "Outcome") -> Iterator[Measured]:
    """Of one batch of a stream; the lag only if something was stored."""
    if done.lag_seconds is not None:
        yield "ArchiveLag", MetricUnit.Seconds, done.lag_seconds
    yield "ArchivedRecords", MetricUnit.Count, done.stored
    yield "RejectedRecords", MetricUnit.Count, done.rejected
    yield "RecordsWithoutTenant", MetricUnit.Count, done.without_tenant


def of_check(done: "Checks") -> Iterator[Measured]:
    """Of all tables together."""
    found = done.tables.values()
    yield "CheckedItems", MetricUnit.Count, sum(one.compared for one in found)
    yield "Differences", MetricUnit.Count, sum(one.differences for one in found)
    yield "UnarchivedRecords", MetricUnit.Count, sum(one.unarchived for one in found)
    yield "Gaps", MetricUnit.Count, sum(one.gaps for one in found)
