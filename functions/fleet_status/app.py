"""Answers `GET /status` with what is protected, how old the last backups are, and what is wrong: a page, or JSON."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers as API Gateway's Lambda proxy integration takes it."""
    answer = wiring.fleet_status(logger.info)(event)
    logger.info("answered", status=answer["statusCode"], bytes=len(answer["body"]))
    return answer
