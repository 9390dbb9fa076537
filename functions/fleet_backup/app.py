"""Brings the backup of one resource one step on: asks AWS for what is next, or looks how far it is."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers whether it is waiting, done or failed, why, and how many seconds to wait."""
    answer = wiring.fleet_backup(logger.info)(event)
    logger.info("backed up", run=event["run"], resource=event["resource"], **answer)
    return answer
