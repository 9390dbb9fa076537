"""The warehouse system under random histories: what is called restorable is, what is tagged may go, nothing is lost."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.warehouse import commit, plan, retire
from holdfast.warehouse.delta import judge as judging
from holdfast.warehouse.engine import PlanEngine
from holdfast.warehouse.model import Gone, State
from holdfast.warehouse.orders import Order
from holdfast.warehouse.plan import Decision, Facts, Step
from tests.model.histories import Bug, each_of, planted, play_all
from tests.model.warehouse_history import Violated, Weather, play

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "18"))
CHUNKS = 6
ENOUGH_TO_CATCH_A_BUG = 100


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_invariants_hold_in_random_histories(chunk: int) -> None:
    play_all(play, range(chunk, HISTORIES, CHUNKS))


DECIDE, JUDGE = plan.decide, judging.judge
READ_LEDGER, RECORD = PlanEngine.read_ledger, retire._Retiring._record


def believes_the_inventory(gone: Gone, facts: Facts, *rest: Any) -> Decision:
    """Takes for gone what is not listed, without a look."""
    return DECIDE(gone, replace(facts, original=None), *rest)


def forgets_what_versions_need(gone: Gone, facts: Facts, *rest: Any) -> Decision:
    return DECIDE(gone, replace(facts, needed=False), *rest)


def gives_no_grace(gone: Gone, facts: Facts, *rest: Any) -> Decision:
    decision = DECIDE(gone, facts, *rest)
    return Decision(Step.EXPIRE, "") if decision.step is Step.MARK else decision


def never_takes_back(gone: Gone, facts: Facts, *rest: Any) -> Decision:
    decision = DECIDE(gone, facts, *rest)
    return Decision(Step.LEAVE, "") if decision.step is Step.TAKE_BACK else decision


def calls_every_table_restorable(connection: Any, logs: Any, fetch: Any, folder: Any, _: Any, needed: Any) -> Any:
    return JUDGE(connection, logs, fetch, folder, None, needed)


def forgets_to_say_what_expires(self: Any, some: Any, state: State, *rest: Any) -> None:
    if state is not State.EXPIRING:
        RECORD(self, some, state, *rest)


def counts_what_expires(self: PlanEngine, ledger: Sequence[Path], _: Sequence[Path]) -> None:
    READ_LEDGER(self, ledger, [])


def copies_whatever_is_there(_: Order) -> bool:
    """Takes the copy of a job for the object that was listed."""
    return False


def play_calmly(seed: int) -> int:
    """Without races: what is there at the end was there when it was looked at."""
    return play(seed, Weather(crashes=0.01, lag=0.5), months=7)


def play_in_a_hurry(seed: int) -> int:
    """While a run goes on, more happens in the lake than between runs."""
    return play(seed, Weather(races=0.5))


BUGS: list[Bug] = [
    (plan, "decide", believes_the_inventory),
    (plan, "decide", forgets_what_versions_need),
    (plan, "decide", gives_no_grace),
    (plan, "decide", never_takes_back),
    (judging, "judge", calls_every_table_restorable),
    (retire._Retiring, "_record", forgets_to_say_what_expires),
    (PlanEngine, "read_ledger", counts_what_expires),
]


SHOWN_FIRST = {
    "believes_the_inventory": 2,
    "forgets_what_versions_need": 2,
    "never_takes_back": 1,
    "counts_what_expires": 3,
}
"""From which history on a bug is looked for: those before it did not show it, and each takes seconds."""


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    first = SHOWN_FIRST.get(bug[2].__name__, 0)
    with planted(bug), pytest.raises(Violated):
        play_all(play_calmly, range(first, first + ENOUGH_TO_CATCH_A_BUG))


def test_a_bug_that_shows_only_in_a_race_is_caught() -> None:
    with planted((commit, "_may_differ", copies_whatever_is_there)), pytest.raises(Violated):
        play_all(play_in_a_hurry, range(ENOUGH_TO_CATCH_A_BUG))
