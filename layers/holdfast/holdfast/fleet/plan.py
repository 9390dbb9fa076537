"""What is backed up, what is done next for a backup, and whether it is good. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from holdfast.fleet.model import (
    CHOICE,
    CLOSED,
    LINUX,
    Backup,
    Kind,
    NotARun,
    Part,
    PartType,
    Place,
    Replicated,
    Resource,
    Schedule,
    Slot,
    Status,
    Tag,
    moment_of,
)

# Which resources


@dataclass(frozen=True, slots=True)
class Unprotected:
    """A resource that no schedule backs up, and why."""

    resource: Resource
    why: str


def how_often(resource: Resource, *, include_all: bool) -> Schedule | str:
    """`DAILY` or `WEEKLY`; a text that says why not, for a resource that is not backed up at all."""
    if resource.kind is Kind.INSTANCE and not resource.volumes:
        return "it has no EBS volumes: what an instance store holds cannot be backed up"
    if resource.status.startswith(CLOSED):
        return f"it is {resource.status}"
    told = resource.tags.get(CHOICE)
    if told is None:
        return Schedule.DAILY if include_all else f"it has no tag {CHOICE}: daily or weekly protects it"
    match told.strip().lower():
        case "daily" | "weekly" as often:
            return Schedule(often)
        case "none":
            return f"its tag {CHOICE} is none"
        case _:
            return f"its tag {CHOICE} is {told!r}, which is none of daily, weekly, none"


def choose(
    resources: Iterable[Resource], schedule: Schedule, *, include_all: bool
) -> tuple[list[Resource], list[Unprotected]]:
    """Which resources a run backs up, and which no run does. A weekly run takes those of the daily ones along; one
    that a person starts takes all."""
    chosen, unprotected = [], []
    for resource in resources:
        match how_often(resource, include_all=include_all):
            case Schedule() as often:
                if schedule in (Schedule.MANUAL, Schedule.WEEKLY) or often is schedule:
                    chosen.append(resource)
            case why:
                unprotected.append(Unprotected(resource, why))
    return chosen, unprotected


# What there is of backups


def gather(parts: Iterable[Part]) -> list[Backup]:
    """The backups that parts make up, oldest first; images before the snapshots that they stand on.

    Parts whose tags somebody has taken away belong to no backup: they are left alone. What one part of a backup tells
    no more, the others do.
    """
    groups: defaultdict[tuple[str, str, Place], list[Part]] = defaultdict(list)
    for part in parts:
        place = Place(part.region, part.account)
        groups[part.tags.get(Tag.SOURCE, ""), part.tags.get(Tag.RUN, ""), place].append(part)
    backups = []
    for (source, run, place), members in groups.items():
        members.sort(key=lambda part: (part.type, part.of, part.id))
        kind = next((Kind(told) for told in _told(members, Tag.KIND) if told in list(Kind)), None)
        taken = min((moment for told in _told(members, Tag.TAKEN) if (moment := moment_of(told))), default=None)
        try:
            slot = Slot.parse(run)
        except NotARun:
            continue
        if source and kind and taken:
            backups.append(Backup(source, kind, place, slot, taken, tuple(members)))
    return sorted(backups, key=lambda backup: (backup.taken, backup.source, backup.slot, backup.place))


def _told(parts: Iterable[Part], tag: Tag) -> Iterator[str]:
    return (part.tags[tag] for part in parts if tag in part.tags)


def of_slot(backups: Iterable[Backup], resource: Resource, slot: Slot) -> Backup | None:
    return next((one for one in backups if one.source == resource.arn and one.slot == slot), None)


def last_before(backups: Iterable[Backup], resource: Resource, slot: Slot) -> Backup | None:
    """The newest complete backup of a resource from before a slot, whether it was found good or not: what shrank once
    is told of once, and not for ever."""
    there = [
        one
        for one in backups
        if one.source == resource.arn and one.slot < slot and one.status is Status.COMPLETE and not one.is_copy
    ]
    return max(there, key=lambda one: one.taken, default=None)


# What is done next

SETTLING = timedelta(minutes=10)
"""For so long a function that died may have gone on asking, and a listing of EC2 may lack what was made since: nothing
is asked for twice within it."""

LONGEST = timedelta(hours=36)
"""Nothing is waited for longer since it was asked for: the workflow ends after two days, and what became of the others
must be told before."""

COPIES_AT_A_TIME = {Kind.INSTANCE: 20, Kind.DATABASE: 20, Kind.CLUSTER: 5}
"""To one region. https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html and, of RDS,
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html, of clusters
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-copy-snapshot.html"""

NEXT_RUN = "the next run makes a new one; to have one now: holdfast fleet backup --resource NAME"
"""What mends a backup that AWS did not make."""


class Ask(StrEnum):
    """What an announcement tells was asked for; of a copy, with the part's ID behind it. `JOB`: one that copies what
    was written to a bucket while it had no rule."""

    CREATE = "create"
    COPY = "copy"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Asked:
    """How often something was asked for, since when, when last; `refused`: AWS refused it then, so nothing was made."""

    times: int
    first: datetime
    last: datetime
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """Begin the backup."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Begin copies of these parts."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """All parts are there and complete, and all copies."""


@dataclass(frozen=True, slots=True)
class Failed:
    """`mend`: what a person can do."""

    why: str
    mend: str


type Step = Create | Copy | Wait | Done | Failed


@dataclass(frozen=True, slots=True)
class Seen:
    """How a backup of a slot stands.

    `here`: it, at home; `there`: its copy in the place where copies go; `announced`: what was asked for.
    `under_way`: how many copies the place makes just now, of any backup.
    """

    here: Backup | None
    there: Backup | None = None
    announced: Mapping[str, Asked] = field(default_factory=dict)
    under_way: int = 0


def next_step(seen: Seen, place: Place | None, now: datetime) -> Step:
    """What brings a backup on. `place`: where copies go, if anywhere.

    Nothing that may be under way is asked for again before a listing must show it: EC2 has no tokens for snapshots.
    """
    step = _next(seen, place, now)
    asked = max((one.last for one in seen.announced.values()), default=now)
    if isinstance(step, Wait) and now - asked >= LONGEST:
        return Failed(f"{step.why}, and has been for {LONGEST // timedelta(hours=1)} hours", NEXT_RUN)
    return step


def _next(seen: Seen, place: Place | None, now: datetime) -> Step:
    if seen.here is None:
        return Create() if _may_ask(seen, Ask.CREATE, now) else Wait("a backup was asked for a moment ago")
    match seen.here.status:
        case Status.PENDING:
            return Wait("AWS is making it")
        case Status.FAILED:
            return _failed(seen.here.parts)
        case Status.COMPLETE:
            return _next_copy(seen, seen.here, place, now) if place else Done()
        case _ if _may_ask(seen, Ask.CREATE, now):
            return _partial(seen.here)
        case _:
            return Wait("not all of its parts are listed yet")


def _may_ask(seen: Seen, what: str, now: datetime) -> bool:
    asked = seen.announced.get(what)
    return asked is None or asked.refused or now - asked.last >= SETTLING


def _partial(backup: Backup) -> Failed:
    why = f"{len(backup.parts)} of {backup.expected} parts of {backup.id} are there"
    return Failed(f"{why}: the others were deleted, or a volume was detached before it was taken", NEXT_RUN)


def _failed(parts: Iterable[Part]) -> Failed:
    part = next(part for part in parts if part.status is Status.FAILED)
    why = f"{part.type} {part.id} in {part.region} failed" + (f": {part.why}" if part.why else "")
    return Failed(why, NEXT_RUN)


def copy_of(part: Part, there: Backup | None) -> Part | None:
    """The copy of a part in another place."""
    parts = there.parts if there else ()
    return next((copy for copy in parts if copy.tags.get(Tag.ORIGIN) == part.id and copy.type is part.type), None)


def _next_copy(seen: Seen, here: Backup, place: Place, now: datetime) -> Step:
    copies = {part.id: copy_of(part, seen.there) for part in here.to_copy}
    missing = [part for part in here.to_copy if copies[part.id] is None]
    if not missing:
        return _wait_for_copies([copy for copy in copies.values() if copy], place)
    asked = [part for part in missing if _may_ask(seen, copying(part), now)]
    if not asked:
        return Wait(f"copies to {place} were asked for a moment ago")
    free = COPIES_AT_A_TIME[here.kind] - seen.under_way
    return Copy(tuple(asked[:free])) if free > 0 else Wait(f"{place} makes {seen.under_way} copies at a time already")


def copying(part: Part) -> str:
    return f"{Ask.COPY}/{part.id}"


def _wait_for_copies(copies: Sequence[Part], place: Place) -> Step:
    """An image's snapshots come with it: that it is complete is enough."""
    if any(copy.status is Status.FAILED for copy in copies):
        return _failed(copies)
    if any(copy.status is Status.PENDING for copy in copies):
        return Wait(f"AWS copies it to {place}")
    return Done()


# Whether a backup is good


class Severity(StrEnum):
    FAULT = "fault"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. With a fault a backup is not verified."""

    severity: Severity
    text: str

    def as_json(self) -> dict[str, str]:
        return {"severity": self.severity.value, "text": self.text}


@dataclass(frozen=True, slots=True)
class Checked:
    """What is checked: a backup, its copy, the resource as it was discovered, its identity now (None if it is gone),
    its last backup before, and what an instance runs."""

    here: Backup
    there: Backup | None
    discovered: Resource
    present: str | None
    last: Backup | None
    platform: str = LINUX


def find(checked: Checked, place: Place | None, *, require_encryption: bool) -> list[Finding]:
    """What is wrong with a backup, or worth to know of it."""
    backups = [one for one in (checked.here, checked.there) if one]
    findings = [*_incomplete(checked, place), *_another_source(checked), *_implausible(checked)]
    findings += _without_licence(checked)
    for backup in backups:
        findings += _unencrypted(backup, require=require_encryption)
    return findings


def is_good(findings: Sequence[Finding]) -> bool:
    return not any(finding.severity is Severity.FAULT for finding in findings)


def _fault(text: str) -> Finding:
    return Finding(Severity.FAULT, text)


def _note(text: str) -> Finding:
    return Finding(Severity.NOTE, text)


def _incomplete(checked: Checked, place: Place | None) -> list[Finding]:
    here, found = checked.here, []
    if here.status is not Status.COMPLETE:
        found.append(_fault(f"{here.id} is {here.status}"))
    kept = {part.of for part in here.parts}
    missing = [volume for volume in checked.discovered.volumes if volume not in kept]
    found += [_fault(f"volume {volume} has no snapshot: was it detached when the run began?") for volume in missing]
    if place:
        lacking = [part.id for part in here.to_copy if not _is_complete(copy_of(part, checked.there))]
        found += [_fault(f"{part} has no complete copy in {place}") for part in lacking]
    return found


def _is_complete(part: Part | None) -> bool:
    return part is not None and part.status is Status.COMPLETE


def _without_licence(checked: Checked) -> list[Finding]:
    """An image that is made of snapshots has none: such an instance could not be restored."""
    is_image = any(part.type is PartType.IMAGE for part in checked.here.parts)
    if checked.here.kind is not Kind.INSTANCE or is_image or checked.platform == LINUX:
        return []
    return [_fault(f"it runs {checked.platform}, which can be restored of images alone: deploy with FleetImages=true")]


def _unencrypted(backup: Backup, *, require: bool) -> list[Finding]:
    plain = [part.id for part in backup.parts if not part.encrypted]
    if not plain:
        return []
    text = f"not encrypted in {backup.place}: {', '.join(plain)}"
    return [_fault(text) if require else _note(text)]


def _another_source(checked: Checked) -> list[Finding]:
    discovered, present = checked.discovered, checked.present
    found = [
        _fault(f"{part.id} is of {part.identity}, and {discovered.identity} was to be backed up")
        for part in checked.here.parts
        if part.identity not in ("", discovered.identity)
    ]
    if present is None:
        found.append(_note("the source is gone since"))
    elif present != discovered.identity:
        found.append(_note(f"the source was replaced since: it is {present} now"))
    if checked.last and _identity(checked.last) != discovered.identity:
        found.append(_note("the last backup is of a namesake"))
    return found


def _identity(backup: Backup) -> str:
    return backup.tags.get(Tag.IDENTITY, "")


def _implausible(checked: Checked) -> list[Finding]:
    here, last = checked.here, checked.last
    if not here.size:
        # Of a cluster's snapshot RDS need not tell a size.
        return [] if here.kind is Kind.CLUSTER else [_fault("AWS tells that it holds nothing")]
    if last and _is_of_the_same(here, last) and here.size * 2 < last.size:
        return [_fault(f"it holds {here.size:,} bytes, less than half of the {last.size:,} of {last.slot}")]
    return []


def _is_of_the_same(here: Backup, last: Backup) -> bool:
    """Of the same volumes, or of the same database and not of a namesake. An image has no size of its own."""
    volumes, before = ({part.of for part in one.parts if part.type is not PartType.IMAGE} for one in (here, last))
    return volumes == before and _identity(here) == _identity(last)


# Whether a bucket is replicated

TOO_LONG = timedelta(days=1)
"""A version that has no replica after so long will hardly get one by itself: S3 needs minutes, or hours for many."""


def find_in_bucket(seen: Replicated, replica: str, now: datetime) -> list[Finding]:
    """What is behind by a moment is told; what was refused, or has waited for too long, is a fault."""
    found = []
    if not seen.rule:
        found.append(_fault(f"nothing replicates it to {replica}: somebody took the rule away"))
    if seen.failed:
        found.append(_fault(f"{seen.failed} of {seen.looked_at} objects could not be replicated"))
    if seen.earlier == "complete" and seen.why:
        found.append(_fault(f"of what was there before, {seen.why}"))
    if seen.archived:
        text = f"{seen.archived} of {seen.looked_at} objects lie in an archive class: S3 replicates none of them"
        found.append(_note(f"{text}. Restore them for a while, and they are"))
    if seen.behind:
        text = f"{seen.behind} of {seen.looked_at} objects are not replicated yet, since {seen.oldest_behind}"
        since = moment_of(seen.oldest_behind)
        found.append(_note(text) if since and now - since < TOO_LONG else _fault(text))
    return found
