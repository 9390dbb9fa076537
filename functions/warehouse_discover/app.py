"""Names a run, and finds the newest inventory of each source."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers the run's name, and an item for each source."""
    answer = wiring.warehouse_discover(logger.info)(event)
    logger.info("discovered", run=answer["run"], sources=answer["sources"])
    return answer
