"""What a restore decides: which backup, what is next, whether it is what was backed up, what a drill removes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from holdfast.fleet.model import Backup, Kind, Place, Slot, Status
from holdfast.fleet.restore.model import (
    Check,
    Entry,
    Item,
    Made,
    Mark,
    NotRestorable,
    Piece,
    PieceType,
    Prefix,
    State,
    There,
    label,
    stamp,
)

# Which backup


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of when: the newest backup at or before a moment, or that of a slot; else the newest. `region`: where it is
    restored, if not where its source was. `unverified`: one that was never found good will do."""

    at: datetime | None = None
    slot: Slot | None = None
    region: str = ""
    unverified: bool = False


def region_of(arn: str) -> str:
    """Empty for a bucket: its ARN tells none."""
    return arn.split(":")[3]


def source_named(sources: Iterable[str], text: str) -> str:
    """The ARN that a text names: an ARN, or what follows its last colon or slash. Raises NotRestorable."""
    known = sorted(set(sources))
    named = [arn for arn in known if text in (arn, label(arn))]
    if not named:
        raise NotRestorable(f"there is no backup of {text!r}: holdfast fleet list shows what there is")
    if len(named) > 1:
        raise NotRestorable(f"{text!r} names {', '.join(named)}: give one of these")
    return named[0]


def choose(backups: Iterable[Backup], source: str, wanted: Wanted) -> Backup:
    """The backup to restore. Raises NotRestorable."""
    region = wanted.region or region_of(source)
    there = [one for one in backups if one.source == source and one.region == region]
    good = [one for one in there if _is_good(one, unverified=wanted.unverified)]
    fitting = [one for one in good if _fits(one, wanted)]
    if fitting:
        return max(fitting, key=lambda one: (one.taken, not one.place.account))
    raise NotRestorable(_why_none(source, region, there, good, wanted))


def _is_good(backup: Backup, *, unverified: bool) -> bool:
    return backup.verified is not None or (unverified and backup.status is Status.COMPLETE)


def _fits(backup: Backup, wanted: Wanted) -> bool:
    if wanted.slot:
        return backup.slot == wanted.slot
    return wanted.at is None or backup.taken <= wanted.at


def _why_none(source: str, region: str, there: Sequence[Backup], good: Sequence[Backup], wanted: Wanted) -> str:
    what = "complete" if wanted.unverified else "verified"
    of = f"of run {wanted.slot}" if wanted.slot else f"as old as {stamp(wanted.at)}" if wanted.at else ""
    said = " ".join(filter(None, (f"there is no {what} backup of {label(source)} in {region}", of)))
    if good:
        taken = sorted(one.taken for one in good)
        return f"{said}: the oldest is of {stamp(taken[0])}, the newest of {stamp(taken[-1])}"
    complete = [one for one in there if one.status is Status.COMPLETE and _fits(one, wanted)]
    if complete:
        return f"{said}: {len(complete)} that no check has found good would do with --unverified"
    return said


def restore_id(what: str, moment: datetime, *asked: object) -> str:
    """The same for the same: given again, a command goes on with the restore that it began. It names an execution of a
    state machine too."""
    name = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in what)[:32].strip("-")
    digest = sha256("\n".join(map(str, asked)).encode()).hexdigest()[:8]
    return f"{name}-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}"


# In which order

_STAGES = (Kind.DATABASE, Kind.CLUSTER), (Kind.INSTANCE,), (Kind.BUCKET,)
"""Databases are there before those that look for them."""


def stages(items: Iterable[Item]) -> list[list[Item]]:
    known = list(items)
    found = [[one for one in known if one.kind in kinds] for kinds in _STAGES]
    return [stage for stage in found if stage]


# What is next


@dataclass(frozen=True, slots=True)
class Make:
    """Begin to make these; an instance from this image."""

    pieces: tuple[Piece, ...]
    image: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    why: str


@dataclass(frozen=True, slots=True)
class Ready:
    """All is there."""


@dataclass(frozen=True, slots=True)
class Failed:
    why: str
    mend: str


type Step = Make | Wait | Ready | Failed


def next_step(item: Item, made: Iterable[Made], restore: str) -> Step:
    """What brings the making of an item on. What others need comes first; once those are there, nobody misses it."""
    there = {one.name: one for one in made if one.type is not PieceType.IMAGE}
    images = [one for one in made if one.type is PieceType.IMAGE]
    needed = there.values() if _has_what_follows(item, there) else [*there.values(), *images]
    if foreign := [one for one in needed if not is_of(one, restore)]:
        return Failed(
            f"{foreign[0].type} {foreign[0].name} is there already, and this restore has not made it",
            "give another --name-suffix",
        )
    if others := [one for one in there.values() if one.tags.get(Mark.ITEM) != item.name]:
        return Failed(
            f"{others[0].type} {others[0].name} is there already: this restore has made it of another resource, whose "
            "name is the same, or begins as this one's",
            f"restore {item.source} by itself, with --resource and a --name-suffix",
        )
    step: Step = Ready()
    for _, group in groupby(item.pieces, key=_rank):
        pieces = tuple(group)
        if pieces[0].temporary and _has_what_follows(item, there):
            continue
        step = _of_group(pieces, images if pieces[0].temporary else list(there.values()), images)
        if not isinstance(step, Ready):
            return step
    return step


def is_of(made: Made, restore: str) -> bool:
    """Whether a restore has made it, by its tags: anybody can give a name."""
    return made.tags.get(Mark.RESTORE) == restore


def _rank(piece: Piece) -> PieceType:
    return piece.type


def _has_what_follows(item: Item, there: Mapping[str, Made]) -> bool:
    return all(piece.name in there for piece in item.pieces if not piece.temporary)


def _of_group(pieces: Sequence[Piece], made: Sequence[Made], images: Sequence[Made]) -> Step:
    there = {one.name: one for one in made}
    if missing := tuple(piece for piece in pieces if piece.name not in there):
        return Make(missing, images[0].id if images else "")
    for one in (there[piece.name] for piece in pieces):
        if one.state is State.FAILED:
            return Failed(
                f"{one.type} {one.id} failed: {one.why}",
                "mend what it says; then another --name-suffix makes another. Remove this one by hand",
            )
    if making := [there[piece.name] for piece in pieces if there[piece.name].state is State.MAKING]:
        return Wait(f"AWS makes {making[0].type} {making[0].id}")
    return Ready()


# Whether it is what was backed up

NOT_YET = frozenset({"initializing", "insufficient-data", "pending"})
"""What a fact says as long as nobody knows."""


def checks(item: Item, made: Iterable[Made]) -> tuple[Check, ...] | None:
    """What was looked at, and what it showed; None as long as something is not known yet."""
    there = {one.name: one for one in made}
    found: list[Check] = []
    for piece in item.pieces:
        if piece.temporary:
            continue
        one = there.get(piece.name)
        if one is None or one.state is not State.READY:
            found.append(Check("there", passed=False, text=f"{piece.type} {piece.name} is {_state(one)}"))
            continue
        if any(one.facts.get(name) in NOT_YET for name in piece.expected):
            return None
        found += [_check(one, name, wanted) for name, wanted in piece.expected.items()]
    return tuple(found)


def _state(made: Made | None) -> str:
    return "gone" if made is None else made.state.value


def _check(made: Made, name: str, wanted: Any) -> Check:
    told = made.facts.get(name)
    text = f"{made.id}: {_words(told)}"
    return Check(name, passed=told == wanted, text=text if told == wanted else f"{text}, and not {_words(wanted)}")


def _words(value: Any) -> str:
    return {True: "yes", False: "no", None: "unknown"}.get(value, str(value))


# What a drill removes


@dataclass(frozen=True, slots=True)
class Remove:
    made: Made
    why: str


@dataclass(frozen=True, slots=True)
class Spare:
    made: Made
    why: str


def removals(made: Iterable[Made], restore: str, item: str) -> list[Remove | Spare]:
    """What is destroyed after a drill: what its tags call this drill's, and nothing else; members before clusters."""
    order = {kind: rank for rank, kind in enumerate(reversed(PieceType))}
    decided: list[Remove | Spare] = []
    for one in sorted(made, key=lambda one: (order[one.type], one.name)):
        drill, of = one.tags.get(Mark.DRILL), one.tags.get(Mark.ITEM)
        if drill is None:
            decided.append(Spare(one, f"it has no tag {Mark.DRILL}: no drill has made it"))
        elif drill != restore:
            decided.append(Spare(one, f"it is of drill {drill}"))
        elif of != item:
            decided.append(Spare(one, f"it is of item {of}"))
        else:
            decided.append(Remove(one, f"drill {restore} has made it"))
    return decided


# Which resources are drilled


@dataclass(frozen=True, slots=True)
class Drills:
    """How a stack drills: in this region, so many resources at a time, of those that have a network to be isolated in:
    instances a subnet, databases a subnet group."""

    region: str
    most: int
    subnet: str = ""
    db_subnet_group: str = ""

    def can(self, kind: Kind) -> bool:
        return bool(self.subnet if kind is Kind.INSTANCE else self.db_subnet_group)


def to_drill(backups: Iterable[Backup], drilled: Mapping[str, datetime], drills: Drills) -> list[Backup]:
    """The newest good backup of each resource that is tried now: who was tried least recently comes first."""
    newest: dict[str, Backup] = {}
    for one in sorted(backups, key=lambda one: one.taken):
        if one.verified and one.place == Place(drills.region) and drills.can(one.kind):
            newest[one.source] = one
    never = datetime.min.replace(tzinfo=UTC)
    by_turn = sorted(newest, key=lambda source: (drilled.get(source, never), source))
    return [newest[source] for source in by_turn[: drills.most]]


# Objects of a bucket


@dataclass(frozen=True, slots=True)
class Copy:
    """Write this version, over what was found."""

    entry: Entry
    over: There | None


@dataclass(frozen=True, slots=True)
class Keep:
    """It is there."""


@dataclass(frozen=True, slots=True)
class Refuse:
    why: str


def as_of(entries: Iterable[Entry], at: datetime) -> Iterable[Entry]:
    """Of each key the version that it had at a moment, if it was there. `entries`: by key, newest first."""
    for _, group in groupby(entries, key=lambda entry: entry.key):
        current = next((entry for entry in group if entry.at <= at), None)
        if current is not None and not current.is_marker:
            yield current


def decide(entry: Entry, there: There | None, same: bool | None, prefix: Prefix) -> Copy | Keep | Refuse:
    """What becomes of a key by what is at its target. `same`: whether that is what the entry was, if anything tells."""
    if there is None:
        return Copy(entry, None)
    if same:
        return Keep()
    if prefix.overwrite:
        return Copy(entry, there)
    known = "not the same" if same is False else "nothing tells whether it is the same"
    return Refuse(f"what is there is of {stamp(there.at)}, and {known}: --overwrite writes over it")


def wrong(entry: Entry, there: There | None, same: bool | None, began: datetime) -> str:
    """What is wrong with what is at a target after all was copied; empty if nothing is. Where nothing tells whether it
    is the same, it has to be as large, and written since the restore began."""
    if there is None:
        return "it is not there"
    if there.size != entry.size:
        return f"it has {there.size:,} bytes there, and had {entry.size:,}"
    if same is False or (same is None and there.at < began.replace(microsecond=0)):
        return "something else, as large, is there"
    return ""
