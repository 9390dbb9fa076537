"""The documents of a restore: its plan, and how far each item has come."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Self

from holdfast.fleet.ports import Documents
from holdfast.fleet.restore.model import Check, Plan

RESTORES = "restores/"

type Status = Literal["begun", "provisioned", "configured", "done", "failed"]


class NoSuchRestore(LookupError):
    """No restore has this name."""


def plan_key(restore: str) -> str:
    return f"{RESTORES}{restore}/plan.json"


def item_key(restore: str, item: str) -> str:
    return f"{RESTORES}{restore}/items/{item}.json"


def verdict_key(restore: str, item: str, attempt: int, verdict: str) -> str:
    """What is written once."""
    return f"{RESTORES}{restore}/items/{item}-{attempt}-{verdict}.json"


def report_key(restore: str) -> str:
    return f"{RESTORES}{restore}/report.json"


def execution_key(restore: str) -> str:
    return f"{RESTORES}{restore}/execution.json"


@dataclass(frozen=True, slots=True)
class Copied:
    """How far the objects of a prefix are: `after` this key, and what became of those up to it. `refused`: the first
    that were, with the reason."""

    after: str = ""
    objects: int = 0
    bytes: int = 0
    kept: int = 0
    failed: int = 0
    refused: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        return cls(**{**told, "refused": tuple((key, why) for key, why in told["refused"])})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an item is. `began`: when its restore did; `ended`: when it was validated, or failed; `made`: what there
    is of it, by ID; `destroyed`: when nothing of a drill was left; `copied`: of a prefix, and `looked` at afterwards.
    `attempt`: how often it was begun, since it failed."""

    status: Status
    began: datetime
    attempt: int = 1
    ended: datetime | None = None
    made: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    why: str | None = None
    mend: str | None = None
    destroyed: datetime | None = None
    copied: Copied = field(default_factory=Copied)
    looked: Copied = field(default_factory=Copied)

    def failed(self, why: str, mend: str, at: datetime) -> "Progress":
        return replace(self, status="failed", why=why, mend=mend, ended=at)

    def as_json(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "began": self.began.isoformat(),
            "attempt": self.attempt,
            "ended": self.ended.isoformat() if self.ended else None,
            "made": list(self.made),
            "checks": [check.as_json() for check in self.checks],
            "why": self.why,
            "mend": self.mend,
            "destroyed": self.destroyed.isoformat() if self.destroyed else None,
            "copied": _told(self.copied),
            "looked": _told(self.looked),
        }

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        return cls(
            **{
                **told,
                "began": datetime.fromisoformat(told["began"]),
                "ended": _moment(told["ended"]),
                "made": tuple(told["made"]),
                "checks": tuple(Check(**check) for check in told["checks"]),
                "destroyed": _moment(told["destroyed"]),
                "copied": Copied.of(told["copied"]),
                "looked": Copied.of(told["looked"]),
            }
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _told(copied: Copied) -> dict[str, Any]:
    names = ("after", "objects", "bytes", "kept", "failed")
    return {**{name: getattr(copied, name) for name in names}, "refused": [list(one) for one in copied.refused]}


@dataclass(frozen=True, slots=True)
class Record:
    """The documents of one restore."""

    documents: Documents
    restore: str

    def plan(self) -> Plan:
        """Raises NoSuchRestore."""
        stored = self.stored()
        if stored is None:
            raise NoSuchRestore(f"there is no restore {self.restore}: holdfast fleet restore plans one")
        return stored

    def stored(self) -> Plan | None:
        told = self.documents.load(plan_key(self.restore))
        return None if told is None else Plan.of(told)

    def add(self, plan: Plan) -> Plan:
        """Store a plan; if it is there already, what was begun goes on as it was planned."""
        if self.documents.add(plan_key(self.restore), plan.as_json()):
            return plan
        return self.plan()

    def progress(self, item: str) -> Progress | None:
        """Two may do the same, for a schedule may start a drill twice. How it ended, and that nothing is left, is what
        the first of them found; of the steps before, either may be told."""
        told = self.documents.load(item_key(self.restore, item))
        if told is None:
            return None
        found = Progress.of(told)
        ended = self.documents.load(verdict_key(self.restore, item, found.attempt, "ended"))
        if ended is None:
            return found
        gone = self.documents.load(verdict_key(self.restore, item, found.attempt, "destroyed"))
        return replace(Progress.of(ended), destroyed=_moment(gone["at"]) if gone else None)

    def save(self, item: str, progress: Progress) -> None:
        self.documents.save(item_key(self.restore, item), progress.as_json())

    def end(self, item: str, progress: Progress) -> Progress:
        """Store how an item ended. Returns how it did, if somebody was faster."""
        key = verdict_key(self.restore, item, progress.attempt, "ended")
        if self.documents.add(key, progress.as_json()):
            return progress
        return Progress.of(self.documents.load(key))

    def destroyed(self, item: str, progress: Progress, at: datetime) -> None:
        key = verdict_key(self.restore, item, progress.attempt, "destroyed")
        self.documents.add(key, {"at": at.isoformat()})

    def report(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.documents.load(report_key(self.restore))
        return found

    def save_report(self, report: dict[str, Any]) -> None:
        self.documents.save(report_key(self.restore), report)

    def execution(self) -> str | None:
        """What the restore was started as, the last time."""
        told = self.documents.load(execution_key(self.restore))
        return str(told["execution"]) if told else None

    def save_execution(self, execution: str) -> None:
        self.documents.save(execution_key(self.restore), {"execution": execution})
