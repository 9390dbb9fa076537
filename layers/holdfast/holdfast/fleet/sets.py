"""Recovery sets: one moment, and what each system has of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.fleet import naming
from holdfast.fleet.model import Backup, Slot
from holdfast.fleet.run import Fleet


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


def save(fleet: Fleet, slot: Slot, backups: Iterable[Backup], systems: Mapping[str, Positions]) -> dict[str, Any]:
    """Write down the set of a run: its good backups, and what the other systems have of the same moment.

    The moment is the middle of the backups: so the skew is least. Without any, it is when the run was due. A system
    that cannot tell is named with the reason: a set that lacks something must not look whole.
    """
    own = [_member(backup) for backup in backups if backup.slot == slot and backup.verified and not backup.is_copy]
    taken = sorted(member.at for member in own)
    moment = taken[0] + (taken[-1] - taken[0]) / 2 if taken else slot.due
    others, lacking = [], []
    for system, positions in systems.items():
        try:
            others += list(positions(moment))
        except Exception as error:
            lacking.append({"system": system, "why": f"{type(error).__name__}: {error}"})
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


def _member(backup: Backup) -> Member:
    ids = ", ".join(part.id for part in backup.parts)
    command = f"holdfast fleet restore --resource {backup.source} --run {backup.slot}"
    return Member("fleet", backup.source, ids, backup.taken, command)
