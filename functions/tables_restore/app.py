"""Does one step of a large restore: makes the new table, fills a part of it, or verifies the whole."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers what the state machine needs for the next step."""
    answer = wiring.tables_restore()(event)
    logger.info("step done", step=event["step"], table=event["table"], to=event["to"], run=event["run"])
    return answer
