"""What the functions of the warehouse system report as metrics: name, unit and value."""

from collections.abc import Iterator, Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

SERVICE = "warehouse"
"""The metrics' one dimension."""

type Measured = tuple[str, MetricUnit, float]


def of_report(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """Of a run, all its databases together; of a source that failed; or of the watch over runs."""
    match answer:
        case {"days_since_backup": days}:
            yield "DaysSinceBackup", MetricUnit.Count, days or 0.0
        case {"databases": _}:
            yield from _of_run(answer)
        case _:
            yield "SourceFailures", MetricUnit.Count, 1


def _of_run(answer: Mapping[str, Any]) -> Iterator[Measured]:
    rows = answer["databases"]

    def total(name: str) -> float:
        return float(sum(row[name] for row in rows))

    yield "FailedSources", MetricUnit.Count, len(answer["failed"])
    yield "CopiedObjects", MetricUnit.Count, total("copied")
    yield "CopiedBytes", MetricUnit.Bytes, total("copied_bytes")
    yield "FailedCopies", MetricUnit.Count, total("failed")
    yield "RetiredCopies", MetricUnit.Count, total("retired")
    yield "ExpiringCopies", MetricUnit.Count, total("expiring")
    yield "RestorableTables", MetricUnit.Count, total("restorable")
    yield "BrokenTables", MetricUnit.Count, total("tables") - total("restorable")
    yield "BackupSeconds", MetricUnit.Seconds, max((row["seconds"] for row in rows), default=0)
    yield "EstimatedDollars", MetricUnit.NoUnit, total("dollars")


def of_retirement(answer: Mapping[str, Any]) -> Iterator[Measured]:
    """Of one source."""
    yield "BreakerHeld", MetricUnit.Count, answer["held"] is not None
