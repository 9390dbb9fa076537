"""Looks whether a backup is complete, encrypted, plausible and of the right source, and says so on it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers whether it is verified or failed, and what was found."""
    answer = wiring.fleet_verify(logger.info)(event)
    logger.info("verified", run=event["run"], resource=event["resource"], **answer)
    return answer
