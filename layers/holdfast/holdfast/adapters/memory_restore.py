"""The port of a restore in memory."""

from dataclasses import dataclass

from holdfast.adapters.memory_objects import MemoryBackups
from holdfast.objects.model import Copy, Original, Stored
from holdfast.objects.restore.model import Found
from holdfast.objects.restore.ports import CopyLost, TargetChanged


@dataclass
class MemoryTargets:
    """The buckets of `backups.sources`, as places to restore to."""

    backups: MemoryBackups

    def head(self, target: Original) -> Found | None:
        current = self.backups.sources.head(target)
        if current is None:
            return None
        return Found(current.etag, current.size, current.written_at.replace(microsecond=0), f"MEMORY:{current.etag}")

    def write(self, copy: Copy, target: Original, over: Found | None) -> Stored:
        version, stored = self.backups.objects.get(copy.copy_key, (None, None))
        if version is None or stored is None or copy.stored is None or not copy.stored.is_intact(stored):
            raise CopyLost(f"{copy.copy_key!r} is not what was stored")
        if self.head(target) != over:
            raise TargetChanged(f"{str(target)!r} was written since")
        self.backups.sources.put(target, version.etag, version.size)
        return stored
