"""Compares the inventory of a source with the ledger, and writes down what is to be copied and what is gone."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers the phases of the copy; or, asked for them, the queries that Athena is to answer."""
    answer = wiring.warehouse_plan(logger.info)(event)
    logger.info("planned", run=event["run"], source=event["source"], **answer)
    return answer
