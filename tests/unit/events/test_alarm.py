"""Who called: the alarm, and in which state, or somebody else."""

from typing import Any

import pytest

from holdfast.events import alarm


def an_alarm(value: object) -> dict[str, Any]:
    return {"source": "aws.cloudwatch", "alarmData": {"alarmName": "too-big", "state": {"value": value}}}


@pytest.mark.parametrize(("value", "on"), [("ALARM", True), ("OK", False), ("INSUFFICIENT_DATA", False)])
def test_an_alarm_tells_its_state(value: str, on: bool) -> None:
    assert alarm.is_on(an_alarm(value)) is on


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"source": "aws.events", "detail-type": "Scheduled Event"},
        {"source": "aws.events", "alarmData": {"state": {"value": "ALARM"}}},
        {"source": "aws.cloudwatch"},
        an_alarm(None),
    ],
)
def test_any_other_event_tells_nothing_of_the_alarm(event: dict[str, Any]) -> None:
    assert alarm.is_on(event) is None
