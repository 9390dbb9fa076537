"""What the functions of the objects system report as metrics: name, unit and value."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from holdfast.objects.reconcile import Reconciliation
    from holdfast.objects.run import Cleaned, Replication

SERVICE = "objects"
"""The metrics' one dimension: what the three functions measure in common adds up."""

type Measured = tuple[str, MetricUnit, float]


def of_replication(done: "Replication") -> Iterator[Measured]:
    """Of one invocation of objects_replicate; the lag once for each copy that an event asked for."""
    tallies = [one.tally for one in done.replicated]
    for tally in tallies:
        for lag in tally.lags:
            yield "ReplicationLag", MetricUnit.Seconds, max(0.0, lag)
    yield "CopiesMade", MetricUnit.Count, sum(tally.copied for tally in tallies)
    yield "CopiedBytes", MetricUnit.Bytes, sum(tally.copied_bytes for tally in tallies)
    yield "CopiesEvicted", MetricUnit.Count, sum(tally.evicted for tally in tallies)
    yield "CopiesDisowned", MetricUnit.Count, sum(tally.disowned for tally in tallies)
    yield "Failures", MetricUnit.Count, len(done.failures)
    yield "BreakerHeld", MetricUnit.Count, sum(tally.held is not None for tally in tallies)


def of_cleaning(done: "Cleaned") -> Iterator[Measured]:
    yield "CopiesCleaned", MetricUnit.Count, done.cleaned
    yield "CleanedBytes", MetricUnit.Bytes, done.cleaned_bytes
    yield "CopiesLocked", MetricUnit.Count, done.locked
    yield "Failures", MetricUnit.Count, done.failed
    yield "BreakerHeld", MetricUnit.Count, done.held is not None


def of_reconciliation(done: "Reconciliation") -> Iterator[Measured]:
    """Of the passes that a run completed: what runs before it found of them is in it."""
    counts = done.completed
    yield "CopiesMade", MetricUnit.Count, counts.copied
    yield "LostDeletions", MetricUnit.Count, counts.deleted
    yield "OrphanCopies", MetricUnit.Count, counts.orphans
    yield "DanglingRows", MetricUnit.Count, counts.dangling
    yield "CorruptCopies", MetricUnit.Count, counts.corrupt
    yield "UnreadableObjects", MetricUnit.Count, counts.unreadable
    yield "Failures", MetricUnit.Count, len(done.failures)
    yield "BreakerHeld", MetricUnit.Count, counts.held > 0
