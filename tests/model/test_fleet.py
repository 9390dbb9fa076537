"""The fleet system under random histories: nothing twice, nothing called good that is not, nothing lost by cleaning."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from holdfast.fleet import backup, plan
from holdfast.fleet.expire import plan as retention
from holdfast.fleet.expire import run as expiring
from holdfast.fleet.model import Backup, Keep
from holdfast.fleet.plan import Seen, Step
from tests.model.fleet_history import BEGINNING, History, Weather, play
from tests.model.fleet_workflow import Violated
from tests.model.histories import Bug, each_of, planted, play_all

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "16"))
CHUNKS = 4
ENOUGH_TO_CATCH_A_BUG = 40


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_invariants_hold_in_random_histories(chunk: int) -> None:
    play_all(play, range(chunk, HISTORIES, CHUNKS))


# Killed at every call


def an_account(*, images: bool) -> History:
    """An instance with two volumes, a database and a cluster, copied to another region; backed up twice before, so that
    a cleaning has something to remove."""
    history = History(Random(5), Weather(lag=timedelta(seconds=60)), images=images)
    account = history.account
    account.machines.clear()
    account.databases.clear()
    account.buckets.clear()
    daily = {"holdfast:backup": "daily"}
    account.instance("eu-west-1", daily, sizes=(8, 20))
    account.database("us-east-1", "orders", daily)
    account.database("eu-west-1", "people", daily, cluster=True)
    account.bucket("eu-west-1", "pictures", daily)
    account.put("pictures", "one")
    history.keep = Keep(1, 0, 0, 0)
    history.fleet = replace(history.fleet, rules=replace(history.fleet.rules, keep=history.keep))
    history.workflow.fleet = history.fleet
    for _ in range(2):
        history.run("daily")
        history.look()
        history.time += timedelta(days=10)
    return history


def run_and_clean(history: History) -> None:
    history.run("daily")
    history.look()
    history.time += timedelta(days=1)
    history.run("cleanup")


@pytest.mark.parametrize("images", [False, True], ids=["snapshots", "images"])
def test_a_run_that_is_killed_at_any_call_makes_and_removes_the_same(images: bool) -> None:
    calm = an_account(images=images)
    before = calm.calls.total()
    run_and_clean(calm)
    expected = what_is_there(calm)
    calls = calm.calls.total() - before
    assert len(expected) == (10 if images else 8)
    for call in range(calls):
        killed = an_account(images=images)
        killed.kill_at = call
        run_and_clean(killed)
        assert killed.was_killed, f"call {call} of {calls} was never made"
        assert what_is_there(killed) == expected, f"killed at call {call}"


def what_is_there(history: History) -> list[tuple[Any, ...]]:
    """All backups, but for the moments and numbers by which they differ."""
    return sorted(
        (part.tags["holdfast:source"], part.tags["holdfast:run"][:16], place.region, part.type, part.of, part.status)
        for (_, _, place), parts in history._parts().items()
        for part in parts
    )


# Bugs that the histories have to catch

NEXT_STEP, KEPT = plan.next_step, retention._kept_of_the_good


def asks_again_at_once(seen: Seen, *rest: Any) -> Step:
    """Takes what a listing does not have for what is not there."""
    return NEXT_STEP(replace(seen, announced={}), *rest)


def announces_nothing(*_: Any) -> bool:
    """So who comes after a crash does not know."""
    return True


def keeps_the_newest_of_a_period(good: Sequence[Backup], keep: Keep) -> list[tuple[Backup, str]]:
    """As some tools do: what it keeps changes with every backup."""
    return KEPT([replace(one, taken=other.taken) for one, other in zip(good, reversed(good), strict=True)], keep)


def forgets_the_last_good_one(good: Sequence[Backup], keep: Keep) -> list[tuple[Backup, str]]:
    return [(one, why) for one, why in KEPT(good, keep) if why != "the last good one"]


def counts_days_and_not_periods(good: Sequence[Backup], keep: Keep) -> list[tuple[Backup, str]]:
    """Keeps nothing that is older than so many days: where backups stopped, the good ones go."""
    newest = max((one.taken for one in good), default=BEGINNING)
    return [(one, why) for one, why in KEPT(good, keep) if newest - one.taken < timedelta(days=keep.daily + 1)]


def ignores_what_stands_in_the_way(*_: Any, **__: Any) -> str:
    return ""


def never_removes(*_: Any) -> str | None:
    return "not today"


BUGS: list[Bug] = [
    (plan, "next_step", asks_again_at_once),
    (backup, "_announce", announces_nothing),
    (retention, "_kept_of_the_good", keeps_the_newest_of_a_period),
    (retention, "_kept_of_the_good", forgets_the_last_good_one),
    (retention, "_kept_of_the_good", counts_days_and_not_periods),
    (retention, "_in_the_way", ignores_what_stands_in_the_way),
    (expiring, "_remove", never_removes),
]


@each_of(BUGS)
def test_a_bug_is_caught(bug: Bug) -> None:
    hurried = bug[2] in (asks_again_at_once, announces_nothing)
    with planted(bug), pytest.raises(Violated):
        play_all(play_in_a_storm if hurried else play, range(ENOUGH_TO_CATCH_A_BUG))


def play_in_a_storm(seed: int) -> History:
    """Functions die, and listings lag, all the time."""
    return play(seed, Weather(crashes=0.1, lag=timedelta(seconds=100)), days=5)
