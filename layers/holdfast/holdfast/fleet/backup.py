"""Brings the backup of one resource a step on. Killed anywhere and called again, it makes nothing twice."""

from datetime import datetime, timedelta
from typing import Any, assert_never

from holdfast.fleet import naming, plan
from holdfast.fleet.expire.plan import expiry_of, retention_of
from holdfast.fleet.model import Backup, Kind, Part, Resource, Tag
from holdfast.fleet.plan import Ask, Failed, Seen, Step, Wait
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone
from holdfast.fleet.results import save_failed
from holdfast.fleet.run import Fleet, Item, There, began


def advance(fleet: Fleet, item: Item) -> dict[str, Any]:
    """Look how the backup of a slot stands, and do what is next. Answers `waiting`, `done` or `failed`."""
    resource = item.resource(fleet.documents)
    try:
        step = _replicate(fleet, item, resource) if resource.kind is Kind.BUCKET else _advance(fleet, item, resource)
    except (NotAvailable, LimitReached) as error:
        step = _later(fleet, item, str(error))
    except ResourceGone:
        step = Failed("it is gone since the run began", "nothing is to be done if you removed it")
    except CannotCopy as error:
        step = Failed(str(error), "nothing of it is lost here, but there is no copy")
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


def _later(fleet: Fleet, item: Item, why: str) -> Step:
    """What does not work now is tried again, until patience ends."""
    patience = fleet.rules.patience
    if fleet.now() - began(fleet, item.run) < patience:
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
            _create(fleet, item, resource, history)
        case plan.Copy(parts) if there:
            _copy(fleet, item, resource, parts, there)
        case _:
            pass
    return step


def _seen(fleet: Fleet, item: Item, resource: Resource, here: Backup | None, there: There | None) -> Seen:
    announced = _announced(fleet, item)
    if there is None or here is None:
        return Seen(here, announced=announced)
    copies = plan.gather(there.shelf.parts(resource.arn))
    return Seen(here, plan.of_slot(copies, resource, item.slot), announced, there.shelf.copies_under_way())


def _announced(fleet: Fleet, item: Item) -> dict[str, datetime]:
    told = fleet.documents.load(naming.announced(item.run, item.digest)) or {}
    return {what: datetime.fromisoformat(at) for what, at in told.items()}


def _announce(fleet: Fleet, item: Item, what: str) -> None:
    """Before anything is asked for: who comes after a crash knows that it may have been."""
    told = {**_announced(fleet, item), what: fleet.now()}
    key = naming.announced(item.run, item.digest)
    fleet.documents.save(key, {what: at.isoformat() for what, at in told.items()})


def _create(fleet: Fleet, item: Item, resource: Resource, history: list[Backup]) -> None:
    shelf = fleet.shelf(resource)
    fleet.documents.save(naming.description(item.digest, item.run), dict(shelf.describe(resource)))
    _announce(fleet, item, Ask.CREATE)
    name = naming.backup(fleet.stack, resource, item.slot)
    shelf.create(resource, name, _tags(fleet, item, resource, history))


def _tags(fleet: Fleet, item: Item, resource: Resource, history: list[Backup]) -> dict[str, str]:
    taken = fleet.now()
    retention = retention_of(taken, [one.taken for one in history if one.verified], fleet.rules.keep)
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
        Tag.RETENTION: retention.value,
        Tag.EXPIRY: expiry_of(taken, retention, fleet.rules.keep).isoformat(),
    }


def _copy(fleet: Fleet, item: Item, resource: Resource, parts: tuple[Part, ...], there: There) -> None:
    name = naming.backup(fleet.stack, resource, item.slot)
    for part in parts:
        if there.place.account:
            fleet.shelf(resource).share(part, there.place.account)
        _announce(fleet, item, plan.copying(part))
        ours = {tag.value for tag in Tag} - {Tag.VERIFIED}
        tags = {name: value for name, value in part.tags.items() if name in ours}
        there.shelf.copy(part, name, {**tags, Tag.ORIGIN: part.id, Tag.VOLUME: part.of})


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
    """Names the job that copies what was there before: one until it has succeeded, and one more for a run after one
    that found objects which could not be replicated. Empty if there is nothing to do."""
    told = fleet.documents.load(naming.bucket(item.digest))
    if told is None or told["failed"]:
        return f"{item.digest}-{item.run}"
    return str(told["job"])
