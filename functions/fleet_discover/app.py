"""Names a run, finds what there is to back up, and says what nobody backs up."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers the run, and by service the digests of what it backs up."""
    answer = wiring.fleet_discover(logger.info)(event)
    chosen = {one["service"]: len(one["resources"]) for one in answer["services"]}
    logger.info("discovered", run=answer["run"], resources=chosen, unprotected=answer["unprotected"])
    return answer
