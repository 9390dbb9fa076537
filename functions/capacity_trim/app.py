"""Evicts the largest objects of the bucket: the action of its alarm, and every minute while that is on."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import alarm

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers what was evicted, the total that is left once the events have arrived, and what held it back."""
    trim = wiring.capacity_trim()
    trimmed = trim(alarm.is_on(event), log=logger.info)
    metrics.add_dimension(name="bucket_name", value=trim.keywords["bucket_name"])
    metrics.add_metric(name="ObjectsEvicted", unit=MetricUnit.Count, value=len(trimmed.evicted))
    metrics.add_metric(name="TrimBlocked", unit=MetricUnit.Count, value=trimmed.blocked)
    metrics.add_metric(name="BreakerHeld", unit=MetricUnit.Count, value=trimmed.breaker is not None)
    return asdict(trimmed)
