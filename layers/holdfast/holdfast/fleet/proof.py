"""The ledger of restore drills: a chain of entries, each of which carries the digest of the one before.

Who changes, removes or reorders an entry breaks the chain at that place. Its end proves itself less: the head, a
document beside the entries, tells how many there are, and whoever may write to the bucket may write both.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from holdfast.fleet.ports import Documents
from holdfast.fleet.restore.model import Check

FOLDER = "proof/"
HEAD = f"{FOLDER}head.json"
BEFORE_THE_FIRST = "0" * 64
"""What the first entry carries."""

_ATTEMPTS = 100
"""So many other writers may be faster."""

_OVERLAP = timedelta(days=7)
"""No two drills at a time began further apart."""


class LedgerBusy(Exception):
    """Others have added entries again and again."""


type Result = Literal["passed", "failed"]


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill of one resource showed. `rto_seconds`: from its beginning until all was checked; None if that did
    not come. `rpo_seconds`: how old the backup was when it began. `taken`: the moment of the backup."""

    at: datetime
    restore: str
    resource: str
    backup: str
    taken: datetime
    rto_seconds: int | None
    rpo_seconds: int
    result: Result
    why: str | None
    checks: tuple[Check, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "restore": self.restore,
            "resource": self.resource,
            "backup": self.backup,
            "taken": self.taken.isoformat(),
            "rto_seconds": self.rto_seconds,
            "rpo_seconds": self.rpo_seconds,
            "result": self.result,
            "why": self.why,
            "checks": [check.as_json() for check in self.checks],
        }


type Entry = Mapping[str, Any]


def key(number: int) -> str:
    return f"{FOLDER}{number:08}.json"


def _number(at: str) -> int:
    return int(at.removeprefix(FOLDER).removesuffix(".json"))


def digest(entry: Entry) -> str:
    """Of the canonical JSON of an entry: its keys sorted, without spaces, in ASCII."""
    return sha256(json.dumps(entry, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# Whether the chain holds


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which the ledger is not what it was."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`digest`: of the last entry: noted elsewhere, it proves all of them later. `broken`: None if the chain holds."""

    entries: int
    digest: str
    broken: Broken | None


def verify(found: Iterable[tuple[str, Entry | None]], head: Mapping[str, Any] | None) -> Verdict:
    """Whether every entry is there, in its place, and as it was. `found`: keys with what lies there, in order."""
    previous, number, digests = BEFORE_THE_FIRST, 0, [BEFORE_THE_FIRST]
    for at, entry in found:
        number += 1
        if why := _what_is_wrong(number, at, entry, previous):
            return Verdict(number - 1, previous, Broken(number, why))
        previous = digest(entry or {})
        digests.append(previous)
    why = _what_is_wrong_with_the_end(digests, head)
    return Verdict(number, previous, Broken(number + 1, why) if why else None)


def _what_is_wrong(number: int, at: str, entry: Entry | None, previous: str) -> str | None:
    if at != key(number):
        return f"{key(number)} is missing: what follows is {at}"
    if not isinstance(entry, Mapping):
        return f"{at} cannot be read"
    if entry.get("n") != number:
        return f"{at} says that it is number {entry.get('n')!r}: it was moved"
    if entry.get("previous") != previous:
        before = key(number - 1) if number > 1 else "nothing"
        return f"{at} does not follow {before} as it is now: one of the two was changed"
    return None


def _what_is_wrong_with_the_end(digests: Sequence[str], head: Mapping[str, Any] | None) -> str | None:
    """The head may lag behind: two writers may have come at once. It is never ahead."""
    entries = len(digests) - 1
    if head is None:
        return f"{HEAD} is missing: nobody knows how many entries there were" if entries else None
    count = head.get("n")
    if not isinstance(count, int) or count > entries:
        return f"{key(entries + 1)} is missing: {HEAD} knows of {count} entries"
    if head.get("digest") != digests[count]:
        return f"{HEAD} knows another entry {count}: the last entries or the head were changed"
    return None


# What it tells


@dataclass(frozen=True, slots=True)
class Standing:
    """A resource by its drills: the last of all, and how many there were."""

    resource: str
    last: Entry
    drills: int
    failed: int


def standings(entries: Iterable[Entry]) -> list[Standing]:
    """By resource, in the order of their names."""
    found: dict[str, Standing] = {}
    for entry in entries:
        resource = str(entry["resource"])
        before = found.get(resource, Standing(resource, entry, 0, 0))
        failed = before.failed + (entry["result"] != "passed")
        found[resource] = Standing(resource, entry, before.drills + 1, failed)
    return sorted(found.values(), key=lambda standing: standing.resource)


COLUMNS = (
    "n",
    "at",
    "resource",
    "backup",
    "taken",
    "result",
    "rto_seconds",
    "rpo_seconds",
    "why",
    "restore",
    "previous",
)


def as_csv(entries: Iterable[Entry]) -> str:
    """For spreadsheets. What such a program would take for a formula stands behind an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, "checks"))
    for entry in entries:
        checks = "; ".join(f"{one['name']}: {one['text']}" for one in entry["checks"])
        writer.writerow([_harmless(entry[column]) for column in COLUMNS] + [_harmless(checks)])
    return text.getvalue()


def _harmless(value: object) -> object:
    """https://owasp.org/www-community/attacks/CSV_Injection"""
    if isinstance(value, str) and value.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "|")):
        return f"'{value}"
    return value


# The ledger


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries, as documents. They are added, and never changed."""

    documents: Documents

    def keys(self) -> list[str]:
        return [found for found in self.documents.keys(FOLDER) if found != HEAD]

    def entries(self) -> Iterator[tuple[str, Entry | None]]:
        return ((found, self.documents.load(found)) for found in self.keys())

    def verify(self) -> tuple[Verdict, list[Entry]]:
        """The verdict, and the entries up to where the chain breaks."""
        head = self.documents.load(HEAD)  # first: who writes meanwhile makes the chain longer, not the head
        found = list(self.entries())
        verdict = verify(found, head)
        return verdict, [entry for _, entry in found[: verdict.entries] if entry is not None]

    def add(self, drill: Drill) -> int:
        """Add an entry for a drill, once for each restore and resource. Returns its number. Raises LedgerBusy."""
        for _ in range(_ATTEMPTS):
            # In this order: what others add from here on takes the number that this one asks for.
            head = self.documents.load(HEAD) or {"n": 0, "digest": BEFORE_THE_FIRST}
            keys = self.keys()
            if known := self._known(keys, drill):
                return known
            number, previous = self._end(keys, head)
            entry = {"n": number + 1, "previous": previous, **drill.as_json()}
            if self.documents.add(key(number + 1), entry):
                self.documents.save(HEAD, {"n": number + 1, "digest": digest(entry)})
                return number + 1
        raise LedgerBusy(f"{_ATTEMPTS} times somebody else was faster to add the next entry")

    def _end(self, keys: Sequence[str], head: Mapping[str, Any]) -> tuple[int, str]:
        """The number and the digest of the last entry. Where the head knows of later ones, somebody has removed those:
        a new entry follows them all the same, so that they stay missed."""
        number = _number(keys[-1]) if keys else 0
        if head["n"] > number or not keys:
            return head["n"], head["digest"]
        return number, digest(self.documents.load(keys[-1]))

    def _known(self, keys: Sequence[str], drill: Drill) -> int | None:
        """The entry of this very drill, if it has one."""
        for found in reversed(keys):
            entry = self.documents.load(found)
            if (entry["restore"], entry["resource"]) == (drill.restore, drill.resource):
                return int(entry["n"])
            if datetime.fromisoformat(entry["at"]) < drill.at - _OVERLAP:
                return None
        return None

    def last_drilled(self) -> dict[str, datetime]:
        """When each resource was last drilled."""
        return {
            standing.resource: datetime.fromisoformat(standing.last["at"])
            for standing in standings(entry for _, entry in self.entries() if entry)
        }
