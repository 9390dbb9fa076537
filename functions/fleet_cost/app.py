"""Adds up what the backups of all systems cost."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.fleet import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers the dollars a month of each system."""
    answer = wiring.fleet_cost(logger.info)(event)
    measures.log(metrics, measures.of_cost(answer))
    logger.info("counted", systems=answer["systems"])
    return answer
