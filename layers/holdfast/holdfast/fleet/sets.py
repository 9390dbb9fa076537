"""Recovery sets: one moment, and what each system has of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from holdfast.fleet import naming, plan
from holdfast.fleet.model import Backup, Place, Schedule, Slot, moment_of
from holdfast.fleet.run import SNAPSHOT_SERVICES, Fleet


@dataclass(frozen=True, slots=True)
class Member:
    """What a system has of a moment. `position`: a snapshot, a version, the last sequence number; `at`: the moment that
    this really is; `restore`: the command that brings it back."""

    system: str
    name: str
    position: str
    at: datetime
    restore: str

    def as_json(self, moment: datetime) -> dict[str, Any]:
        skew = round((self.at - moment).total_seconds())
        return {
            "system": self.system,
            "name": self.name,
            "position": self.position,
            "at": self.at.isoformat(),
            "skew_seconds": skew,
            "restore": self.restore,
        }


type Positions = Callable[[datetime], Iterable[Member]]
"""What a system has of a moment, at most that moment's state."""


def save(
    fleet: Fleet,
    slot: Slot,
    failed: Iterable[Mapping[str, Any]],
    systems: Mapping[str, Positions],
    asked: Sequence[str] = (),
) -> dict[str, Any]:
    """Write down the set of a run: its good backups, and what the other systems have of the same moment. Runs that were
    due at one moment share it.

    The moment is the middle of the backups: so the skew is least. Without any, it is when the run was due. What could
    not be backed up, or seen, and a system that cannot tell, are named with the reason: a set that lacks something must
    not look whole. `asked`: the only resources that somebody wanted.
    """
    backups, lacking = _backups(fleet, slot)
    own = [_member(backup) for backup in backups]
    taken = sorted(member.at for member in own)
    moment = taken[0] + (taken[-1] - taken[0]) / 2 if taken else slot.due
    there = {member.name for member in own}
    lacking += [
        _lacks("fleet", f"{one['name']}: {one['why']}")
        for one in [*failed, *_failed_besides(fleet, slot)]
        if one["arn"] not in there
    ]
    if asked:
        lacking.append(_lacks("fleet", f"only {', '.join(asked)} was to be backed up"))
    others: list[Member] = []
    asking: dict[str, Positions] = {**systems, "fleet": partial(_replicas, fleet)}
    for system, positions in asking.items():
        try:
            others += list(positions(moment))
        except Exception as error:
            lacking.append(_lacks(system, f"{type(error).__name__}: {error}"))
    members = [member.as_json(moment) for member in (*others, *own)]
    told = {
        "set": slot.set,
        "run": str(slot),
        "at": moment.isoformat(),
        "members": members,
        "lacking": lacking,
        "skew_seconds": max((abs(member["skew_seconds"]) for member in members), default=0),
    }
    fleet.documents.save(naming.recovery_set(slot.set), told)
    return told


def _backups(fleet: Fleet, slot: Slot) -> tuple[list[Backup], list[dict[str, str]]]:
    """The newest good backup of the set of each resource, by resource, and where none could be seen."""
    newest: dict[str, Backup] = {}
    lacking = []
    for service in SNAPSHOT_SERVICES:
        for region in fleet.rules.regions:
            try:
                found = plan.gather(fleet.shelf_of(service, Place(region)).parts())
            except Exception as error:
                lacking.append(_lacks("fleet", f"{service} in {region}: {type(error).__name__}: {error}"))
                continue
            newest |= {
                one.source: one for one in found if one.slot.set == slot.set and one.verified and not one.is_copy
            }
    return [backup for _, backup in sorted(newest.items())], lacking


def _replicas(fleet: Fleet, moment: datetime) -> Iterator[Member]:
    """A replica has what a bucket was at each moment until it was last found to have all."""
    for told in fleet.each(fleet.documents.load, fleet.documents.keys(naming.BUCKETS)):
        if taken := moment_of(str(told["taken"])):
            at = min(taken, moment).replace(microsecond=0)
            command = f"holdfast fleet restore --resource {told['arn']} --at {at.isoformat()}"
            yield Member("fleet", told["arn"], told["replica"], at, command)


def _failed_besides(fleet: Fleet, slot: Slot) -> list[Mapping[str, Any]]:
    """What failed of the other runs that were due at the same moment, as far as they have ended."""
    runs = [str(replace(slot, schedule=other)) for other in Schedule if other is not slot.schedule]
    reports = [fleet.documents.load(naming.report(run)) for run in runs]
    return [one for report in reports if report for one in report["failed"]]


def _lacks(system: str, why: str) -> dict[str, str]:
    return {"system": system, "why": why}


def _member(backup: Backup) -> Member:
    ids = ", ".join(part.id for part in backup.parts)
    command = f"holdfast fleet restore --resource {backup.source} --run {backup.slot}"
    return Member("fleet", backup.source, ids, backup.taken, command)
