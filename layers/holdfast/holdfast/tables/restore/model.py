"""What a restore of a table knows and decides: every difference with the reason that its reader is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from holdfast.tables.model import Description, Image, State

EXPIRING = frozenset({"ENABLED", "ENABLING"})


def stamp(at: int) -> str:
    """A moment as it is shown: given back as TIME, it names the same."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a table is restored: all of it, or what is one tenant's, or the item of one key."""

    tenant: str | None = None
    item: Image | None = None

    @property
    def is_all(self) -> bool:
        return self.tenant is None and self.item is None


@dataclass(frozen=True, slots=True)
class Then:
    """A table as it was: what the archive holds of a moment, and what of it is wanted.

    `column`: the tenant's attribute, empty where tables have no tenants.
    """

    description: Description
    state: State
    wanted: Wanted
    column: str

    @property
    def at(self) -> int:
        return self.state.at


@dataclass(frozen=True, slots=True)
class Holding:
    """How much was wanted. `size`: bytes of DynamoDB JSON, of those items that the archive's segments hold.

    `apart`: items whose image is an object of its own, which a plan does not read. `nobodys`: items that name no
    tenant. `over`: items whose time to live is over, among those that were looked at.
    """

    items: int = 0
    size: int = 0
    apart: int = 0
    nobodys: int = 0
    over: int = 0


# In place


class Kind(StrEnum):
    """What happens to an item."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


class Why(StrEnum):
    """Why an item stays as it is, though it was otherwise."""

    OTHERS_THEN = "not the tenant's then"
    OTHERS_NOW = "another tenant's now"
    UNKNOWN = "not known to have been there or not"
    UNSEEN = "without an archived change since then"


@dataclass(frozen=True, slots=True)
class Difference:
    """An item that is not as it was. `before` and `after` the restore; None where it is not there."""

    kind: Kind
    keys: Image
    before: Image | None
    after: Image | None
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """An item that is not as it was, and is none of what is wanted, or may not be."""

    keys: Image
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Same:
    """An item that is as it was."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a restore in place would do. `same`: how many items are as they were."""

    differences: tuple[Difference, ...]
    left: tuple[Leave, ...]
    same: int


@dataclass(frozen=True, slots=True)
class Journal:
    """A run of a restore in place, as it was begun. `items`: how many it was to write."""

    run: str
    table: str
    at: int
    began: int
    items: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a journal: an item before and after its restore; None where it is not there."""

    keys: Image
    before: Image | None
    after: Image | None


@dataclass(frozen=True, slots=True)
class Done:
    """An item that is now what it was to become."""

    keys: Image


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was left alone: it is not what was seen, or could not be written."""

    keys: Image
    reason: str


type Outcome = Done | Refused


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read after a restore in place, of `items`: the digests of what was to be there and of what is, and the
    keys of what is otherwise."""

    items: int
    wanted: str
    found: str
    differing: tuple[Image, ...]


class Back(StrEnum):
    """What taking back a restore comes to, for one item."""

    UNDO = "undo"
    DONE = "done"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Look:
    """An item of a journal, by what it is now."""

    entry: Entry
    back: Back


# A new table


@dataclass(frozen=True, slots=True)
class Run:
    """A restore into a new table. `source`: what it restores, as the new table's tag tells it. `ended`: None until all
    is written and verified; from then on the table is its users'."""

    run: str
    source: str
    table: str
    at: int
    to: str
    prefixes: tuple[str, ...]
    items: int
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a table, or of a part of it: how many items, and their digest."""

    items: int
    digest: str


def expiry_of(time_to_live: Mapping[str, object]) -> str | None:
    """The attribute that tells when an item expires; None if none does."""
    if time_to_live.get("TimeToLiveStatus") in EXPIRING:
        return str(time_to_live["AttributeName"])
    return None
