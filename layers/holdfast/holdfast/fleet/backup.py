"""Brings the backup of one resource a step on. Killed anywhere and called again, it makes nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, assert_never

from holdfast.fleet import naming, plan
from holdfast.fleet.expire.plan import Rules, expiry_of, retention_of
from holdfast.fleet.model import Backup, Kind, Resource, Schedule, Status, Tag
from holdfast.fleet.plan import Ask, Asked, Failed, Seen, Step, Wait
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone
from holdfast.fleet.results import save_failed
from holdfast.fleet.run import Fleet, Item, There, began

CANNOT_COPY = (
    "have the source encrypted by a KMS key of your own, or let copies stay in this account: empty FleetCopyRoleArn"
)
"""An account cannot use the keys that AWS manages for another."""


def advance(fleet: Fleet, item: Item) -> dict[str, Any]:
    """Look how the backup of a slot stands, and do what is next. Answers `waiting`, `done` or `failed`."""
    resource = item.resource(fleet.documents)
    try:
        step = _replicate(fleet, item, resource) if resource.kind is Kind.BUCKET else _advance(fleet, item, resource)
    except (NotAvailable, LimitReached) as error:
        step = _later(fleet, began(fleet, item.run), str(error))
    except ResourceGone as error:
        step = Failed(f"since the run began: {error}", "nothing is to be done if you removed it")
    except CannotCopy as error:
        step = Failed(f"it has a backup in {resource.region}, and no copy: {error}", CANNOT_COPY)
    return _answer(fleet, item, resource, step)


def _answer(fleet: Fleet, item: Item, resource: Resource, step: Step) -> dict[str, Any]:
    match step:
        case Failed():
            save_failed(fleet, item, resource, step)
            return {"status": "failed", "wait": 0, "why": step.why}
        case Wait():
            return {"status": "waiting", "wait": fleet.rules.poll_seconds, "why": step.why}
        case plan.Done():
            return {"status": "done", "wait": 0, "why": ""}
        case plan.Create() | plan.Copy():
            return {"status": "waiting", "wait": fleet.rules.poll_seconds, "why": "it was asked for"}
        case _:
            assert_never(step)


def _later(fleet: Fleet, since: datetime, why: str) -> Wait | Failed:
    """What does not work now is tried again, until patience ends."""
    patience = fleet.rules.patience
    if fleet.now() - since < patience:
        return Wait(why)
    minutes = patience // timedelta(minutes=1)
    return Failed(f"{why}, for {minutes} minutes", "see why, then run: holdfast fleet backup --resource NAME")


# Snapshots


def _advance(fleet: Fleet, item: Item, resource: Resource) -> Step:
    there = fleet.there(resource)
    history = plan.gather(fleet.shelf(resource).parts(resource.arn))
    seen = _seen(fleet, item, resource, plan.of_slot(history, resource, item.slot), there)
    step = plan.next_step(seen, there.place if there else None, fleet.now())
    match step:
        case plan.Create():
            return _create(fleet, item, resource, history, seen)
        case plan.Copy() if there:
            return _copy(fleet, item, resource, step, there, seen)
        case _:
            return step


def _seen(fleet: Fleet, item: Item, resource: Resource, here: Backup | None, there: There | None) -> Seen:
    announced = _announced(fleet, item)
    if there is None or here is None or here.status is not Status.COMPLETE:
        return Seen(here, announced=announced)
    copies = plan.gather(there.shelf.parts(resource.arn))
    return Seen(here, plan.of_slot(copies, resource, item.slot), announced, there.shelf.copies_under_way())


def _announced(fleet: Fleet, item: Item) -> dict[str, Asked]:
    """The last announcement of each thing."""
    keys = fleet.documents.keys(naming.announcements(item.run, item.digest))
    told = [one for one in fleet.each(fleet.documents.load, keys) if one]
    return {
        one["what"]: Asked(
            one["times"], datetime.fromisoformat(one["first"]), datetime.fromisoformat(one["at"]), one["refused"]
        )
        for one in told
    }


def _ask(fleet: Fleet, item: Item, what: str, seen: Seen, call: Callable[[], None]) -> Wait | Failed | None:
    """Announce it, then ask for it. What is to be done if it was not asked for, or was refused."""
    before, now = seen.announced.get(what), fleet.now()
    asked = Asked(before.times + 1, before.first, now) if before else Asked(1, now, now)
    if not _announce(fleet, item, what, asked):
        return Wait("another execution of the run asks for it")
    try:
        call()
    except (NotAvailable, LimitReached) as error:
        refused = replace(asked, refused=True)
        fleet.documents.save(_announcement(item, what, refused), _as_json(what, refused))
        if isinstance(error, LimitReached) and seen.under_way:
            return Wait(str(error))  # what is under way ends, and makes room
        return _later(fleet, asked.first, str(error))
    return None


def _announce(fleet: Fleet, item: Item, what: str, asked: Asked) -> bool:
    """Before anything is asked for: who comes after a crash knows that it may have been. Of several who come at once,
    one is told to ask."""
    return fleet.documents.add(_announcement(item, what, asked), _as_json(what, asked))


def _announcement(item: Item, what: str, asked: Asked) -> str:
    return naming.announcement(item.run, item.digest, what, asked.times)


def _as_json(what: str, asked: Asked) -> dict[str, Any]:
    moments = {"first": asked.first.isoformat(), "at": asked.last.isoformat()}
    return {"what": what, "times": asked.times, **moments, "refused": asked.refused}


def _create(fleet: Fleet, item: Item, resource: Resource, history: list[Backup], seen: Seen) -> Step:
    shelf, name = fleet.shelf(resource), naming.backup(fleet.stack, resource, item.slot)
    fleet.documents.save(naming.description(item.digest, item.run), dict(shelf.describe(resource)))
    tags = _tags(fleet, item, resource, history)
    return _ask(fleet, item, Ask.CREATE, seen, lambda: shelf.create(resource, name, tags)) or plan.Create()


def _tags(fleet: Fleet, item: Item, resource: Resource, history: list[Backup]) -> dict[str, str]:
    taken = fleet.now()
    good = [one.taken for one in history if one.verified]
    is_image = resource.kind is Kind.INSTANCE and fleet.rules.images
    return {
        Tag.STACK: fleet.stack,
        Tag.SYSTEM: "fleet",
        Tag.SOURCE: resource.arn,
        Tag.KIND: resource.kind.value,
        Tag.IDENTITY: resource.identity,
        Tag.SCHEDULE: item.slot.schedule.value,
        Tag.RUN: item.run,
        Tag.SET: item.slot.set,
        Tag.TAKEN: taken.isoformat(),
        Tag.PARTS: str(max(1, len(resource.volumes)) + is_image),
        Tag.RETENTION: retention_of(taken, good, fleet.rules.keep).value,
        Tag.EXPIRY: expiry_of(taken, good, Rules(fleet.rules.keep, fleet.rules.minimum)).isoformat(),
    }


def _copy(fleet: Fleet, item: Item, resource: Resource, copy: plan.Copy, there: There, seen: Seen) -> Step:
    name = naming.backup(fleet.stack, resource, item.slot)
    for part in copy.parts:
        if there.place.account:
            fleet.shelf(resource).share(part, there.place.account)
        ours = {tag.value for tag in Tag} - {Tag.VERIFIED}
        tags = {name: value for name, value in part.tags.items() if name in ours}
        tags |= {Tag.ORIGIN: part.id, Tag.VOLUME: part.of}
        call = partial(there.shelf.copy, part, name, tags)
        if stopped := _ask(fleet, item, plan.copying(part), seen, call):
            return stopped
    return copy


# Buckets


def replica_of(fleet: Fleet, resource: Resource) -> str:
    return f"{resource.name}{fleet.rules.replica_suffix}"


def _replicate(fleet: Fleet, item: Item, resource: Resource) -> Step:
    if fleet.rules.copies_to is None:
        return Failed(
            "buckets are replicated to another region, and the stack's parameter FleetCopyRegion names none",
            "set FleetCopyRegion, or tag the bucket holdfast:backup=none",
        )
    buckets, replica = fleet.buckets_of(resource.region), replica_of(fleet, resource)
    if not job_token(fleet, item) and not buckets.look(resource, replica, "").rule:
        # Nothing has replicated what was written since somebody took the rule away.
        _announce(fleet, item, Ask.JOB, Asked(1, fleet.now(), fleet.now()))
    token = job_token(fleet, item)
    buckets.replicate(resource, replica, token)
    match buckets.look(resource, replica, token):
        case seen if seen.earlier == "running":
            return Wait("what was there before is being copied")
        case seen if seen.earlier == "failed":
            return Failed(
                f"what was there before could not be copied: {seen.why}",
                "look at the job in S3 Batch Operations; the next run begins another",
            )
        case _:
            return plan.Done()


def job_token(fleet: Fleet, item: Item) -> str:
    """Names the job that copies what has no replica: of each run until one was found good, of a run after one that was
    not, of one that found no rule, and of every weekly one. A check looks at a sample: what it does not see, the job
    finds. Empty if there is nothing to do."""
    told = fleet.documents.load(naming.bucket(item.digest))
    is_due = (
        item.slot.schedule is Schedule.WEEKLY
        or told is None
        or told["again"]
        or fleet.documents.load(naming.announcement(item.run, item.digest, Ask.JOB, 1))
    )
    return f"{item.digest}-{item.run}" if is_due else ""
