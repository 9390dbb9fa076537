"""Copies what was written to a protected bucket, and disowns the copies of what was deleted from it."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import s3
from holdfast.objects import report

logger = Logger()
metrics = Metrics(service=report.SERVICE)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers what became of each event that S3 itself, or EventBridge, sent."""
    done = wiring.objects_replicate(logger.info)(s3.from_trigger(event))
    for name, unit, value in report.of_replication(done):
        metrics.add_metric(name=name, unit=unit, value=value)
    done.raise_failures()
    return {"events": [{"key": one.event.name, "verdict": one.verdict} for one in done.replicated]}
