"""Copies what a bucket held under a prefix at a moment back, out of the versions in its replica."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import batched

from holdfast.fleet.restore import plan
from holdfast.fleet.restore.model import Entry, Prefix, There
from holdfast.fleet.restore.plan import Copy, Keep, Refuse
from holdfast.fleet.restore.ports import TargetChanged, Unreadable, Versions
from holdfast.fleet.restore.record import Copied
from holdfast.ports import Each

TOGETHER = 500
"""So many objects are dealt with before it is written down how far it is."""

TOLD = 20
"""So many of those that were refused are told by name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a key. `why`: it was refused."""

    entry: Entry
    copied: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Copying:
    """`began`: when the restore did."""

    versions: Versions
    prefix: Prefix
    began: datetime
    each: Each

    def wanted(self, after: str = "") -> Iterator[Entry]:
        """What the prefix held at the moment, of keys beyond one."""
        entries = self.versions.entries(self.prefix.replica, self.prefix.prefix, after)
        yield from plan.as_of(entries, self.prefix.at)

    def copy(self, so_far: Copied, time_left: Callable[[], bool], save: Callable[[Copied], None]) -> bool:
        """Go on from where it is, as long as there is time. Tells whether all is done."""
        return self._walk(self._copy_one, so_far, time_left, save)

    def look(self, so_far: Copied, time_left: Callable[[], bool], save: Callable[[Copied], None]) -> bool:
        """Whether every key is at its target, as it was. Tells whether all were looked at."""
        return self._walk(self._look_at, so_far, time_left, save)

    def _walk(
        self,
        do: Callable[[Entry], Outcome],
        so_far: Copied,
        time_left: Callable[[], bool],
        save: Callable[[Copied], None],
    ) -> bool:
        for entries in batched(self.wanted(so_far.after), TOGETHER, strict=False):
            so_far = _counted(so_far, self.each(do, entries))
            save(so_far)
            if not time_left():
                return False
        return True

    def _there(self, entry: Entry) -> There | None:
        return self.versions.head(self.prefix.to, self.prefix.target(entry.key))

    def _same(self, entry: Entry, there: There | None) -> bool | None:
        """Whether what is there is what the entry was. The version itself is asked only if its entry does not tell."""
        if there is None or there.size != entry.size:
            return False
        if there.etag == entry.etag:
            return True
        original = self.versions.head(self.prefix.replica, entry.key, entry.version)
        return original.same(there) if original else None

    def _copy_one(self, entry: Entry) -> Outcome:
        there = self._there(entry)
        match plan.decide(entry, there, self._same(entry, there), self.prefix):
            case Keep():
                return Outcome(entry)
            case Refuse(why):
                return Outcome(entry, why=why)
            case Copy(_, over):
                try:
                    target = self.prefix.target(entry.key)
                    self.versions.copy(self.prefix.replica, entry, self.prefix.to, target, over)
                except (TargetChanged, Unreadable) as error:
                    return Outcome(entry, why=str(error))
                return Outcome(entry, copied=True)

    def _look_at(self, entry: Entry) -> Outcome:
        there = self._there(entry)
        return Outcome(entry, why=plan.wrong(entry, there, self._same(entry, there), self.began))


def _counted(so_far: Copied, outcomes: Iterable[Outcome]) -> Copied:
    for one in outcomes:
        if one.why:
            told = (*so_far.refused, (one.entry.key, one.why))[:TOLD]
            so_far = replace(so_far, failed=so_far.failed + 1, refused=told)
        elif one.copied:
            so_far = replace(so_far, objects=so_far.objects + 1, bytes=so_far.bytes + one.entry.size)
        else:
            so_far = replace(so_far, kept=so_far.kept + 1)
        so_far = replace(so_far, after=one.entry.key)
    return so_far
