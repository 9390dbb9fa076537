"""Gathers what there is of backups, and plans: a restore that somebody asks for, or a drill."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.fleet import naming
from holdfast.fleet import plan as fleet_plan
from holdfast.fleet.model import Backup, Kind, NotARun, Place, Service, Slot, Tag, digest_of
from holdfast.fleet.ports import Documents
from holdfast.fleet.proof import Ledger
from holdfast.fleet.restore import order, plan
from holdfast.fleet.restore.model import Item, NotRestorable, Placement, Plan, Prefix, label, stamp
from holdfast.fleet.restore.plan import Drills, Wanted
from holdfast.fleet.restore.ports import Versions
from holdfast.fleet.restore.request import Request
from holdfast.fleet.run import Fleet

APPLICATION = "application"
"""The tag of all that a stack makes."""


def buckets(documents: Documents) -> dict[str, dict[str, Any]]:
    """What is known of each bucket that is replicated, by its ARN."""
    told = (documents.load(key) for key in documents.keys(naming.BUCKETS))
    return {bucket["arn"]: bucket for bucket in told if bucket}


@dataclass(frozen=True, slots=True)
class Onto:
    """Where the objects of a bucket go: `to`, under `to_prefix`; back into it if that is empty."""

    prefix: str = ""
    to: str = ""
    to_prefix: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a recovery set lacks, or has and cannot be restored as asked, and why."""

    source: str
    why: str


# What somebody asks for


@dataclass(frozen=True, slots=True)
class Planner:
    """`wanted`: of when; `placement`: where to, of instances and databases; `onto`: of objects."""

    fleet: Fleet
    wanted: Wanted
    placement: Placement
    onto: Onto

    def resource(self, text: str) -> Plan:
        """A restore of one resource. Raises NotRestorable."""
        known = buckets(self.fleet.documents)
        backups = self.fleet.backups(self.wanted.region)
        source = plan.source_named([*known, *(one.source for one in backups)], text)
        if source in known:
            item = self._bucket(known[source], self._moment())
            restore = plan.restore_id(item.label, item.taken, source, self.onto, item.taken, self.placement.suffix)
            said = f"{item.label}/{self.onto.prefix} as it was at {stamp(item.taken)}"
            return Plan(restore, said, (item,), placement=self.placement)
        backup = plan.choose(backups, source, self.wanted)
        restore = plan.restore_id(label(source), backup.taken, backup.id, self.placement)
        item = self._snapshots(restore, backup)
        said = f"{label(source)} as it was at {stamp(backup.taken)}"
        return Plan(restore, said, (item,), placement=self.placement)

    def set(self, name: str) -> tuple[Plan, list[LeftOut]]:
        """A restore of all that a recovery set holds of the fleet; what other systems have of it, as commands. Raises
        NotRestorable."""
        told = self.fleet.documents.load(naming.recovery_set(name))
        if told is None:
            raise NotRestorable(f"there is no recovery set {name!r}: holdfast sets list shows them")
        at = datetime.fromisoformat(told["at"])
        restore = plan.restore_id(f"set-{name}", at, self.wanted.region, self.placement, self.onto)
        members = {one["name"]: one for one in told["members"] if one["system"] == "fleet"}
        found = [*self._all_of(restore, name, members), *self._buckets_of(members)]
        items = tuple(one for one in found if isinstance(one, Item))
        left_out = [one for one in found if isinstance(one, LeftOut)]
        left_out += [LeftOut(one["system"], one["why"]) for one in told["lacking"]]
        commands = tuple(member["restore"] for member in told["members"] if member["system"] != "fleet")
        return Plan(restore, f"recovery set {name}", items, commands, placement=self.placement), left_out

    def _all_of(self, restore: str, name: str, members: Iterable[str]) -> Iterator[Item | LeftOut]:
        """Of instances and databases."""
        slot = _slot_of_set(name)
        backups = [one for one in self.fleet.backups(self.wanted.region) if one.slot.set == slot.set]
        for source in sorted(source for source in members if plan.region_of(source)):
            try:
                yield self._snapshots(restore, plan.choose(backups, source, self.wanted))
            except NotRestorable as error:
                yield LeftOut(source, str(error))

    def _buckets_of(self, members: Mapping[str, Mapping[str, Any]]) -> Iterator[Item | LeftOut]:
        known = buckets(self.fleet.documents)
        for source in sorted(members.keys() & known.keys()):
            bucket = known[source]
            try:
                yield self._bucket(bucket, datetime.fromisoformat(members[source]["at"]), under=f"{bucket['name']}/")
            except NotRestorable as error:
                yield LeftOut(source, str(error))

    def _snapshots(self, restore: str, backup: Backup) -> Item:
        return item_of(self.fleet, restore, backup, self.placement)

    def _moment(self) -> datetime:
        if self.wanted.slot:
            return self.wanted.slot.due
        return self.wanted.at or self.fleet.now().replace(microsecond=0)

    def _bucket(self, bucket: dict[str, Any], at: datetime, under: str = "") -> Item:
        """`under`: what the keys of several buckets that go to one are told apart by."""
        onto, taken = self.onto, bucket["taken"] and datetime.fromisoformat(bucket["taken"])
        if taken is None and not self.wanted.unverified:
            raise NotRestorable(
                f"no check has found the replication of {bucket['name']} good yet: what there is in {bucket['replica']}"
                " is restored with --unverified"
            )
        notes = () if taken is None or at <= taken else (_later(taken, unverified=self.wanted.unverified),)
        at = at if self.wanted.unverified else min(at, taken)
        to, to_prefix = (onto.to, onto.to_prefix + under) if onto.to else (bucket["name"], "")
        if to == bucket["replica"]:
            raise NotRestorable(f"{to} is the replica itself: restore to another bucket")
        return Item(
            name=digest_of(bucket["arn"]),
            kind=Kind.BUCKET,
            source=bucket["arn"],
            place=Place(bucket["region"]),
            backup=bucket["replica"],
            taken=at,
            prefix=Prefix(bucket["replica"], onto.prefix, to, to_prefix, at, overwrite=onto.overwrite),
            notes=notes,
            verified=taken is not None,
        )


def _later(taken: datetime, *, unverified: bool) -> str:
    """Of what was written after a replica was last found to have all."""
    if unverified:
        return f"its replica was last found to have all at {stamp(taken)}: of what is later, some may be missing"
    return "until then its replica was found to have all; --unverified takes along what it has of later"


def _slot_of_set(name: str) -> Slot:
    try:
        return Slot.parse(f"manual-{name}")
    except NotARun:
        raise NotRestorable(f"{name!r} names no recovery set: 2026-11-21T02-00-00Z is one") from None


def item_of(fleet: Fleet, restore: str, backup: Backup, placement: Placement) -> Item:
    """What has to be made of a backup, as its source was described then. Raises NotRestorable."""
    digest = digest_of(backup.source)
    description = fleet.documents.load(naming.description(digest, str(backup.slot)))
    if description is None:
        raise NotRestorable(
            f"nobody knows what {label(backup.source)} was like at {backup.slot}: its description is gone from the"
            " backup bucket. Its snapshots can be restored by hand"
        )
    return order.item(Request(restore, digest, backup, description, placement))


# A drill


def drill(fleet: Fleet, drills: Drills, due: datetime) -> Plan:
    """A drill of those whose turn it is: the same for the same moment."""
    restore = plan.restore_id("drill", due, fleet.stack)
    placement = Placement(subnet=drills.subnet, db_subnet_group=drills.db_subnet_group, isolated=True)
    chosen = plan.to_drill(fleet.backups(drills.region), Ledger(fleet.documents).last_drilled(), drills)
    items: list[Item] = []
    for backup in chosen:
        try:
            items.append(item_of(fleet, restore, backup, placement))
        except NotRestorable as error:  # what a drill is for: to know it before
            items.append(_hopeless(backup, str(error)))
    return Plan(restore, f"drill of {stamp(due)}", tuple(items), drill=True, placement=placement)


def _hopeless(backup: Backup, why: str) -> Item:
    """An item that can be made of nothing: it fails with the reason."""
    return Item(
        name=digest_of(backup.source),
        kind=backup.kind,
        source=backup.source,
        place=backup.place,
        backup=backup.id,
        taken=backup.taken,
        hopeless=why,
    )


# Whether it is what the backup gives


def unlike(fleet: Fleet, planned: Plan, item: Item) -> str:
    """Why an item is not what its backup and its description give; empty if it is. Who may write plans does not decide
    by that what is made."""
    parts = fleet.shelf_of(item.kind.service, item.place).parts(item.source)
    backup = next((one for one in fleet_plan.gather(parts) if one.id == item.backup), None)
    if backup is None:
        return f"there is no backup {item.backup} of {item.source}"
    try:
        found = item_of(fleet, planned.restore, backup, planned.placement)
    except NotRestorable as error:
        return str(error)
    if _signed(found) != _signed(item):
        return f"the plan of {planned.restore} asks for something else than {item.backup} and its description give"
    return ""


def closed(fleet: Fleet, versions: Versions, item: Item, prefix: Prefix) -> str:
    """Why objects may not be copied from where to where a plan says; empty if they may. Into what Holdfast keeps its
    backups in, nothing is restored, unless that is what was backed up."""
    known = buckets(fleet.documents)
    if known.get(item.source, {}).get("replica") != prefix.replica:
        return f"{prefix.replica} is not the replica of {item.label}"
    if prefix.to in {one["replica"] for one in known.values()}:
        return f"{prefix.to} is a replica itself: restore to another bucket"
    tags = versions.tags(prefix.to)
    is_own = Tag.STACK in tags or tags.get(APPLICATION) == "holdfast"
    if is_own and prefix.to != known[item.source]["name"]:
        return f"{prefix.to} is a bucket of Holdfast's own: restore to another bucket"
    return ""


def _signed(item: Item) -> str:
    """All that is asked of AWS."""
    return json.dumps([item.name, *(piece.as_json() for piece in item.pieces)], sort_keys=True)


# Whether it is still there


def missing_parts(fleet: Fleet, items: Sequence[Item]) -> dict[str, str]:
    """By the name of an item, why it cannot be restored: a part of its backup is gone, or not complete any more."""
    lacking: dict[str, str] = {}
    listings: dict[tuple[Service, Place], dict[str, str]] = {}
    for item in items:
        if item.kind is Kind.BUCKET:
            continue
        where = (item.kind.service, item.place)
        if where not in listings:
            listings[where] = {part.arn: part.status for part in fleet.shelf_of(*where).parts()}
        gone = [arn for arn in item.parts if listings[where].get(arn) != "complete"]
        if gone:
            lacking[item.name] = f"{', '.join(map(label, gone))} of {item.backup} is not there, or not complete"
    return lacking
