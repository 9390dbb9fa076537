"""Tries the whole system: grows the bucket past its limit twice, waits for the evictions, asks for the plot."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from holdfast import wiring
from holdfast.capacity.drive import EXPECTED_TOTALS

logger = Logger()
RESERVE = timedelta(seconds=30)


@logger.inject_lambda_context
def lambda_handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers the timeline, whether it is as expected, and which wait ran out if it is not."""
    deadline = wiring.now() + timedelta(milliseconds=context.get_remaining_time_in_millis()) - RESERVE
    drive = wiring.capacity_drive()(deadline=deadline, log=logger.info).run()
    timeline = [{**asdict(moment), "at": moment.at.isoformat()} for moment in drive.timeline]
    expected = {"as_expected": drive.as_expected, "expected_totals": EXPECTED_TOTALS}
    return {**asdict(drive), **expected, "timeline": timeline}
