"""Tells whether the inventory of a source is complete and right, and where it is planned."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers a status, a route, and the error if it is one."""
    answer = wiring.warehouse_validate(logger.info)(event)
    logger.info("validated", run=event["run"], source=event["source"], **answer)
    return answer
