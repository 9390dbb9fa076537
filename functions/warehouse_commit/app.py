"""Enters into the ledger what a completion report calls copied and a listing shows as stored."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers how many copies failed, and the phase that tries them once more."""
    answer = wiring.warehouse_commit(logger.info)(event)
    logger.info("committed", run=event["run"], source=event["source"], phase=event["phase"]["phase"], **answer)
    return answer
