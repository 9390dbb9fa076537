"""What a cleaning removes, and what it writes down."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.breaker.plan import Budget
from holdfast.breaker.run import resume
from holdfast.fleet.model import Keep, Tag
from tests.unit.fleet.domain import ABROAD, DAILY, HOME, OWN_KEY, Estate

ONE = Keep(1, 0, 0, 0)


class Crash(BaseException):
    """The function is gone."""


def an_estate(days: int = 3, sizes: tuple[int, ...] = (8,), **more: Any) -> Estate:
    """An instance, backed up once a day."""
    estate = Estate(**{"keep": ONE, "require_encryption": False, **more})
    estate.account.instance("eu-west-1", DAILY, sizes=sizes, kms_key=OWN_KEY)
    for _ in range(days):
        assert estate.run()["failed"] == []
        estate.later(days=1)
    return estate


def expired(estate: Estate) -> dict[str, Any]:
    (key,) = (key for key in estate.documents.keys("runs/cleanup-") if key.endswith("/expired.json"))
    return dict(estate.document(key))


def names(told: list[dict[str, str]]) -> list[str]:
    return [one["backup"].rpartition("/")[2] for one in told]


def test_what_the_rule_lets_go_is_removed_everywhere() -> None:
    estate = an_estate(copies=ABROAD)
    assert (len(estate.ids(HOME)), len(estate.ids(ABROAD))) == (3, 3)
    answer = estate.expire()
    assert answer == {"done": True, "removed": 4, "blocked": 0, "held": None}
    assert (len(estate.ids(HOME)), len(estate.ids(ABROAD))) == (1, 1)
    told = expired(estate)
    assert names(told["removed"]) == ["daily-2026-11-21T02-00-00Z"] * 2 + ["daily-2026-11-22T02-02-00Z"] * 2
    assert {one["why"] for one in told["removed"]} == {"kept as none of 1 daily, 0 weekly, 0 monthly, 0 yearly"}
    assert {one["why"] for one in told["kept"]} == {"daily 1 of 1, the last good one"}
    assert (told["blocked"], told["removing"], told["held"]) == ([], [], None)


def test_an_image_goes_before_its_snapshots() -> None:
    estate = an_estate(days=2, images=True)
    deleted: list[str] = []
    estate.hook = lambda call, *what: deleted.append(what[-1]) if call == "delete" else None
    assert estate.expire()["removed"] == 1
    assert [one.split("-")[0] for one in deleted] == ["ami", "snap"]
    assert len(estate.ids()) == 2


def test_what_is_kept_is_not_touched() -> None:
    estate = an_estate(keep=Keep(7, 0, 0, 0))
    assert estate.expire() == {"done": True, "removed": 0, "blocked": 0, "held": None}
    assert len(estate.ids()) == 3


def test_time_that_runs_out_is_asked_for_again() -> None:
    estate = an_estate(days=4)
    run = estate.discover("cleanup")["run"]
    for left, there in ((2, 3), (1, 2)):
        ticks = iter([True, False] * left)
        answer = estate.expire(run, lambda ticks=ticks: next(ticks))  # type: ignore[misc]
        assert (answer["done"], len(estate.ids())) == (False, there)
    assert estate.expire(run) == {"done": True, "removed": 3, "blocked": 0, "held": None}
    assert len(expired(estate)["removed"]) == 3


def test_a_crash_loses_nothing_of_what_was_removed() -> None:
    estate = an_estate(days=4)
    run = estate.discover("cleanup")["run"]
    deletes = iter([None, None, Crash()])

    def hook(call: str, *_: str) -> None:
        if call == "delete" and (error := next(deletes, None)):
            raise error

    estate.hook = hook
    with pytest.raises(Crash):
        estate.expire(run)
    assert len(estate.ids()) == 2
    assert estate.expire(run)["removed"] == 3
    told = expired(estate)
    assert len(told["removed"]) == len({one["backup"] for one in told["removed"]}) == 3


def test_two_cleanings_at_once_remove_the_same() -> None:
    estate = an_estate(days=4)
    run = estate.discover("cleanup")["run"]

    def other(call: str, *_: str) -> None:
        if call == "delete":
            estate.hook = lambda *_: None
            estate.expire(run)

    estate.hook = other
    assert estate.expire(run)["done"]
    assert len(estate.ids()) == 1


def test_what_aws_refuses_to_remove_is_blocked_and_the_others_go() -> None:
    estate = an_estate(days=3)
    first = estate.ids()[0]

    def hook(call: str, *what: str) -> None:
        if call == "delete" and what[-1] == first:
            raise PermissionError("an explicit deny in a policy")

    estate.hook = hook
    assert estate.expire() == {"done": True, "removed": 1, "blocked": 1, "held": None}
    assert [one["why"] for one in expired(estate)["blocked"]] == ["PermissionError: an explicit deny in a policy"]
    assert first in estate.ids()


def test_a_lock_that_came_after_the_plan_is_blocked() -> None:
    estate = an_estate(days=2)
    first = estate.ids()[0]
    estate.hook = lambda call, *_: estate.account.change(first, locked="2027-01-01") if call == "delete" else None
    assert estate.expire()["blocked"] == 1
    assert "is locked until 2027-01-01" in expired(estate)["blocked"][0]["why"]


def test_a_legal_hold_keeps_what_the_rule_lets_go() -> None:
    estate = an_estate(days=2, sizes=(8, 8))
    estate.account.change(estate.ids()[1], tags={Tag.HOLD: "case 12"})
    assert estate.expire() == {"done": True, "removed": 0, "blocked": 1, "held": None}
    assert len(estate.ids()) == 4
    why = "its tag holdfast:legal-hold is case 12: remove it to let it go"
    assert [one["why"] for one in expired(estate)["blocked"]] == [why]


def test_a_region_that_cannot_be_listed_stops_the_cleaning() -> None:
    """Which copies are under way cannot be told then."""
    estate = an_estate(days=2)
    run = estate.discover("cleanup")["run"]

    def hook(call: str, *what: str) -> None:
        if call == "parts" and "eu-central-1" in what:
            raise ConnectionError

    estate.hook = hook
    with pytest.raises(ConnectionError):
        estate.expire(run)
    assert len(estate.ids()) == 2


# The breaker


TIGHT = Budget(30, 0)


def test_an_ordinary_cleaning_is_no_reason_for_the_breaker() -> None:
    """It removes more than half of what there is, as was said when it was made."""
    estate = an_estate(days=40, keep=Keep(7, 4, 12, 3), budget=TIGHT)
    answer = estate.expire()
    assert answer["held"] is None
    assert answer["removed"] == 28
    assert len(estate.ids()) == 12


def test_keeping_less_than_was_said_is_held_until_a_person_resumes() -> None:
    estate = an_estate(days=10, keep=Keep(10, 0, 0, 0), budget=TIGHT)
    estate.keep = ONE
    answer = estate.expire()
    assert (answer["done"], answer["removed"], answer["blocked"]) == (True, 0, 9)
    assert len(estate.ids()) == 10
    (why,) = {one["why"] for one in expired(estate)["blocked"]}
    assert why == (f"the breaker is open: {answer['held']}; once that is right: holdfast breaker resume fleet")
    assert expired(estate)["held"] == answer["held"]
    resume("fleet", estate.breaker.store)
    estate.breaker = replace(estate.breaker, budget=Budget(90, 0))
    assert estate.expire()["removed"] == 9


def test_an_open_breaker_holds_ordinary_cleanings_too() -> None:
    estate = an_estate(days=10, keep=Keep(10, 0, 0, 0), budget=TIGHT)
    estate.keep = ONE
    estate.expire()
    estate.keep = Keep(10, 0, 0, 0)
    for _ in range(3):
        estate.later(days=1)
        estate.run()
    answer = estate.expire(estate.discover("cleanup")["run"])
    assert (answer["held"] is not None, len(estate.ids())) == (True, 13)


def test_what_was_not_removed_is_given_back() -> None:
    estate = an_estate(days=10, keep=Keep(10, 0, 0, 0), budget=Budget(90, 0))
    estate.keep = ONE
    run = estate.discover("cleanup")["run"]
    for _ in range(8):
        ticks = iter([True, False])
        assert estate.expire(run, lambda ticks=ticks: next(ticks))["held"] is None  # type: ignore[misc]
    assert len(estate.ids()) == 2


@pytest.mark.parametrize("minimum", [0, 5])
def test_the_minimum_holds_whatever_the_rule_says(minimum: int) -> None:
    estate = an_estate(days=4, minimum=timedelta(days=minimum))
    answer = estate.expire()
    assert (answer["removed"], answer["blocked"]) == ((3, 0) if minimum == 0 else (0, 3))
