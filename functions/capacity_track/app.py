"""Brings the watched bucket's events, as SNS put them into the tracking queue, into its running total."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import sqs

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers which messages of the batch have to come again."""
    deliveries, unreadable = sqs.deliveries(event)
    for message_id, error in unreadable.items():
        logger.error("unreadable message", message_id=message_id, error=error)
    failed = wiring.capacity_track()(deliveries, log=logger.info)
    return sqs.partial_failure([*unreadable, *failed])
