"""Deletes the copies that were disowned longer than the delay ago: every minute, and goes on with the next."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.objects import report

logger = Logger()
metrics = Metrics(service=report.SERVICE)
RESERVE_MILLISECONDS = 15_000


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers how many copies went, and whether any that are due are left."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    cleaned = wiring.objects_clean(logger.info)(time_left=time_left)
    for name, unit, value in report.of_cleaning(cleaned):
        metrics.add_metric(name=name, unit=unit, value=value)
    cleaned.raise_failures()
    return asdict(cleaned)
