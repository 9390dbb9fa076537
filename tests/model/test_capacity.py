"""The capacity system under random histories: its invariants hold, and the check has teeth."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from holdfast.adapters.memory import MemoryBucket, MemoryLedger
from holdfast.capacity import plan, run
from holdfast.capacity.model import BucketState, Commit, ObjectRow, StoredObject
from holdfast.events.model import ObjectEvent
from holdfast.ports import Conflict
from tests.model import capacity_history
from tests.model.capacity_history import BUCKET, play
from tests.model.histories import Bug, each_of, planted, play_all

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "10000"))
CHUNKS = 10
ENOUGH_TO_CATCH_A_BUG = 5000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_invariants_hold_in_random_histories(chunk: int) -> None:
    play_all(play, range(chunk, HISTORIES, CHUNKS))


# Bugs that a naive version has, or a careless change brings in.


def tracks_whatever_the_order(before: BucketState, rows: Mapping[str, ObjectRow], *rest: object) -> plan.EventsPlan:
    return PLAN_EVENTS(before, {name: replace(row, sequencer="") for name, row in rows.items()}, *rest)  # type: ignore[arg-type]


def compares_sequencers_as_numbers(raw: str) -> str:
    return f"{int(raw, 16):032X}"


def forgets_what_was_deleted(self: MemoryLedger, commit: Commit) -> None:
    COMMIT(self, commit)
    for _, row in commit.rows:
        if row.size is None:
            del self.objects[row.bucket, row.name]


def commits_whatever_the_state(self: MemoryLedger, commit: Commit) -> None:
    state = self.states.get(BUCKET, BucketState(BUCKET))
    COMMIT(self, replace(commit, before=replace(commit.before, version=state.version)))


def commits_whatever_the_rows(self: MemoryLedger, commit: Commit) -> None:
    COMMIT(self, replace(commit, rows=tuple((self.objects.get((BUCKET, row.name)), row) for _, row in commit.rows)))


def counts_deltas_from_nothing(self: plan._Ledger, event: ObjectEvent) -> int:
    row = self.row(event.name)
    if row and row.size and event.size is not None:
        self.changed[event.name] = replace(row, size=None)
    return APPLY(self, event)


def gives_up_in_silence(self: run.Contest, attempt: object) -> object:
    try:
        return SETTLE(self, attempt)  # type: ignore[arg-type]
    except run.Contention:
        return ()


def tries_only_once(self: run.Contest, attempt: object) -> object:
    try:
        return attempt()  # type: ignore[operator]
    except Conflict:
        return ()


def takes_a_deleted_version_for_the_object(event: ObjectEvent, _bucket: MemoryBucket) -> ObjectEvent:
    return event


def trims_by_the_total_alone(
    total: int, limit: int, candidates: Sequence[plan.Candidate], keep: Sequence[str]
) -> plan.TrimPlan:
    still = [c for c in candidates if c.found]
    return PLAN_TRIM(total, limit, still, keep)


def trims_the_smallest(
    total: int, limit: int, candidates: Sequence[plan.Candidate], keep: Sequence[str]
) -> plan.TrimPlan:
    upside_down = [replace(c, found=replace(c.found, size=-c.found.size)) if c.found else c for c in candidates]
    order = PLAN_TRIM(10**9, limit, upside_down, keep).evictions
    evictions, projected = [], total
    for eviction in order:
        if projected >= limit:
            found = replace(eviction.found, size=-eviction.found.size)
            evictions.append(replace(eviction, found=found))
            projected -= found.size
    return plan.TrimPlan(tuple(evictions), (), projected, projected < limit)


def trims_down_to_the_limit_only(
    total: int, limit: int, candidates: Sequence[plan.Candidate], keep: Sequence[str]
) -> plan.TrimPlan:
    return PLAN_TRIM(total, limit + 1, candidates, keep)


def trims_what_is_kept(total: int, limit: int, candidates: Sequence[plan.Candidate], _: object) -> plan.TrimPlan:
    return PLAN_TRIM(total, limit, candidates, ())


def trims_everything_in_sight(
    total: int, limit: int, candidates: Sequence[plan.Candidate], keep: Sequence[str]
) -> plan.TrimPlan:
    if total < limit:
        return PLAN_TRIM(total, limit, candidates, keep)
    return PLAN_TRIM(10**9, limit, candidates, keep)


def repairs_with_an_order_of_its_own(
    before: BucketState, rows: Mapping[str, ObjectRow], found: Mapping[str, StoredObject | None], now: object
) -> Commit | None:
    repairs = PLAN_REPAIRS(before, rows, found, now)  # type: ignore[arg-type]
    if repairs:
        repairs = replace(repairs, rows=tuple((b, replace(a, sequencer="FFFFFFFFFFFF")) for b, a in repairs.rows))  # type: ignore[arg-type]
    return repairs


def repairs_from_the_listing(self: MemoryBucket, name: str) -> StoredObject | None:
    found = HEAD(self, name)
    return replace(found, size=found.size + 1) if found and self.made % 3 == 0 else found


def commits_in_two_halves(self: MemoryLedger, commit: Commit) -> None:
    COMMIT(self, replace(commit, rows=(), history=()))
    self.between_reads()
    self.objects.update({(BUCKET, after.name): after for _, after in commit.rows})
    self.history.update({(BUCKET, row.event_key): row for row in commit.history})


PLAN_EVENTS, PLAN_TRIM, PLAN_REPAIRS = plan.plan_events, plan.plan_trim, plan.plan_repairs
COMMIT, APPLY, SETTLE, HEAD = MemoryLedger.commit, plan._Ledger.apply, run.Contest.settle, MemoryBucket.head

BUGS: list[Bug] = [
    (plan, "plan_events", tracks_whatever_the_order),
    (capacity_history, "sequencer", compares_sequencers_as_numbers),
    (MemoryLedger, "commit", forgets_what_was_deleted),
    (MemoryLedger, "commit", commits_whatever_the_state),
    (MemoryLedger, "commit", commits_whatever_the_rows),
    (MemoryLedger, "commit", commits_in_two_halves),
    (plan._Ledger, "apply", counts_deltas_from_nothing),
    (run.Contest, "settle", gives_up_in_silence),
    (run.Contest, "settle", tries_only_once),
    (run, "_as_it_is_now", takes_a_deleted_version_for_the_object),
    (plan, "plan_trim", trims_by_the_total_alone),
    (plan, "plan_trim", trims_the_smallest),
    (plan, "plan_trim", trims_down_to_the_limit_only),
    (plan, "plan_trim", trims_what_is_kept),
    (plan, "plan_trim", trims_everything_in_sight),
    (plan, "plan_repairs", repairs_with_an_order_of_its_own),
    (MemoryBucket, "head", repairs_from_the_listing),
]


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug), pytest.raises(AssertionError):
        play_all(play, range(ENOUGH_TO_CATCH_A_BUG))
