"""What a restore of one resource is asked for, as both services need it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

from holdfast.fleet.model import CHOICE, Backup, Place
from holdfast.fleet.restore.model import Mark, NotRestorable, Placement, label

MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class Request:
    """`backup`: what is restored, where it lies; `description`: what its source was like."""

    restore: str
    item: str
    backup: Backup
    description: Mapping[str, Any]
    placement: Placement

    @property
    def label(self) -> str:
        return label(self.backup.source)

    @property
    def place(self) -> Place:
        return self.backup.place

    @property
    def home(self) -> Place:
        """Where its source was."""
        return Place(self.backup.source.split(":")[3])

    @property
    def is_home(self) -> bool:
        return self.place == self.home

    @property
    def unique(self) -> str:
        """Of this item of this restore, and no other: what AWS makes one of."""
        return f"holdfast-{sha256(f'{self.restore} {self.item}'.encode()).hexdigest()[:24]}"

    @property
    def marks(self) -> dict[str, str]:
        """The tags that tell of the restore."""
        marks = {Mark.RESTORE: self.restore, Mark.ITEM: self.item, Mark.FROM: self.backup.id[:256]}
        if self.placement.isolated:
            marks[Mark.DRILL] = self.restore
        return {mark.value: value for mark, value in marks.items()}

    @property
    def tags(self) -> dict[str, str]:
        """The tags of what is made: those of the original as far as there is room. A drill's has none of them, and no
        schedule backs it up."""
        if self.placement.isolated:
            return {**self.marks, "Name": f"holdfast drill of {self.label}"[:256], CHOICE: "none"}
        marks = {mark.value for mark in Mark}
        told = {k: v for k, v in self.description["Tags"].items() if not k.startswith("aws:") and k not in marks}
        if self.placement.suffix and "Name" in told:
            told["Name"] = f"{told['Name']}-{self.placement.suffix}"[:256]
        return {**self.marks, **dict(list(told.items())[: MOST_TAGS - len(self.marks)])}

    def may_give(self, role: str) -> bool:
        """Whether what is made may get a role."""
        return any(fnmatchcase(role, pattern) for pattern in self.placement.roles)

    def need(self, option: str, value: str | Sequence[str]) -> None:
        """Raises NotRestorable where what the original was connected to is not."""
        if not value and not self.is_home and not self.placement.isolated:
            raise NotRestorable(
                f"{self.label} is restored in {self.place}, and the networks of {self.home} are not there: give "
                f"{option}"
            )


def given(told: Mapping[str, Any], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Those of the names that have a value."""
    return {name: told[name] for name in names or told if told.get(name) not in (None, "", [], {})}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
