"""Compares the bucket with the table and repairs table and total: when due by schedule, or at once by hand."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.events import schedule

logger = Logger()
RESERVE_MILLISECONDS = 60_000


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers what was compared and repaired, and the bucket's sizes; `due: false` if there was nothing to do yet."""

    def time_left() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS

    done = wiring.capacity_reconcile()(schedule.is_schedule(event), time_left=time_left, log=logger.info)
    return {"due": True, **asdict(done)} if done else {"due": False}
