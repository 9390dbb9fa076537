"""Writes down what became of a resource or of a run, and which recovery set a run belongs to."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.fleet import measures

logger = Logger()
metrics = Metrics(service=measures.SERVICE)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers what failed, and a summary of the run."""
    answer = wiring.fleet_report(logger.info)(event)
    measures.log(metrics, measures.of_report(answer))
    logger.info("reported", step=event["step"], run=event["run"], failed=answer["failed"])
    return answer
