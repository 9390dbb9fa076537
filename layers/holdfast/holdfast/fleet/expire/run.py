"""Removes the backups that the rule lets go, and writes down why others that should be gone are not."""

from collections.abc import Callable, Sequence
from typing import Any

from holdfast.breaker.run import Breaker
from holdfast.fleet import naming
from holdfast.fleet.expire.plan import Blocked, Expired, Kept, Rules, Verdict, judge
from holdfast.fleet.model import Backup
from holdfast.fleet.ports import Shelf, Undeletable
from holdfast.fleet.run import Fleet

SYSTEM = "fleet"
"""The breaker's name for what is guarded here."""


def plan_all(fleet: Fleet) -> list[Verdict]:
    """A verdict on each backup that there is. Removes nothing."""
    return judge(fleet.backups(), Rules(fleet.rules.keep, fleet.rules.minimum), fleet.now())


def expire(fleet: Fleet, run: str, breaker: Breaker, time_left: Callable[[], bool]) -> dict[str, Any]:
    """Remove what may go, as much as time permits; called again, it goes on. The breaker is asked before."""
    verdicts = plan_all(fleet)
    expired = [verdict for verdict in verdicts if isinstance(verdict, Expired)]
    held = breaker.hold(SYSTEM, planned=len(expired), guarded=len(verdicts)) if expired else None
    if held:
        fleet.log("the breaker holds the cleaning", reason=held)
    removed, refused = ([], []) if held else _remove_all(fleet, expired, time_left)
    left = len(expired) - len(removed) - len(refused)
    if expired and not held:
        breaker.give_back(SYSTEM, len(expired) - len(removed))
    blocked = [verdict for verdict in verdicts if isinstance(verdict, Blocked)] + refused
    if held:
        blocked += [Blocked(verdict.backup, f"the breaker is open: {held}") for verdict in expired]
    told = _record(fleet, run, removed, [one for one in verdicts if isinstance(one, Kept)], blocked)
    return {"done": not left or held is not None, "removed": len(told), "blocked": len(blocked), "held": held}


def _remove_all(
    fleet: Fleet, expired: Sequence[Expired], time_left: Callable[[], bool]
) -> tuple[list[Expired], list[Blocked]]:
    shelves = fleet.shelves()
    removed: list[Expired] = []
    refused: list[Blocked] = []
    for verdict in expired:
        if not time_left():
            break
        fleet.log("removes", backup=verdict.backup.id, reason=verdict.why)
        shelf = shelves[verdict.backup.kind.service, verdict.backup.place]
        if why := _remove(shelf, verdict.backup):
            refused.append(Blocked(verdict.backup, why))
        else:
            removed.append(verdict)
    return removed, refused


def _remove(shelf: Shelf, backup: Backup) -> str | None:
    """Images before the snapshots that they stand on. Why AWS refuses, if it does: the parts behind stay then."""
    for part in backup.parts:
        try:
            shelf.delete(part)
        except Undeletable as error:
            return str(error)
    return None


def _record(
    fleet: Fleet, run: str, removed: Sequence[Expired], kept: Sequence[Kept], blocked: Sequence[Blocked]
) -> list[dict[str, str]]:
    """What this run removed altogether, in however many goes, is kept in mind."""
    key = naming.expired(run)
    before = fleet.documents.load(key) or {"removed": []}
    told: list[dict[str, str]] = before["removed"] + _told(removed)
    document = {"at": fleet.now().isoformat(), "removed": told, "kept": _told(kept), "blocked": _told(blocked)}
    fleet.documents.save(key, document)
    return told


def _told(verdicts: Sequence[Verdict]) -> list[dict[str, str]]:
    return [{"backup": one.backup.id, "source": one.backup.source, "why": one.why} for one in verdicts]
