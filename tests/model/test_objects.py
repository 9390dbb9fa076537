"""The objects system under random histories: its invariants hold, and the check has teeth."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from holdfast.adapters.memory_objects import MemoryBackups, MemoryCopyTable, MemorySources
from holdfast.events.model import UNKNOWN_SEQUENCER, ObjectEvent, Sequencer
from holdfast.objects import model, naming, plan, reconcile, run
from holdfast.objects.guard import Guard
from holdfast.objects.model import Copy, CopyKey, Deletion, Kept, Original, Status, Stored, Version
from holdfast.objects.ports import Locked, SourceChanged, SourceGone
from holdfast.ports import Conflict
from tests.model.histories import Bug, each_of, planted, play_all
from tests.model.objects_history import Objects, Settings, Weather, play
from tests.model.objects_twins import DELAY, KEEP

pytestmark = pytest.mark.model

HISTORIES = int(os.environ.get("HISTORIES", "10000"))
CHUNKS = 10
ENOUGH_TO_CATCH_A_BUG = 10000


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_invariants_hold_in_random_histories(chunk: int) -> None:
    play_all(play, range(chunk, HISTORIES, CHUNKS))


# Every order of the same events ends in the same state.


def end_state(written: int, delivered: int, versioned: bool) -> dict[Original, set[tuple[str | None, str]]]:
    """What is kept once events, the same for one `written`, were delivered in an order of their own, some twice."""
    world = Objects(Random(written), Settings(versioned=versioned), Weather())
    world.use(10)
    events = world.undelivered
    world.random = Random(delivered)
    events += world.random.choices(events, k=3) if events else []
    world.deliver_all()
    world.check_copies()
    world.clean_all()
    kept = (world.table.read(original) for original in world.originals)
    return {k.original: {(c.version.version_id, c.version.etag) for c in k.copies} for k in kept}


@pytest.mark.parametrize("versioned", [False, True])
def test_every_order_and_repetition_of_the_same_events_ends_in_the_same_state(versioned: bool) -> None:
    for written in range(HISTORIES // 50):
        states = [end_state(written, delivered, versioned) for delivered in range(6)]
        assert all(state == states[0] for state in states), f"events {written}"


# The algorithm as it is usually described: copy, put, count, delete the oldest; query, mark; query, delete.


def replicates_as_usual(event: ObjectEvent, *, keeper: run.Keeper, backup_bucket: str) -> None:
    original = Original(event.bucket, event.name)
    if event.type.startswith("ObjectCreated:"):
        version = Version(original, event.etag or "", event.size or 0, event.time, event.version_id)
        with suppress(SourceGone, SourceChanged):
            copy = Copy(
                version, naming.copy_key(original, event.time, event.sequencer, ""), event.sequencer, keeper.now()
            )
            stored = keeper.copier.copy(version, copy.copy_key)
            keeper.table.announce(copy)
            keeper.table.activate(copy, stored)
            active = keeper.table.read(original).with_status(Status.ACTIVE)
            for oldest in active[:-KEEP]:
                keeper.backups.remove(oldest.copy_key)
                keeper.table.forget([oldest])
    elif keeper.sources.head(original) is None:
        for copy in keeper.table.read(original).with_status(Status.ACTIVE):
            keeper.table.disown(copy, keeper.now(), event.time)


# Bugs that a naive version has, or a careless change brings in.


def copies_whatever_is_there_now(self: MemorySources, version: Version) -> Version:
    found = self.head(version.original)
    if found is None:
        raise SourceGone
    return found


def takes_a_changed_source_for_a_copy(self: MemoryBackups, version: Version, copy_key: CopyKey) -> Stored:
    with suppress(SourceChanged):
        return COPY(self, version, copy_key)
    return Stored(version.etag)


def takes_a_changed_source_for_the_version(self: MemoryBackups, version: Version, copy_key: CopyKey) -> Stored:
    try:
        return COPY(self, version, copy_key)
    except SourceChanged:
        current = self.sources.head(version.original)
        assert current is not None
        return COPY(self, current, copy_key)


def names_copies_by_the_second(original: Original, written_at: datetime, _order: Sequencer, _token: str) -> CopyKey:
    return CopyKey(f"{naming.folder(original)}/{written_at:%Y%m%dT%H%M%S}.000Z-0-0")


def names_copies_by_their_event(original: Original, written_at: datetime, order: Sequencer, _token: str) -> CopyKey:
    return COPY_KEY(original, written_at, order, "0")


def lets_long_names_be_long(original: Original) -> str:
    return str(original)


def activates_whatever_the_row(self: MemoryCopyTable, copy: Copy, stored: Stored) -> None:
    self.rows[copy.original, copy.copy_key] = replace(copy, status=Status.ACTIVE, stored=stored)


def forgets_what_was_deleted(self: MemoryCopyTable, _original: Original, deletion: Deletion) -> Deletion:
    return deletion


def remembers_the_last_delete_to_arrive(self: MemoryCopyTable, original: Original, deletion: Deletion) -> Deletion:
    self.deletions[original] = deletion
    return deletion


def disowns_before_it_remembers(event: ObjectEvent, keeper: run.Keeper, tally: run.Tally) -> str:
    original = Original(event.bucket, event.name)
    deletion = Deletion(event.sequencer, event.time, keeper.now())
    doomed = [c for c in keeper.table.read(original).with_status(Status.ACTIVE) if c.order <= event.sequencer]
    keeper.table.remember(original, deletion)
    for copy in doomed:
        with suppress(Conflict):
            keeper.table.disown(copy, deletion.disowned_at, None)
    if event.version_id is not None:
        keeper.observe(original, tally)
    return ""


def disowns_all_that_is_active(kept: Kept, _now: datetime) -> Iterator[plan.Disown]:
    if kept.deletion and (active := tuple(kept.with_status(Status.ACTIVE))):
        yield plan.Disown(active, kept.deletion.disowned_at, None, "")


def takes_any_deleted_version_for_the_object(event: ObjectEvent, keeper: run.Keeper, tally: run.Tally) -> str:
    return DELETED(replace(event, version_id=None), keeper, tally)


def evicts_the_newest(kept: Kept, *_: object) -> Iterator[plan.Action]:
    for copy in kept.owned[KEEP:]:
        yield plan.Remove(copy, "", guarded=True)


def evicts_one_too_many(kept: Kept, now: datetime, rules: plan.Rules, sparing: bool) -> Iterator[plan.Action]:
    return EVICTIONS(kept, now, replace(rules, copies_to_keep=rules.copies_to_keep - 1), sparing)


def evicts_in_the_order_of_arrival(kept: Kept, *_: object) -> Iterator[plan.Action]:
    for copy in sorted(kept.owned, key=lambda c: c.created_at)[:-KEEP]:
        yield plan.Remove(copy, "", guarded=True)


def counts_disowned_copies_too(kept: Kept, now: datetime, rules: plan.Rules, sparing: bool) -> Iterator[plan.Action]:
    kept = replace(kept, copies=tuple(replace(c, status=Status.ACTIVE) for c in kept.copies), deletion=None)
    return EVICTIONS(kept, now, rules, sparing)


def keeps_every_twin(owned: Sequence[Copy]) -> list[Copy]:
    return list(owned)


def removes_every_twin(owned: Sequence[Copy]) -> list[Copy]:
    alike = Counter(copy.version.identity for copy in owned)
    return [copy for copy in owned if alike[copy.version.identity] == 1]


def looks_before_it_activates_only(self: run.Keeper, original: Original, tally: run.Tally) -> Kept:
    return self.table.read(original)


def deletes_the_row_of_what_is_deleted_first(self: run.Keeper, action: plan.Remove, tally: run.Tally) -> None:
    self.backups.remove(action.copy.copy_key)
    with suppress(Conflict):
        self.table.condemn(action.copy)
    self.table.forget([action.copy])


def deletes_what_it_could_not_activate(self: run.Keeper, copy: Copy, stored: Stored) -> None:
    try:
        self.table.activate(copy, stored)
    except Conflict:
        with suppress(Locked):
            self.backups.remove(copy.copy_key)


def leaves_what_is_left_over(_kept: Kept, _now: datetime) -> Iterator[plan.Remove]:
    return iter(())


def cleans_without_the_delay(*, delay: timedelta, **rest: object) -> run.Cleaned:
    return CLEAN(delay=delay - DELAY, **rest)  # type: ignore[arg-type]


def believes_the_listing_of_the_backups(copy: Copy, _found: Stored | None) -> plan.Remove:
    return plan.Remove(copy, "", guarded=False)


def believes_the_listing_of_the_source(subject: reconcile.Subject, keeper: run.Keeper) -> model.Counts:
    if subject.current is None:
        now = keeper.now()
        order = model.after(keeper.table.read(subject.original).last_order)
        keeper.table.remember(subject.original, Deletion(order, now, now))
        keeper.settle(subject.original, run.Tally())
        return model.Counts()
    return COMPARE(subject, keeper)


def looks_first_and_reads_then(
    self: run.Keeper, original: Original, tally: run.Tally, *, least: Sequencer = UNKNOWN_SEQUENCER, **_: object
) -> Version | None:
    current = self.sources.head(original)
    kept = self.table.read(original)
    if current and not plan.covers(kept, current):
        self.copy(current, model.after(max(kept.last_order, least)), tally)
    return current


def gives_what_it_saw_no_order(
    self: run.Keeper, original: Original, tally: run.Tally, *, least: Sequencer = UNKNOWN_SEQUENCER, **_: object
) -> Version | None:
    kept = self.table.read(original)
    current = self.sources.head(original)
    if current and not plan.covers(kept, current):
        self.copy(current, Sequencer("+"), tally)
    return current


def takes_what_is_being_copied_for_a_write_of_its_own(kept: Kept, _current: Version, least: Sequencer) -> Sequencer:
    return model.after(max(kept.last_order, least))


def announces_what_it_has_copied(self: run.Keeper, version: Version, order: Sequencer, tally: run.Tally) -> str:
    copy = Copy(version, naming.copy_key(version.original, version.written_at, order, self.token()), order, self.now())
    try:
        stored = self.copier.copy(version, copy.copy_key)
    except (SourceGone, SourceChanged):
        return "gone"
    self.table.announce(copy)
    self._activate(copy, stored)
    tally.copied += 1
    return "copied"


def trusts_every_row(
    self: run.Keeper, original: Original, tally: run.Tally, *, least: Sequencer = UNKNOWN_SEQUENCER, **_: object
) -> Version | None:
    return OBSERVE(self, original, tally, least=least)


def forgets_orphans(*_: object) -> int:
    return 0


def deletes_orphans_at_once(kept: Kept, listed: tuple[model.BackupObject, ...], keeper: run.Keeper) -> int:
    for entry in plan.unclaimed(kept, listed):
        keeper.backups.remove(entry.copy_key)
    return 0


def adopts_orphans_as_active(*facts: Any) -> Copy:
    return replace(ADOPTION(*facts), status=Status.ACTIVE, disowned_at=None)


def takes_what_it_had_no_time_for_as_compared(self: Any, page: Sequence[reconcile.Subject]) -> list[model.Counts]:
    return [counts or model.Counts() for counts in self.each(self._compared, page)]


def asks_nobody(*_: object, **__: object) -> None:
    return None


COPY, COPY_KEY, DELETED, CLEAN = MemoryBackups.copy, naming.copy_key, run._deleted, run.clean
EVICTIONS, COMPARE, OBSERVE, ADOPTION = plan._evictions, reconcile.compare, run.Keeper.observe, plan.adoption

BUGS: list[Bug] = [
    (run, "replicate", replicates_as_usual),
    (MemorySources, "find", copies_whatever_is_there_now),
    (MemoryBackups, "copy", takes_a_changed_source_for_a_copy),
    (MemoryBackups, "copy", takes_a_changed_source_for_the_version),
    (run, "copy_key", names_copies_by_the_second),
    (run, "copy_key", names_copies_by_their_event),
    (naming, "folder", lets_long_names_be_long),
    (MemoryCopyTable, "activate", activates_whatever_the_row),
    (MemoryCopyTable, "remember", forgets_what_was_deleted),
    (MemoryCopyTable, "remember", remembers_the_last_delete_to_arrive),
    (run, "_deleted", disowns_before_it_remembers),
    (run, "_deleted", takes_any_deleted_version_for_the_object),
    (plan, "_overtaken", disowns_all_that_is_active),
    (plan, "_evictions", evicts_the_newest),
    (plan, "_evictions", evicts_one_too_many),
    (plan, "_evictions", evicts_in_the_order_of_arrival),
    (plan, "_evictions", counts_disowned_copies_too),
    (plan, "_needed", keeps_every_twin),
    (plan, "_needed", removes_every_twin),
    (plan, "_leftovers", leaves_what_is_left_over),
    (run.Keeper, "settle", looks_before_it_activates_only),
    (run.Keeper, "_remove", deletes_the_row_of_what_is_deleted_first),
    (run.Keeper, "_activate", deletes_what_it_could_not_activate),
    (run.Keeper, "observe", looks_first_and_reads_then),
    (run.Keeper, "observe", gives_what_it_saw_no_order),
    (run, "clean", cleans_without_the_delay),
    (plan, "verdict", believes_the_listing_of_the_backups),
    (reconcile, "compare", believes_the_listing_of_the_source),
    (plan, "order_of_sight", takes_what_is_being_copied_for_a_write_of_its_own),
    (run.Keeper, "copy", announces_what_it_has_copied),
    (run.Keeper, "observe", trusts_every_row),
    (reconcile, "_adopt", forgets_orphans),
    (reconcile, "_adopt", deletes_orphans_at_once),
    (plan, "adoption", adopts_orphans_as_active),
    (reconcile._Walker, "_compare", takes_what_it_had_no_time_for_as_compared),
    (Guard, "ask", asks_nobody),
]


@each_of(BUGS)
def test_a_planted_bug_is_caught(bug: Bug) -> None:
    with planted(bug), pytest.raises(AssertionError):
        play_all(play, range(ENOUGH_TO_CATCH_A_BUG))
