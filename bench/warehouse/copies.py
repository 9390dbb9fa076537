"""How fast the direct engine copies, and at what cost, beside programs that do nothing else."""

from bench.objects import backfill
from bench.report import Report

WAYS = {
    "boto3 in threads": "bench.objects.copying.with_boto3",
    "ours, an order": "bench.warehouse.copying.ordered",
    "ours, an order and its commit": "bench.warehouse.copying.committed",
}


def report(objects: int, rounds: int) -> Report:
    """Raises Missing, ServerDied, Failed, CopiedWrong."""
    return backfill.report(objects, rounds, WAYS)
