"""Compares a sample of each table with its archive, and looks for what will be lost: once a day, or at once by hand."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.tables import report

logger = Logger()
metrics = Metrics(service=report.SERVICE)
RESERVE_MILLISECONDS = 60_000


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers what was found of each table."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    done = wiring.tables_check(logger.info)(time_left=time_left)
    for name, unit, value in report.of_check(done):
        metrics.add_metric(name=name, unit=unit, value=value)
    done.raise_failures()
    return {table: asdict(checked) for table, checked in done.tables.items()}
