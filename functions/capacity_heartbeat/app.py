"""Logs the bucket's total on a schedule, into the log that the metric is made from."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Answers the total, in bytes."""
    return {"total_size": wiring.capacity_heartbeat()(log=logger.info)}
