"""What a restore speaks of: what is asked of AWS, piece by piece, and what has come of it. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from holdfast.fleet.model import Kind, Place


class NotRestorable(LookupError):
    """There is nothing to restore as it was asked for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at of what was restored."""

    name: str
    passed: bool
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "passed": self.passed, "text": self.text}


class Mark(StrEnum):
    """The tags of what a restore makes."""

    RESTORE = "holdfast:restore"
    ITEM = "holdfast:item"
    FROM = "holdfast:restored-from"
    DRILL = "holdfast:drill"


class PieceType(StrEnum):
    """What AWS is asked to make."""

    IMAGE = "image"
    INSTANCE = "instance"
    CLUSTER = "cluster"
    DATABASE = "database"


class State(StrEnum):
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to make. `name`: an image's name, an instance's client token, a database's identifier: AWS makes one.

    `request`: what its call is asked. `settings`: what is set once it is there, call by call. `expected`: what it has
    to be like then. `temporary`: it is needed for others only, and goes once they are there.
    """

    type: PieceType
    name: str
    request: Mapping[str, Any]
    settings: tuple[Mapping[str, Any], ...] = ()
    expected: Mapping[str, Any] = field(default_factory=dict)
    temporary: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "type": self.type.value,
            "name": self.name,
            "request": dict(self.request),
            "settings": [dict(one) for one in self.settings],
            "expected": dict(self.expected),
            "temporary": self.temporary,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(**{**told, "type": PieceType(told["type"]), "settings": tuple(told["settings"])})


@dataclass(frozen=True, slots=True)
class Made:
    """A piece as it is now. `facts`: what it is like, in the words of `Piece.expected`. `why`: AWS's, of a failure."""

    type: PieceType
    name: str
    id: str
    arn: str
    state: State
    tags: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of an object, or a delete marker."""

    key: str
    version: str
    at: datetime
    size: int = 0
    etag: str = ""
    is_marker: bool = False


@dataclass(frozen=True, slots=True)
class There:
    """An object as S3 tells of it. `at`: to the second. `checksum`: one of the whole object, with its algorithm.
    `is_plain`: its ETag is the digest of what it holds, which it is not where it was encrypted with KMS, or uploaded in
    parts."""

    etag: str
    size: int
    at: datetime
    checksum: str = ""
    is_plain: bool = True

    def same(self, other: "There") -> bool | None:
        """Whether it holds what another does; None if nothing tells."""
        if (self.etag, self.size) == (other.etag, other.size):
            return True
        if self.size != other.size or (self.is_plain and other.is_plain):
            return False
        if self.checksum and self.checksum.partition(":")[0] == other.checksum.partition(":")[0]:
            return self.checksum == other.checksum
        return None


@dataclass(frozen=True, slots=True)
class Prefix:
    """What of a bucket is restored: as it was at a moment, from the versions in its replica."""

    replica: str
    prefix: str
    to: str
    to_prefix: str
    at: datetime
    overwrite: bool = False

    def target(self, key: str) -> str:
        return self.to_prefix + key

    def as_json(self) -> dict[str, Any]:
        return {
            "replica": self.replica,
            "prefix": self.prefix,
            "to": self.to,
            "to_prefix": self.to_prefix,
            "at": self.at.isoformat(),
            "overwrite": self.overwrite,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(**{**told, "at": datetime.fromisoformat(told["at"])})


@dataclass(frozen=True, slots=True)
class Item:
    """A resource to restore. `name` names its document; `source`: its ARN; `place`: where it is restored.

    `backup` and `taken`: of what, and of which moment. `parts`: the ARNs of what it is made from, which have to be
    there. `storage`: what is paid for by the month: service and type, with bytes. `hopeless`: why nothing
    can be made of it.
    """

    name: str
    kind: Kind
    source: str
    place: Place
    backup: str
    taken: datetime
    parts: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    storage: tuple[tuple[str, int], ...] = ()
    prefix: Prefix | None = None
    notes: tuple[str, ...] = ()
    verified: bool = True
    hopeless: str = ""

    @property
    def label(self) -> str:
        """What people call the resource."""
        return label(self.source)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind.value,
            "source": self.source,
            "place": {"region": self.place.region, "account": self.place.account},
            "backup": self.backup,
            "taken": self.taken.isoformat(),
            "parts": list(self.parts),
            "pieces": [piece.as_json() for piece in self.pieces],
            "storage": [list(one) for one in self.storage],
            "prefix": self.prefix.as_json() if self.prefix else None,
            "notes": list(self.notes),
            "verified": self.verified,
            "hopeless": self.hopeless,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **told,
                "kind": Kind(told["kind"]),
                "place": Place(**told["place"]),
                "taken": datetime.fromisoformat(told["taken"]),
                "parts": tuple(told["parts"]),
                "pieces": tuple(Piece.of(piece) for piece in told["pieces"]),
                "storage": tuple((of, size) for of, size in told["storage"]),
                "prefix": Prefix.of(told["prefix"]) if told["prefix"] else None,
                "notes": tuple(told["notes"]),
            }
        )


def label(arn: str) -> str:
    return arn.replace("/", ":").rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and as what something is restored, if it is told: else as it was described.

    `suffix`: what its new name ends in. `name`: its new name. `isolated`: for a drill, without anything that would let
    it do what the original does. `roles`: those that it may get, as ARNs or patterns of them.
    """

    subnet: str = ""
    security_groups: tuple[str, ...] = ()
    db_subnet_group: str = ""
    suffix: str = ""
    name: str = ""
    isolated: bool = False
    roles: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        found: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in told.items()}
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Plan:
    """A restore. `asked`: in words. `commands`: what a person runs besides, of other systems. `placement`: by which
    its items were made, so that they can be made again and compared."""

    restore: str
    asked: str
    items: tuple[Item, ...]
    commands: tuple[str, ...] = ()
    drill: bool = False
    placement: Placement = field(default_factory=Placement)

    def as_json(self) -> dict[str, Any]:
        return {
            "restore": self.restore,
            "asked": self.asked,
            "drill": self.drill,
            "placement": self.placement.as_json(),
            "items": [item.as_json() for item in self.items],
            "commands": list(self.commands),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            told["restore"],
            told["asked"],
            tuple(Item.of(item) for item in told["items"]),
            tuple(told["commands"]),
            drill=told["drill"],
            placement=Placement.of(told["placement"]),
        )

    def item(self, name: str) -> Item:
        return next(item for item in self.items if item.name == name)


def stamp(moment: datetime) -> str:
    """A moment as it is shown, to the second: given back as MOMENT, it names the same."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
