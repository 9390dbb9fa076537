"""Whether a schedule called, or a person."""

from typing import Any

import pytest

from holdfast.events import schedule


def test_a_schedule_is_one() -> None:
    assert schedule.is_schedule({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})


@pytest.mark.parametrize("event", [{}, {"source": "aws.events"}, {"source": "me", "detail-type": "Scheduled Event"}])
def test_anything_else_is_a_person(event: dict[str, Any]) -> None:
    assert not schedule.is_schedule(event)
