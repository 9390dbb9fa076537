"""Compares buckets, copies and rows, and repairs what differs: when due by schedule, or at once by hand."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import schedule
from holdfast.objects import report

logger = Logger()
metrics = Metrics(service=report.SERVICE)
RESERVE_MILLISECONDS = 60_000


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers, for each bucket whose pass was begun or gone on with, what was found and whether it is complete."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    done = wiring.objects_reconcile(logger.info)(by_schedule=schedule.is_schedule(event), time_left=time_left)
    for name, unit, value in report.of_reconciliation(done):
        metrics.add_metric(name=name, unit=unit, value=value)
    done.raise_failures()
    return {name: {"complete": one.completed_at is not None, **asdict(one.counts)} for name, one in done.passes.items()}
