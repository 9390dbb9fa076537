"""Finds the newest version of each Delta table whose every file is stored, and writes down what it needs."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()
RESERVE_MILLISECONDS = 300_000


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers how many tables can be restored at their newest version, how many cannot, and whether all is done."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    answer = wiring.warehouse_verify(logger.info)(event, time_left=time_left)
    logger.info("verified", run=event["run"], source=event["source"], **answer)
    return answer
