"""Stores what a table's stream tells: a segment a batch, and with the layout `item` a version of each item's object."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import dynamodb
from holdfast.tables import report

logger = Logger()
metrics = Metrics(service=report.SERVICE)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers which records of the batch have to come again."""
    done = wiring.tables_archive(logger.info)(dynamodb.from_lambda(event))
    logger.info("archived", **report.words(done))
    for name, unit, value in report.of_archive(done):
        metrics.add_metric(name=name, unit=unit, value=value)
    return dynamodb.partial_failure(done.failed)
