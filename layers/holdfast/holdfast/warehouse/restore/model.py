"""What a restore is asked for, what it comes to, and how it may fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.warehouse.delta.model import Snapshot
from holdfast.warehouse.model import Item, Source, Tally, Tier

type Wanted = int | datetime | None
"""This version; the newest one of a moment; or the newest that can be restored."""


class BadDestination(ValueError):
    """A place is not one to restore to."""


class NameAmbiguous(LookupError):
    """Databases of one name are in several buckets."""

    def __init__(self, name: str, places: Sequence[str]) -> None:
        super().__init__(f"{name!r} may be {' or '.join(places)}: say it with its bucket")


class NotRestorable(LookupError):
    """Nothing of what was asked for can be restored."""


class TierMissing(ValueError):
    """A storage class does not thaw in this tier."""


class Occupied(Exception):
    """What is at the destination is not of this restore."""

    def __init__(self, place: str, keys: Sequence[str], count: int) -> None:
        super().__init__(
            f"{place} holds {objects(count)} that {'is' if count == 1 else 'are'} not of this restore:"
            f" {some(keys, count)}. Restore to an empty prefix"
        )


class KeyTooLong(ValueError):
    """Under the new prefix a key is longer than S3 takes."""


class CopyFailed(Exception):
    """Some objects could not be copied; no table was finished that needs them."""

    def __init__(self, reasons: Sequence[str], count: int) -> None:
        more = f"; and {count - len(reasons):,} more" if count > len(reasons) else ""
        super().__init__(
            f"{objects(count)} could not be copied: {'; '.join(reasons)}{more}. The logs of the tables were not"
            " finished; the same command goes on"
        )


class Differs(Exception):
    """What was restored is not what was backed up."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that has recorded a table, and which version of it could be restored then."""

    item: Item
    root: str
    version: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A table that is restored, in the version of `snapshot`, by the log that a run has copied.

    `newest`: the newest version that the log names, which lacks `missing_count` files, `missing` among them, if it is
    another. `dropped`: the newest run did not find the table any more. `unknown`: versions between the one that is
    restored and the next one that a run knows: one of them may have been the newest of the moment. `newer`: why the
    log of a newer run did not serve.
    """

    candidate: Candidate
    snapshot: Snapshot
    newest: int | None
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    dropped: bool = False
    unknown: tuple[int, int] | None = None
    newer: str = ""

    @property
    def root(self) -> str:
        return self.candidate.root

    @property
    def keystone(self) -> str:
        """The file of the log without which a reader finds no version at all: the first one of the checkpoint, or the
        table's first commit."""
        return self.snapshot.log[0].key


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that is not restored. `existed`: whether it was to be."""

    root: str
    reason: str
    existed: bool = True


@dataclass(frozen=True, slots=True)
class Archived:
    """Copies of an archive class that are to be copied. `frozen`: those of which nobody has asked yet; `thawing`: that
    come; the rest can be read. Both None where they were too many to be looked at."""

    storage_class: str
    all: Tally
    frozen: Tally | None
    thawing: Tally | None

    @property
    def asked(self) -> Tally:
        """What is to be thawed, as far as is known."""
        return self.all if self.frozen is None else self.frozen


@dataclass(frozen=True, slots=True)
class Thaw:
    """How what is frozen becomes readable, and for how many days it stays so."""

    tier: Tier = "Bulk"
    days: int = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do. `there`: what it has put there before; `slow`: by class, what is billed by the byte
    when it is read; `within`: the source that the destination lies in."""

    name: str
    to: str
    tables: Sequence[Chosen]
    left_out: Sequence[LeftOut]
    copies: Tally
    there: Tally
    rewritten: int
    archived: Sequence[Archived]
    slow: dict[str, Tally]
    thaw: Thaw
    within: Source | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found of a restored table. `found`: a digest of its files' names and sizes, `expected` that of the
    closure; None if deltalake could not open it (`unopened`: why). `rows`: counted; None if they could not be.
    `unreadable`: files whose footers are none."""

    chosen: Chosen
    files: int
    expected: str
    found: str | None
    version: int | None
    rows: int | None
    unopened: str = ""
    unreadable: Sequence[str] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """In what it differs."""
        snapshot, told = self.chosen.snapshot, list[str]()
        if self.version is not None and self.version != snapshot.version:
            told.append(f"it opens as version {self.version}, and not {snapshot.version}")
        if self.found is not None and self.found != self.expected:
            told.append(f"its {self.files:,} files have the digest {self.found}, and not {self.expected}")
        if self.unreadable:
            told.append(f"these are no Parquet files that can be read: {', '.join(map(repr, self.unreadable))}")
        if self.rows is not None and snapshot.records is not None and self.rows != snapshot.records:
            told.append(f"it has {self.rows:,} rows, and not {snapshot.records:,}")
        return tuple(told)


def objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"


def some(keys: Sequence[str], count: int) -> str:
    """Some of so many keys."""
    more = f" and {count - len(keys):,} more" if count > len(keys) else ""
    return f"{', '.join(map(repr, keys))}{more}"
