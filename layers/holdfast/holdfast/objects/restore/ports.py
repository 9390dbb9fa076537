"""What a restore asks of the outside, besides what the objects system has anyway."""

from typing import Protocol

from holdfast.objects.model import Copy, Original, Stored
from holdfast.objects.restore.model import Found


class TargetChanged(Exception):
    """The target is not as it was found: somebody has written to it since."""


class CopyLost(Exception):
    """The copy is not in the backup bucket as it was stored: it is gone, or another object."""


class Targets(Protocol):
    """Any bucket that copies are restored to. An object of it is named as an original is."""

    def head(self, target: Original) -> Found | None:
        """What is there now, or None."""

    def write(self, copy: Copy, target: Original, over: Found | None) -> Stored:
        """Copy exactly what was stored, on S3's side, if the target still is as it was found.

        Raises TargetChanged, CopyLost.
        """
