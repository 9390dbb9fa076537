"""Measures how old the newest good backup of each resource is, and whether every run came that was due."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.fleet import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers the ages, those over their target, the runs that did not come, and how much nobody protects."""
    answer = wiring.fleet_watch(logger.info)(event)
    measures.log(metrics, measures.of_watch(answer))
    logger.info("watched", **{name: value for name, value in answer.items() if name != "ages"})
    return answer
