"""What an EventBridge rule sends on its schedule.

https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled.html
"""

from collections.abc import Mapping
from typing import Any


def is_schedule(event: Mapping[str, Any]) -> bool:
    """Whether a schedule sent this event, and not somebody by hand."""
    return event.get("source") == "aws.events" and event.get("detail-type") == "Scheduled Event"
