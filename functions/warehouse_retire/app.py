"""Tags copies whose originals are gone, and after the grace those that the lifecycle rule may expire."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.warehouse import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)
RESERVE_MILLISECONDS = 120_000


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers how many copies were marked, handed to the lifecycle rule, or taken back, and what held it back."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    answer = wiring.warehouse_retire(logger.info)(event, time_left=time_left)
    logger.info("retired", run=event["run"], source=event["source"], **answer)
    for name, unit, value in measures.of_retirement(answer):
        metrics.add_metric(name=name, unit=unit, value=value)
    return answer
