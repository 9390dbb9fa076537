"""Restore: gather what is kept and what is there, plan, write, verify."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

from holdfast.objects import naming
from holdfast.objects.model import Copy, Kept, Original
from holdfast.objects.ports import Backups, CopyTable
from holdfast.objects.restore import plan
from holdfast.objects.restore.model import Decision, Failure, Refuse, Restore, Skip
from holdfast.objects.restore.ports import Targets
from holdfast.objects.restore.target import KeyTooLong, Place
from holdfast.ports import Each

type Choice = Callable[[Kept], Copy | Skip]

LOOKED_AT_TOGETHER = 1_000
WRITTEN_TOGETHER = 10_000


@dataclass(frozen=True, slots=True)
class Restored:
    """A copy that was written. `verified_by` is None if there was nothing to compare."""

    restore: Restore
    verified_by: str | None


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores copies. `progress` is called for every object that was dealt with, from any thread."""

    table: CopyTable
    backups: Backups
    targets: Targets
    each: Each
    progress: Callable[[], object] = lambda: None

    # What there is

    def kept(self, bucket: str, prefix: str) -> Iterator[Kept]:
        """What is kept of every key under a prefix that has a copy."""
        for originals in batched(self._originals(bucket, prefix), LOOKED_AT_TOGETHER, strict=False):
            yield from self.each(self.table.read, originals)

    def _originals(self, bucket: str, prefix: str) -> Iterator[Original]:
        """Each key once: names of copies of one may stand between those of another."""
        seen: set[str] = set()
        for copy_key in self.backups.names(naming.beginning(Original(bucket, prefix))):
            named = naming.parse(copy_key)
            if named is None or named[0] in seen:
                continue
            seen.add(named[0])
            of_cut_name = self.table.original_of(named[0]) if naming.is_cut(named[0]) else None
            original = of_cut_name or Original.of(named[0])
            if original.key.startswith(prefix):
                yield original

    # What is to be done

    def plan(self, kept: Kept, choose: Choice, *, to: Place | None, overwrite: bool) -> Decision:
        """Decide about one object, with what is at its target. Raises KeyTooLong."""
        copy = choose(kept)
        if isinstance(copy, Skip):
            return copy
        target = to.of(kept.original) if to else kept.original
        return plan.decide(copy, target, self.targets.head(target), overwrite=overwrite)

    def plan_prefix(
        self, bucket: str, prefix: str, choose: Choice, *, to: Place | None, overwrite: bool
    ) -> Iterator[Decision]:
        """Decide about every object under a prefix."""

        def decide(original: Original) -> Decision:
            return self.plan(self.table.read(original), choose, to=to, overwrite=overwrite)

        return self._decisions(bucket, prefix, decide)

    def plan_undelete(self, bucket: str, prefix: str, since: datetime) -> Iterator[Decision]:
        """Decide about every object under a prefix that was deleted at or after a moment, or was not."""

        def decide(original: Original) -> Decision:
            kept = self.table.read(original)
            copy = plan.undelete(kept, since)
            if isinstance(copy, Skip):
                return copy
            return plan.decide_undelete(copy, kept, self.targets.head(original))

        return self._decisions(bucket, prefix, decide)

    def _decisions(self, bucket: str, prefix: str, decide: Callable[[Original], Decision]) -> Iterator[Decision]:
        def decided(original: Original) -> Decision:
            try:
                return decide(original)
            except KeyTooLong as error:
                return Refuse(original, str(error))
            except Exception as error:  # one object must not keep the others from being restored
                return Failure(original, _told(error))
            finally:
                self.progress()

        for originals in batched(self._originals(bucket, prefix), LOOKED_AT_TOGETHER, strict=False):
            yield from self.each(decided, originals)

    # Doing it

    def restore(self, restore: Restore) -> Restored:
        """Write one copy, and verify it. Raises TargetChanged, CopyLost, plan.Differs."""
        copy = restore.copy
        written = self.targets.write(copy, restore.target, restore.over)
        return Restored(restore, plan.verify(copy.stored, written) if copy.stored else None)

    def restore_all(self, restores: Sequence[Restore]) -> Iterator[Restored | Failure]:
        """Write copies side by side; what fails does not stop the others.

        The largest are written first, so that at the end none is waited for.
        """

        def restored(restore: Restore) -> Restored | Failure:
            try:
                return self.restore(restore)
            except Exception as error:
                return Failure(restore.original, _told(error))
            finally:
                self.progress()

        by_size = sorted(restores, key=lambda restore: -restore.copy.version.size)
        for some in batched(by_size, WRITTEN_TOGETHER, strict=False):
            yield from self.each(restored, some)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
