"""Removes backups that are no longer kept, and says what keeps others."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.fleet import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)
RESERVE_MILLISECONDS = 60_000


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers how many were removed or are blocked, whether that was all, and what held it back."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    answer = wiring.fleet_expire(logger.info)(event, time_left=time_left)
    logger.info("expired", run=event["run"], **answer)
    measures.log(metrics, measures.of_expire(answer))
    return answer
