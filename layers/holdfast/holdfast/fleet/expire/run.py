"""Removes the backups that the rule lets go, and writes down why others that should be gone are not."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from holdfast.breaker.run import Breaker
from holdfast.fleet import naming
from holdfast.fleet.expire.plan import Blocked, Expired, Kept, Rules, Verdict, is_early, judge
from holdfast.fleet.model import Backup, Place, Service
from holdfast.fleet.ports import Shelf, Undeletable
from holdfast.fleet.run import Fleet

SYSTEM = "fleet"
"""The breaker's name for what is guarded here."""

type Told = dict[str, str]
"""A verdict in the document: the backup, its source, and why."""


def plan_all(fleet: Fleet) -> list[Verdict]:
    """A verdict on each backup that there is. Removes nothing."""
    return judge(fleet.backups(), Rules(fleet.rules.keep, fleet.rules.minimum), fleet.now())


def expire(fleet: Fleet, run: str, breaker: Breaker, time_left: Callable[[], bool]) -> dict[str, Any]:
    """Remove what may go, as much as time permits; called again, it goes on. The breaker is asked before, for what goes
    earlier than was said when it was made."""
    verdicts = plan_all(fleet)
    expired = [verdict for verdict in verdicts if isinstance(verdict, Expired)]
    early = [verdict for verdict in expired if is_early(verdict, fleet.now())]
    held = breaker.hold(SYSTEM, planned=len(early), guarded=len(verdicts)) if expired else None
    if held:
        fleet.log("the breaker holds the cleaning", reason=held)
    record = _Record(fleet, run, verdicts, [] if held else expired, held)
    removed, refused = ([], []) if held else _remove_all(fleet, expired, time_left)
    if early and not held:
        gone = set(map(id, removed))
        breaker.give_back(SYSTEM, sum(id(verdict) not in gone for verdict in early))
    if held:
        why = f"the breaker is open: {held}; once that is right: holdfast breaker resume {SYSTEM}"
        refused = [Blocked(verdict.backup, why) for verdict in expired]
    left = len(expired) - len(removed) - len(refused)
    return {"done": not left, **record.finish(removed, refused), "held": held}


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
        if why := _remove(shelves, verdict.backup):
            fleet.log("could not be removed", backup=verdict.backup.id, reason=why)
            refused.append(Blocked(verdict.backup, why))
        else:
            removed.append(verdict)
    return removed, refused


def _remove(shelves: Mapping[tuple[Service, Place], Shelf], backup: Backup) -> str | None:
    """Images before the snapshots that they stand on. What keeps it here, if anything does: the parts behind stay
    then, and the other backups go all the same."""
    try:
        for part in backup.parts:
            shelves[backup.kind.service, backup.place].delete(part)
    except Undeletable as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


class _Record:
    """What a run removed altogether, in however many goes. What is to be removed is written down before: who comes
    after a crash knows what is gone."""

    def __init__(
        self, fleet: Fleet, run: str, verdicts: Sequence[Verdict], expired: Sequence[Expired], held: str | None
    ) -> None:
        self.fleet, self.key, self.held = fleet, naming.expired(run), held
        self.kept = _told(one for one in verdicts if isinstance(one, Kept))
        self.blocked = [one for one in verdicts if isinstance(one, Blocked)]
        before = fleet.documents.load(self.key) or {"removed": [], "removing": []}
        there = _told(verdicts)
        names = {(one["backup"], one["source"]) for one in there}
        gone = [one for one in before["removing"] if (one["backup"], one["source"]) not in names]
        self.removed = [*before["removed"], *gone]
        self._save(self.removed, self.blocked, removing=_told(expired))

    def finish(self, removed: Sequence[Expired], refused: Sequence[Blocked]) -> dict[str, int]:
        """How many are removed, and are not though they should be."""
        gone, blocked = self.removed + _told(removed), self.blocked + list(refused)
        self._save(gone, blocked, removing=[])
        return {"removed": len(gone), "blocked": len(blocked)}

    def _save(self, removed: Sequence[Told], blocked: Sequence[Blocked], removing: Sequence[Told]) -> None:
        document = {
            "at": self.fleet.now().isoformat(),
            "removed": removed,
            "removing": removing,
            "kept": self.kept,
            "blocked": _told(blocked),
            "held": self.held,
        }
        self.fleet.documents.save(self.key, document)


def _told(verdicts: Iterable[Verdict]) -> list[Told]:
    return [{"backup": one.backup.id, "source": one.backup.source, "why": one.why} for one in verdicts]
