"""The warehouse system under random histories: what is called restorable is, what is tagged may go, nothing is lost."""

import os
from dataclasses import replace
from typing import Any

import pytest

from holdfast.warehouse import plan
from holdfast.warehouse.plan import Decision, Facts, Step
from tests.model.histories import Bug, each_of, planted, play_all
from tests.model.warehouse_history import Violated, Weather, play

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "60"))
CHUNKS = 6
ENOUGH_TO_CATCH_A_BUG = 200


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_invariants_hold_in_random_histories(chunk: int) -> None:
    play_all(play, range(chunk, HISTORIES, CHUNKS))


DECIDE = plan.decide


def believes_the_inventory(gone: Any, facts: Facts, *rest: Any) -> Decision:
    """Takes for gone what is not listed, without a look."""
    return DECIDE(gone, replace(facts, original=None), *rest)


def forgets_what_versions_need(gone: Any, facts: Facts, *rest: Any) -> Decision:
    return DECIDE(gone, replace(facts, needed=False), *rest)


def gives_no_grace(gone: Any, facts: Facts, *rest: Any) -> Decision:
    decision = DECIDE(gone, facts, *rest)
    return Decision(Step.EXPIRE, "") if decision.step is Step.MARK else decision


def retires_what_is_young(gone: Any, facts: Facts, retention: Any, now: Any) -> Decision:
    return DECIDE(gone, facts, replace(retention, min_age=retention.min_age * 0), now)


def play_calmly(seed: int) -> int:
    """Without races: what is there at the end was there when it was looked at."""
    return play(seed, Weather(crashes=0.01, lag=0.5))


BUGS: list[Bug] = [
    (plan, "decide", believes_the_inventory),
    (plan, "decide", forgets_what_versions_need),
    (plan, "decide", gives_no_grace),
    (plan, "decide", retires_what_is_young),
]


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug), pytest.raises(Violated):
        play_all(play_calmly, range(ENOUGH_TO_CATCH_A_BUG))
