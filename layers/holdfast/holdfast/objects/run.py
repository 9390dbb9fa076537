"""What becomes of a source bucket's events: gather what is kept of the object, plan, apply.

Everything is announced before it is done and looked at after it is done. Of two that work on one object at once,
the one that looks last therefore sees what both did, and brings it to rest; nobody waits for anybody.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Literal, assert_never

from holdfast.events.model import UNKNOWN_SEQUENCER, ObjectEvent, Sequencer
from holdfast.objects import plan
from holdfast.objects.guard import Guard
from holdfast.objects.model import Copy, CopyKey, Deletion, DisownedCopy, Kept, Original, Status, Stored, Version
from holdfast.objects.naming import copy_key
from holdfast.objects.ports import (
    Backups,
    Copier,
    CopyTable,
    Locked,
    SourceChanged,
    SourceGone,
    Sources,
    SourceUnreadable,
)
from holdfast.ports import Clock, Conflict, Each, Log

NO_VERSION = "null"
"""S3's version id of an object written before its bucket had versions: it may stand for many writes in turn."""


EXPIRED = "LifecycleExpiration:"
"""Events that do not tell whether it was the object that expired, or one version of it."""


class CopyAbandoned(Exception):
    """A copy took so long that its announcement was withdrawn. It was deleted again; trying once more makes another."""


@dataclass(slots=True)
class Tally:
    """What was done. `lags`: seconds from each write to its copy; `copied_bytes` in bytes."""

    copied: int = 0
    copied_bytes: int = 0
    lags: list[float] = field(default_factory=list)
    evicted: int = 0
    disowned: int = 0
    removed: int = 0
    """Copies that nothing was lost with: left over, or one too many of the same version."""
    held: str | None = None
    """Why the breaker held something back, if it did."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps the copies of originals as the rules say. `token`: letters and digits that nobody had before."""

    table: CopyTable
    sources: Sources
    copier: Copier
    backups: Backups
    guard: Guard
    rules: plan.Rules
    now: Clock
    token: Callable[[], str]
    log: Log

    def copy(self, version: Version, order: Sequencer, tally: Tally) -> Literal["copied", "gone", "changed"]:
        """Copy a version, if it is still there.

        Raises SourceUnreadable, and CopyAbandoned.
        """
        copy = self._announce(version, order)
        try:
            stored = self.copier.copy(version, copy.copy_key)
        except (SourceGone, SourceChanged) as error:
            self._withdraw(copy)
            return "gone" if isinstance(error, SourceGone) else "changed"
        except SourceUnreadable:
            self._withdraw(copy)
            raise
        self._activate(copy, stored)
        tally.copied += 1
        tally.copied_bytes += version.size
        return "copied"

    def _announce(self, version: Version, order: Sequencer) -> Copy:
        name = copy_key(version.original, version.written_at, order, self.token())
        copy = Copy(version, name, order, created_at=self.now())
        self.table.announce(copy)
        return copy

    def _withdraw(self, copy: Copy) -> None:
        """Nothing was copied, as far as is known: an answer that was lost on its way may have been another."""
        with suppress(Locked):  # then it was: its row leads to it once it may go
            self.backups.remove(copy.copy_key)
            self.table.forget([copy])

    def _activate(self, copy: Copy, stored: Stored) -> None:
        try:
            self.table.activate(copy, stored)
        except Conflict as error:
            # Perhaps an earlier try of this very call: its answer was lost, and the client tried again by itself.
            rows = {row.copy_key: row.status for row in self.table.read(copy.original).copies}
            if rows.get(copy.copy_key, Status.REMOVING) is Status.REMOVING:
                with suppress(Locked):
                    self.backups.remove(copy.copy_key)
                raise CopyAbandoned(f"{copy.copy_key!r} took so long that its announcement was withdrawn") from error

    def observe(
        self,
        original: Original,
        tally: Tally,
        *,
        least: Sequencer = UNKNOWN_SEQUENCER,
        broken: Container[CopyKey] = (),
    ) -> Version | None:
        """Look at an object without an event of it, and copy it if no copy covers it. Returns what there is.

        `least`: an order that what is there now cannot be older than. `broken`: copies that cover nothing, whatever
        their rows say. What is known is read before the object is looked at: so whatever it is, it is no older than
        anything known.
        """
        kept = self.table.read(original)
        current = self.sources.head(original)
        intact = replace(kept, copies=tuple(copy for copy in kept.copies if copy.copy_key not in broken))
        if current and not plan.covers(intact, current):
            order = plan.order_of_sight(kept, current, least)
            if self.copy(current, order, tally) == "copied" and not kept.owned:
                self.guard.count(1)
        return current

    def settle(self, original: Original, tally: Tally) -> Kept:
        """Bring the copies of an original to rest. Returns what was kept of it before."""
        kept, now = self.table.read(original), self.now()
        actions = plan.settle(kept, now, self.rules)
        spared = plan.settle(kept, now, self.rules, sparing=True)
        if spared != actions and self.guard.is_near():
            actions = spared
            self._spare(original, tally)
        self.apply(actions, tally)
        return kept

    def _spare(self, original: Original, tally: Tally) -> None:
        """What is spared is asked for all the same: who overwrites everything shall open the breaker."""
        if held := self.guard.ask(1):
            tally.held = held
        self.log("spared", original_key=str(original), younger_than=str(self.rules.spare_younger_than), breaker=held)

    def apply(self, actions: Iterable[plan.Action], tally: Tally) -> None:
        """Carry out actions. Those that lose something wait for the breaker; those that others did already are done."""
        for action in actions:
            match action:
                case plan.Disown():
                    self._disown(action, tally)
                case plan.Remove():
                    self._remove(action, tally)
                case _:
                    assert_never(action)

    def _disown(self, action: plan.Disown, tally: Tally) -> None:
        original = action.copies[0].original
        if held := self.guard.ask(int(action.counted)):
            tally.held = held
            self.log("held", original_key=str(original), reason=action.reason, breaker=held)
            return
        disowned = sum([self._disown_one(copy, action) for copy in action.copies])
        if disowned and action.deleted_at:
            self.guard.count(-1)
        tally.disowned += disowned

    def _disown_one(self, copy: Copy, action: plan.Disown) -> bool:
        try:
            self.table.disown(copy, action.disowned_at, action.deleted_at)
        except Conflict:
            return False
        self.log("disowned", copy_key=copy.copy_key, reason=action.reason)
        return True

    def _remove(self, action: plan.Remove, tally: Tally) -> None:
        copy = action.copy
        if action.guarded and (held := self.guard.ask(int(action.counted))):
            tally.held = held
            self.log("held", copy_key=copy.copy_key, reason=action.reason, breaker=held)
            return
        try:
            if copy.status is not Status.REMOVING:
                self.table.condemn(copy)
            self.backups.remove(copy.copy_key)
        except Conflict:
            return
        except Locked as locked:
            self.log("locked", copy_key=copy.copy_key, reason=str(locked))
            return
        self.table.forget([copy])
        if action.guarded:
            tally.evicted += 1
        else:
            tally.removed += 1
        self.log("removed", copy_key=copy.copy_key, reason=action.reason)


# Replicating


@dataclass(frozen=True, slots=True)
class Replicated:
    """What became of one event, and why."""

    event: ObjectEvent
    verdict: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Replication:
    """What became of the events of one invocation."""

    replicated: tuple[Replicated, ...]
    failures: tuple[Exception, ...] = ()

    def raise_failures(self) -> None:
        """Fail as a whole if an event failed: all then come again, and those that are done change nothing."""
        if self.failures:
            raise ExceptionGroup(f"{len(self.failures)} events are not replicated", self.failures)


def replicate_all(events: Iterable[ObjectEvent], *, keeper: Keeper, backup_bucket: str) -> Replication:
    """Replicate each event; one that fails does not keep the others waiting."""
    replicated: list[Replicated] = []
    failures: list[Exception] = []
    for event in events:
        try:
            replicated.append(replicate(event, keeper=keeper, backup_bucket=backup_bucket))
        except Exception as error:
            keeper.log("not replicated", bucket_name=event.bucket, object_name=event.name, error=repr(error))
            failures.append(error)
    return Replication(tuple(replicated), tuple(failures))


def replicate(event: ObjectEvent, *, keeper: Keeper, backup_bucket: str) -> Replicated:
    """Bring the copies of an event's object to where the event says. Safe to repeat, in any order, side by side.

    Raises SourceUnreadable, CopyAbandoned.
    """
    tally = Tally()
    if event.bucket == backup_bucket:
        verdict = "ignored: the backup bucket is no source"
    elif event.type.startswith("ObjectCreated:"):
        verdict = _created(event, keeper, tally)
    else:
        verdict = _deleted(event, keeper, tally)
    done = Replicated(event, verdict, tally)
    keeper.log("replicated", **_fields(done))
    return done


def _created(event: ObjectEvent, keeper: Keeper, tally: Tally) -> str:
    version = _version(event)
    kept = keeper.table.read(version.original)
    reason = plan.why_not_copy(kept, version, event.sequencer, keeper.rules)
    if reason:
        verdict = f"not copied: {reason}"
    else:
        verdict = keeper.copy(version, event.sequencer, tally)
        if verdict == "copied":
            tally.lags.append((keeper.now() - event.time).total_seconds())
            if not kept.owned:
                keeper.guard.count(1)
    keeper.settle(version.original, tally)
    return verdict


def _version(event: ObjectEvent) -> Version:
    return Version(
        original=Original(event.bucket, event.name),
        etag=event.etag or "",
        size=event.size or 0,
        written_at=event.time,
        version_id=None if event.version_id == NO_VERSION else event.version_id,
    )


def _deleted(event: ObjectEvent, keeper: Keeper, tally: Tally) -> str:
    """The delete of an object; or of one version of it, or of a delete marker, which may uncover another version."""
    original = Original(event.bucket, event.name)
    versioned = event.version_id is not None or event.type.startswith(EXPIRED)
    if versioned and event.type.endswith(":Delete") and keeper.observe(original, tally, least=event.sequencer):
        keeper.settle(original, tally)
        return "a version was deleted, the object lives"
    keeper.table.remember(original, Deletion(event.sequencer, deleted_at=event.time, disowned_at=keeper.now()))
    keeper.settle(original, tally)
    if versioned:  # what is seen here first may have been told of first, and overtaken just now
        keeper.observe(original, tally)
        keeper.settle(original, tally)
    return "deleted"


def _fields(done: Replicated) -> dict[str, object]:
    tally = done.tally
    return {
        "bucket_name": done.event.bucket,
        "object_name": done.event.name,
        "event_type": done.event.type,
        "verdict": done.verdict,
        "copied_bytes": tally.copied_bytes,
        "evicted": tally.evicted,
        "disowned": tally.disowned,
        "breaker": tally.held,
    }


# Cleaning


class CleaningFailed(Exception):
    """Some copies could not be deleted. The others that were due are; the next run tries again."""


@dataclass(slots=True)
class Cleaned:
    """What a run of clean did. `complete`: nothing that is due is left, but for what is locked, or failed.

    `failure` is the first of them.
    """

    cleaned: int = 0
    cleaned_bytes: int = 0
    locked: int = 0
    failed: int = 0
    failure: str | None = None
    held: str | None = None
    complete: bool = False

    def raise_failures(self) -> None:
        if self.failed:
            raise CleaningFailed(f"{self.failed} copies could not be deleted, the first: {self.failure}")


CLEANED_TOGETHER = 100


def clean(
    *,
    table: CopyTable,
    backups: Backups,
    guard: Guard,
    delay: timedelta,
    now: Clock,
    time_left: Callable[[], bool],
    each: Each,
    log: Log,
) -> Cleaned:
    """Delete the copies that were disowned longer than the delay ago, then their rows, while there is time.

    The index may be behind: but a disowned copy stays disowned, with its moment, until it is gone.
    """
    cleaned = Cleaned()
    for copies in batched(table.disowned(until=now() - delay), CLEANED_TOGETHER, strict=False):
        if not time_left():
            return cleaned
        allowed, held = _allowed(copies, guard)
        going = [copy for copy in copies if copy.original in allowed]
        outcomes = each(partial(_delete, backups=backups, log=log), going)
        gone = [copy for copy, left in zip(going, outcomes, strict=True) if _tell(copy, left, cleaned)]
        table.forget(gone)
        guard.give_back(len(allowed - {copy.original for copy in gone}))
        if held:
            log("held", copies=len(copies) - len(going), breaker=held)
            cleaned.held = held
            return cleaned
    cleaned.complete = True
    return cleaned


def _allowed(copies: Sequence[DisownedCopy], guard: Guard) -> tuple[set[Original], str | None]:
    """The originals whose copies may go, asked for one by one: after a person has resumed the breaker, an hour's budget
    goes, however many more are due. And why no more may, if so."""
    originals = list(dict.fromkeys(copy.original for copy in copies))
    for number in range(len(originals)):
        if held := guard.ask(1, besides=len(originals) - number):
            return set(originals[:number]), held
    return set(originals), None


def _delete(copy: DisownedCopy, backups: Backups, log: Log) -> Exception | None:
    """Delete a copy's bytes. What prevented it: Locked, or an error that keeps no other copy from being deleted. Either
    way the next run tries again."""
    try:
        backups.remove(copy.copy_key)
    except Locked as locked:
        log("locked", copy_key=copy.copy_key, reason=str(locked))
        return locked
    except Exception as error:
        log("not cleaned", copy_key=copy.copy_key, error=repr(error))
        return error
    log("cleaned", copy_key=copy.copy_key, size=copy.size, disowned_at=str(copy.disowned_at))
    return None


def _tell(copy: DisownedCopy, left: Exception | None, cleaned: Cleaned) -> bool:
    """Add what became of a copy to what a run did. Whether it is gone."""
    match left:
        case None:
            cleaned.cleaned += 1
            cleaned.cleaned_bytes += copy.size
        case Locked():
            cleaned.locked += 1
        case error:
            cleaned.failed += 1
            cleaned.failure = cleaned.failure or f"{copy.copy_key!r}: {error!r}"
    return left is None
