"""What the workflow may ask for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.fleet import steps
from holdfast.fleet.model import NotARun
from holdfast.fleet.steps import slot_of
from tests.unit.fleet.domain import DAILY, DUE, Estate, digests

STARTED = "2026-11-21T02:00:03.456Z"


@pytest.mark.parametrize(
    ("due", "run"),
    [
        ("2026-11-21T02:00:00Z", "daily-2026-11-21T02-00-00Z"),
        ("2026-11-21T03:00:00+01:00", "daily-2026-11-21T02-00-00Z"),
        ("2026-11-21T02:00:00", "daily-2026-11-21T02-00-00Z"),
        (None, "daily-2026-11-21T02-00-03Z"),
        ("<aws.scheduler.scheduled-time>", "daily-2026-11-21T02-00-03Z"),
        (12, "daily-2026-11-21T02-00-03Z"),
    ],
)
def test_a_run_is_named_by_when_it_was_due_or_else_began(due: object, run: str) -> None:
    assert str(slot_of({"schedule": "daily", "due": due, "started": STARTED})) == run


def test_slots_of_events_without_a_zone_can_be_compared() -> None:
    naive, aware = (slot_of({"schedule": "daily", "due": due}) for due in ("2026-11-21T02:00", "2026-11-21T01:00Z"))
    assert (aware < naive, naive.due) == (True, DUE)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (
            {"schedule": "hourly", "started": STARTED},
            "'hourly' is no schedule: one of daily, weekly, manual, cleanup is",
        ),
        ({"started": STARTED}, "None is no schedule"),
        ({"schedule": ["daily"], "started": STARTED}, "is no schedule"),
        ({"schedule": "daily"}, "the event tells no moment as started, but None"),
        ({"schedule": "daily", "started": "now"}, "the event tells no moment as started, but 'now'"),
    ],
)
def test_an_event_that_names_no_run_is_refused(event: dict[str, Any], why: str) -> None:
    with pytest.raises(NotARun, match=why):
        steps.Discover(Estate().fleet)(event)


@pytest.mark.parametrize("resources", ["orders", ["orders"], ("orders",)])
def test_one_resource_may_be_told_as_a_text(resources: object) -> None:
    estate = Estate()
    estate.account.database("eu-west-1", "orders", DAILY)
    estate.account.database("eu-west-1", "people", DAILY)
    answer = steps.Discover(estate.fleet)({"schedule": "manual", "started": STARTED, "resources": resources})
    assert len(digests(answer)) == 1


@pytest.mark.parametrize("step", [steps.Backup, steps.Verify])
def test_an_item_needs_a_run_and_a_resource_that_was_discovered(step: Any) -> None:
    estate = Estate()
    with pytest.raises(NotARun, match="the event tells no 'resource': run and resource are needed"):
        step(estate.fleet)({"run": "daily-2026-11-21T02-00-00Z"})
    with pytest.raises(NotARun, match="daily-2026-11-21T02-00-00Z discovered no resource x"):
        step(estate.fleet)({"run": "daily-2026-11-21T02-00-00Z", "resource": "x"})


@pytest.mark.parametrize("event", [{}, {"run": None}, {"run": "../../x"}])
def test_a_cleaning_and_a_report_need_a_run(event: dict[str, Any]) -> None:
    estate = Estate()
    with pytest.raises(NotARun):
        steps.Expire(estate.fleet, estate.breaker)(event, time_left=lambda: True)
    with pytest.raises(NotARun):
        steps.Report(estate.fleet, {})({**event, "step": "report"})


def test_a_report_of_what_never_began_is_refused() -> None:
    with pytest.raises(NotARun, match="daily-2026-11-21T02-00-00Z has discovered nothing yet: it never began"):
        Estate().report("daily-2026-11-21T02-00-00Z")


def test_a_step_that_there_is_not_is_refused() -> None:
    with pytest.raises(steps.NotAStep, match="'repeat' is no step: failed or report"):
        steps.Report(Estate().fleet, {})({"step": "repeat"})


def test_a_moment_keeps_its_second() -> None:
    assert slot_of({"schedule": "manual", "due": None, "started": STARTED}).due == datetime(
        2026, 11, 21, 2, 0, 3, tzinfo=UTC
    )
