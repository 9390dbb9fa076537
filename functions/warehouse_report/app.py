"""Writes down what became of a source or of a run, for people, metrics and Athena; and watches that runs happen."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.warehouse import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)


@logger.inject_lambda_context
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers which sources of a run failed, and a summary of it."""
    answer = wiring.warehouse_report(logger.info)(event)
    for name, unit, value in measures.of_report(answer):
        metrics.add_metric(name=name, unit=unit, value=value)
    told = {name: value for name, value in answer.items() if name != "databases"}
    logger.info("reported", step=event["step"], answer=told)
    return told
