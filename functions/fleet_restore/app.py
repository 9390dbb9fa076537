"""Brings a restore, or a drill, one step on: prepares, provisions, configures, validates, destroys, reports."""

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
    """Answers as the step is asked: what there is to do, how an item stands, or what failed."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    answer = wiring.fleet_restore(logger.info)(event, time_left=time_left)
    measures.log(metrics, measures.of_restore(answer))
    logger.info("step done", step=event["step"], restore=event.get("restore"), item=event.get("item"), answer=answer)
    return answer
