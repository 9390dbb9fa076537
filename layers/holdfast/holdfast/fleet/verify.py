"""Whether a backup is what it should be. One that is gets a tag that says so; only such ones count."""

from typing import Any

from holdfast.fleet import naming, plan
from holdfast.fleet.backup import job_token, replica_of
from holdfast.fleet.model import Backup, Kind, Resource, Tag, platform_of
from holdfast.fleet.plan import Checked, Finding
from holdfast.fleet.ports import Shelf
from holdfast.fleet.results import save_checked, save_replicated
from holdfast.fleet.run import Fleet, Item


class BackupMissing(LookupError):
    """A backup that was complete is not listed. It may be by the next try."""


def verify(fleet: Fleet, item: Item) -> dict[str, Any]:
    """Answers `verified` or `failed`."""
    resource = item.resource(fleet.documents)
    found = _replication(fleet, item, resource) if resource.kind is Kind.BUCKET else _snapshots(fleet, item, resource)
    return {"status": "verified" if plan.is_good(found) else "failed", "findings": [one.as_json() for one in found]}


def _snapshots(fleet: Fleet, item: Item, resource: Resource) -> list[Finding]:
    here, there = fleet.shelf(resource), fleet.there(resource)
    history = plan.gather(here.parts(resource.arn))
    backup = plan.of_slot(history, resource, item.slot)
    if backup is None:
        raise BackupMissing(f"{item.run} has no backup of {resource.name} that could be verified")
    copy = plan.of_slot(plan.gather(there.shelf.parts(resource.arn)), resource, item.slot) if there else None
    description = fleet.documents.load(naming.description(item.digest, item.run)) or {}
    last = plan.last_before(history, resource, item.slot)
    checked = Checked(backup, copy, resource, here.identity(resource), last, platform_of(description))
    place = there.place if there else None
    findings = plan.find(checked, place, require_encryption=fleet.rules.require_encryption)
    if plan.is_good(findings):
        _mark(fleet, here, backup)
        if there and copy:
            _mark(fleet, there.shelf, copy)
    save_checked(fleet, item, resource, backup, findings)
    return findings


def _mark(fleet: Fleet, shelf: Shelf, backup: Backup) -> None:
    for part in backup.parts:
        if part.verified is None or part.verified < backup.taken:
            shelf.tag(part, {Tag.VERIFIED: fleet.now().isoformat()})


def _replication(fleet: Fleet, item: Item, resource: Resource) -> list[Finding]:
    replica, token = replica_of(fleet, resource), job_token(fleet, item)
    seen, now = fleet.buckets_of(resource.region).look(resource, replica, token), fleet.now()
    findings = plan.find_in_bucket(seen, replica, now)
    good, taken = plan.is_good(findings), seen.oldest_behind or now.isoformat()
    before = fleet.documents.load(naming.bucket(item.digest)) or {"verified": None, "taken": None}
    fleet.documents.save(
        naming.bucket(item.digest),
        {
            "arn": resource.arn,
            "name": resource.name,
            "region": resource.region,
            "replica": replica,
            "again": not good,
            "verified": now.isoformat() if good else before["verified"],
            "taken": taken if good else before["taken"],
            "behind": seen.behind,
            "failed": seen.failed,
        },
    )
    save_replicated(fleet, item, resource, replica, taken if good else None, findings)
    return findings
