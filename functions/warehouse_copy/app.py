"""Copies one phase of a plan itself: what is too little for a job of S3 Batch Operations, or too large for it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()
RESERVE_MILLISECONDS = 240_000
"""A thousand copies at a time, thirty-two side by side: a chunk that was begun must find its end."""


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers whether all is done; else it wants to be asked again."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    answer = wiring.warehouse_copy(logger.info)(event, time_left=time_left)
    logger.info("copied", run=event["run"], source=event["source"], phase=event["phase"]["phase"], **answer)
    return answer
