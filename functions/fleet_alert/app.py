"""Tells people what failed, of which resource, and what to do: by mail, SMS, Slack and PagerDuty, and nothing twice."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.fleet import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers how many messages were sent, suppressed as told before, or not delivered by a channel."""
    answer = wiring.fleet_alert(logger.info)(event)
    measures.log(metrics, measures.of_alert(answer))
    logger.info("alerted", **answer)
    return answer
