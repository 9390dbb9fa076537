"""What the capacity functions do: gather the facts, plan, apply."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import batched

from holdfast.breaker.run import Breaker
from holdfast.capacity import plan
from holdfast.capacity.model import BucketState, Commit, ReconcileProgress, Tracked
from holdfast.capacity.ports import Alarm, Bucket, Ledger, ObjectChanged, StoredCopies
from holdfast.events.model import Delivery, ObjectEvent
from holdfast.ports import Clock, Conflict, Log

CANDIDATES = 10
"""How many of the largest objects are looked at together."""

CANDIDATES_A_RUN = 1000
"""Where a run of trim stops looking. The next minute's run goes on if the alarm still stands."""

REPAIRS = (plan.TRANSACTION_ITEMS - 1) // 2
"""How many objects a repair covers: the state, and a row and a history row of each, are one transaction."""


class Contention(Exception):
    """A commit met other writers' every time it was tried."""


@dataclass(frozen=True, slots=True)
class Contest:
    """How to meet other writers: try again after a random pause, longer each time, a bounded number of times."""

    sleep: Callable[[float], None]
    chance: Callable[[], float] = random.random
    attempts: int = 8

    def settle[T](self, attempt: Callable[[], T]) -> T:
        """The outcome of the first attempt that meets nobody. Raises Contention."""
        for tried in range(self.attempts):
            try:
                return attempt()
            except Conflict:
                self.sleep(self.chance() * min(1.0, 0.02 * 2**tried))
        raise Contention(f"the state changed under each of {self.attempts} attempts")


# Tracking


def track(
    deliveries: Sequence[Delivery],
    *,
    bucket: Bucket,
    bucket_name: str,
    ledger: Ledger,
    now: Clock,
    contest: Contest,
    log: Log,
) -> list[str]:
    """Bring the events of a batch into the ledger, in as few commits as they fit, and log one line an event.

    Returns the ids of the messages that must be delivered again.
    """
    failed: set[str] = set()
    for delivery in deliveries:
        if foreign := {event.bucket for event in delivery.events} - {bucket_name}:
            log("not tracked", message_id=delivery.message_id, error=f"{sorted(foreign)} is not {bucket_name}")
            failed.add(delivery.message_id)
    events = [event for d in deliveries if d.message_id not in failed for event in d.events]
    for group in plan.in_transactions(events):
        current = [_as_it_is_now(event, bucket) for event in group]
        try:
            outcomes = contest.settle(partial(_commit, bucket_name, current, ledger, now))
        except Contention as error:
            log("not tracked", error=str(error), events=len(group))
            failed.update(d.message_id for d in deliveries if not set(group).isdisjoint(d.events))
            continue
        for outcome in outcomes:
            log("tracked", **_fields(outcome))
    return [d.message_id for d in deliveries if d.message_id in failed]


def _as_it_is_now(event: ObjectEvent, bucket: Bucket) -> ObjectEvent:
    """Deleting one version of an object may uncover another, and no event tells its size: ask. The event of a
    lifecycle's expiry does not even tell whether it was a version."""
    a_version = event.version_id is not None or event.type.startswith("LifecycleExpiration:")
    if event.size is not None or not (a_version and event.type.endswith(":Delete")):
        return event
    found = bucket.head(event.name)
    return replace(event, size=found.size if found else None)


def _commit(bucket_name: str, events: Sequence[ObjectEvent], ledger: Ledger, now: Clock) -> tuple[plan.Outcome, ...]:
    state, rows = ledger.read(bucket_name, sorted({event.name for event in events}))
    planned = plan.plan_events(state, rows, events, now())
    if planned.commit:
        ledger.commit(planned.commit)
    return planned.outcomes


def _fields(outcome: plan.Outcome) -> dict[str, object]:
    event = outcome.event
    return {
        "bucket_name": event.bucket,
        "object_name": event.name,
        "event_type": event.type,
        "verdict": outcome.verdict,
        "size_delta": outcome.size_delta,
        "total_size": outcome.total_size,
    }


def heartbeat(*, bucket_name: str, ledger: Ledger, log: Log) -> int:
    """Log the total as it is, so that the alarm has a value also when nothing happens. Returns it, in bytes."""
    state, _ = ledger.read(bucket_name, [])
    log("heartbeat", bucket_name=bucket_name, total_size=state.total_size)
    return state.total_size


# Trimming


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What a run of trim did. Sizes in bytes."""

    evicted: tuple[str, ...] = ()
    projected_size: int = 0
    blocked: bool = False
    """The total is not below the limit, and nothing more may go."""
    breaker: str | None = None
    """Why the breaker held the run back."""


def trim(
    told_on: bool | None,
    *,
    alarm: Alarm,
    bucket: Bucket,
    bucket_name: str,
    ledger: Ledger,
    breaker: Breaker,
    limit_bytes: int,
    keep_prefixes: Sequence[str],
    delete_versions: bool,
    copies: StoredCopies | None,
    log: Log,
) -> Trimmed:
    """While the alarm is on, evict the largest objects that may go until the total is below the limit.

    `told_on`: what the alarm itself said when it called; None when a schedule did, then it is asked.
    """
    if not (alarm.is_on() if told_on is None else told_on):
        return Trimmed()
    planned, object_count = look(bucket, bucket_name, ledger, limit_bytes, keep_prefixes, copies)
    for passed in planned.passed_over:
        log("passed over", object_name=passed.name, reason=passed.reason)
    for eviction in planned.evictions:
        log("evicting", **_eviction(eviction))
    if planned.evictions:
        held = breaker.hold("capacity", planned=len(planned.evictions), guarded=object_count)
        if held:
            log("held by the breaker", reason=held)
            return Trimmed(projected_size=planned.projected_size, breaker=held)
    evicted = tuple(_evict(planned.evictions, bucket, bucket_name, ledger, delete_versions, log))
    if not planned.enough:
        log(
            "blocked",
            reason="no object may go, and the total is not below the limit",
            limit_bytes=limit_bytes,
        )
    return Trimmed(evicted, planned.projected_size, blocked=not planned.enough)


def look(
    bucket: Bucket,
    bucket_name: str,
    ledger: Ledger,
    limit_bytes: int,
    keep_prefixes: Sequence[str],
    copies: StoredCopies | None,
) -> tuple[plan.TrimPlan, int]:
    """Look at the largest objects until the plan is enough: what a trim would do now, and the number of objects."""
    state, _ = ledger.read(bucket_name, [])
    candidates: dict[str, plan.Candidate] = {}  # an index that lags may tell of an object twice
    planned = plan.plan_trim(state.total_size, limit_bytes, (), keep_prefixes)
    pages = batched(ledger.largest(bucket_name), CANDIDATES, strict=False)
    while not planned.enough and len(candidates) < CANDIDATES_A_RUN and (page := next(pages, None)):
        state, rows = ledger.read(bucket_name, [tracked.name for tracked in page])
        candidates |= {
            name: _candidate(Tracked(name, row.size), bucket, bucket_name, copies)
            for name, row in rows.items()
            if row.size is not None
        }
        planned = plan.plan_trim(state.total_size, limit_bytes, tuple(candidates.values()), keep_prefixes)
    return planned, state.object_count


def _candidate(tracked: Tracked, bucket: Bucket, bucket_name: str, copies: StoredCopies | None) -> plan.Candidate:
    found = bucket.head(tracked.name)
    if found is None:
        return plan.Candidate(tracked, None)
    backed_up = copies is None or copies.holds(bucket_name, found)
    return plan.Candidate(tracked, found, kept=bucket.kept(tracked.name), backed_up=backed_up)


def _evict(
    evictions: Sequence[plan.Evict],
    bucket: Bucket,
    bucket_name: str,
    ledger: Ledger,
    delete_versions: bool,
    log: Log,
) -> Iterator[str]:
    for eviction in evictions:
        ledger.mark_eviction(bucket_name, eviction.tracked, eviction.reason)
        try:
            deleted = bucket.delete(eviction.found, versions=delete_versions)
        except ObjectChanged:
            log("not evicted", object_name=eviction.found.name, reason="overwritten since it was looked at")
            continue
        if deleted:
            log("evicted", **_eviction(eviction))
            yield eviction.found.name


def _eviction(eviction: plan.Evict) -> dict[str, object]:
    return {"object_name": eviction.found.name, "size": eviction.found.size, "reason": eviction.reason}


# Reconciling


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run of reconcile found. Sizes in bytes; `complete` unless the time ran out, then the next run goes on."""

    compared: int
    repaired: int
    complete: bool
    total_size: int
    noncurrent_size: int
    multipart_size: int


def reconcile(
    by_schedule: bool,
    *,
    bucket: Bucket,
    bucket_name: str,
    ledger: Ledger,
    now: Clock,
    time_left: Callable[[], bool],
    contest: Contest,
    log: Log,
) -> Reconciled | None:
    """Compare the bucket with the table and repair what differs, from where the last run stopped.

    None if a schedule called and no pass is due.
    """
    progress = ledger.progress(bucket_name)
    if by_schedule and not plan.reconcile_due(progress, now()):
        return None
    before, _ = ledger.read(bucket_name, [])
    seen = _Seen(noncurrent_size=progress.noncurrent_so_far, changes=before.version)
    walk = plan.compare(bucket.listing(progress.after), ledger.rows(bucket_name, progress.after))
    for page in batched(walk, 1000, strict=False):
        seen.add(page)
        for names in batched((c.name for c in page if c.size != c.tracked_size), REPAIRS, strict=False):
            repairs = contest.settle(partial(_repair, names, bucket, bucket_name, ledger, now))
            for repair in repairs.history if repairs else ():
                log(
                    "repaired",
                    object_name=repair.object_name,
                    kind=repair.event_type,
                    size_delta=repair.size_delta,
                )
            seen.repaired(repairs)
        if not time_left():
            left_off = replace(progress, after=page[-1].name, noncurrent_so_far=seen.noncurrent_size)
            ledger.save_progress(bucket_name, left_off)
            return seen.result(ledger.read(bucket_name, [])[0], left_off, complete=False)
    done = ReconcileProgress("", 0, now(), seen.noncurrent_size, bucket.multipart_size())
    state, _ = ledger.read(bucket_name, [])
    if not progress.after and state.version == seen.changes:
        state = _correct_total(state, seen, ledger, now, log)
    ledger.save_progress(bucket_name, done)
    return seen.result(state, done, complete=True)


def _correct_total(state: BucketState, seen: "_Seen", ledger: Ledger, now: Clock, log: Log) -> BucketState:
    correction = plan.plan_total(state, seen.total_size, seen.object_count, now())
    if correction is None:
        return state
    try:
        ledger.commit(correction)
    except Conflict:  # somebody wrote meanwhile: the next pass sums again
        return state
    log("total corrected", size_delta=correction.history[0].size_delta, total_size=seen.total_size)
    return correction.after


@dataclass(slots=True)
class _Seen:
    """What a walk over listing and table added up to. `changes` is the state's version if nobody else changed it:
    only then is a sum over rows that were read one after the other the sum at one moment."""

    noncurrent_size: int
    changes: int
    compared: int = 0
    repairs: int = 0
    total_size: int = 0
    object_count: int = 0

    def add(self, page: Sequence[plan.Compared]) -> None:
        self.compared += len(page)
        self.noncurrent_size += sum(c.listed.noncurrent_size for c in page if c.listed)
        self.total_size += sum(c.tracked_size or 0 for c in page)
        self.object_count += sum(c.tracked_size is not None for c in page)

    def repaired(self, commit: Commit | None) -> None:
        if commit:
            self.repairs += len(commit.history)
            self.changes += commit.after.version - commit.before.version
            self.total_size += commit.after.total_size - commit.before.total_size
            self.object_count += commit.after.object_count - commit.before.object_count

    def result(self, state: BucketState, progress: ReconcileProgress, *, complete: bool) -> Reconciled:
        return Reconciled(
            compared=self.compared,
            repaired=self.repairs,
            complete=complete,
            total_size=state.total_size,
            noncurrent_size=progress.noncurrent_size,
            multipart_size=progress.multipart_size,
        )


def _repair(names: Sequence[str], bucket: Bucket, bucket_name: str, ledger: Ledger, now: Clock) -> Commit | None:
    state, rows = ledger.read(bucket_name, names)
    repairs = plan.plan_repairs(state, rows, {name: bucket.head(name) for name in names}, now())
    if repairs:
        ledger.commit(repairs)
    return repairs


# Logging


class SizeUnknown(Exception):
    """A delete came before tracking told the size of what it deleted."""


LAST_RECEIVE = 3
"""The delivery at which a delete is logged even though no row tells its size."""


def record(event: ObjectEvent, *, ledger: Ledger, received: int, log: Log) -> None:
    """Log what one event brought or took, in bytes. Raises SizeUnknown while waiting for tracking may still help."""
    rows = ledger.read(event.bucket, [event.name])[1] if event.size is None else {}
    delta = plan.size_delta(event, rows.get(event.name))
    if delta is None and received < LAST_RECEIVE:
        raise SizeUnknown(f"no row of {event.bucket} tells the size of the deleted {event.name!r}")
    log("event", bucket_name=event.bucket, object_name=event.name, event_type=event.type, size_delta=delta)
