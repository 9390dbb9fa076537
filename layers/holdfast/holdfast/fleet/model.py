"""What the fleet system speaks of: resources, slots of time, backups and their parts. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self


class Service(StrEnum):
    EC2 = "ec2"
    RDS = "rds"
    S3 = "s3"


class Kind(StrEnum):
    """What a resource is, as the Resource Groups Tagging API names it."""

    INSTANCE = "ec2:instance"
    DATABASE = "rds:db"
    CLUSTER = "rds:cluster"
    BUCKET = "s3:bucket"

    @property
    def service(self) -> Service:
        return Service(self.partition(":")[0])


class Schedule(StrEnum):
    """Why a run happens. Only the first three make backups."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MANUAL = "manual"
    CLEANUP = "cleanup"


class NotARun(ValueError):
    """A request names no run that there can be."""


_MOMENT = "%Y-%m-%dT%H-%M-%SZ"


def moment_of(text: str) -> datetime | None:
    """The moment that a tag or an event tells, in UTC if it names no zone; None if it tells none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A schedule at the moment for which it was due: however often that is asked for, it is one run, and a resource has
    one backup of it."""

    due: datetime
    schedule: Schedule

    def __str__(self) -> str:
        return f"{self.schedule}-{self.set}"

    @property
    def set(self) -> str:
        """The recovery set that its backups belong to."""
        return self.due.astimezone(UTC).strftime(_MOMENT)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NotARun."""
        schedule, _, moment = text.partition("-")
        try:
            return cls(datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), Schedule(schedule))
        except ValueError:
            raise NotARun(f"{text!r} is no run: daily-2026-11-21T02-00-00Z is one") from None


def digest_of(text: str) -> str:
    """Names something in keys, whatever its own name holds."""
    return sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something to back up. `name`: what its service calls it: i-0abc, a DB identifier, a bucket.

    `identity` is what a namesake would not have: an instance's ID, the resource ID of a database; `size`: bytes that it
    has been given, of a bucket none. `volumes`: those of an instance.
    """

    arn: str
    kind: Kind
    region: str
    name: str
    status: str
    identity: str
    tags: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    encrypted: bool = True
    volumes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Names the resource in keys and identifiers, whatever its own name holds."""
        return digest_of(self.arn)

    def as_json(self) -> dict[str, Any]:
        return {
            **{
                name: getattr(self, name)
                for name in ("arn", "region", "name", "status", "identity", "size", "encrypted")
            },
            "kind": self.kind.value,
            "tags": dict(self.tags),
            "volumes": list(self.volumes),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(**{**told, "kind": Kind(told["kind"]), "volumes": tuple(told["volumes"])})


CLOSED = "closed"
"""The status of a bucket of which we may know nothing begins with it."""

LINUX = "Linux/UNIX"
"""The platform that needs no licence in its image."""


def platform_of(description: Mapping[str, Any]) -> str:
    """What an instance runs, as it was described."""
    return str(description.get("PlatformDetails") or description.get("Platform") or LINUX)


class Tag(StrEnum):
    """The tags of every backup. They alone tell what it is: restores and retention need nothing else."""

    STACK = "holdfast:stack"
    SYSTEM = "holdfast:system"
    SOURCE = "holdfast:source"
    KIND = "holdfast:kind"
    IDENTITY = "holdfast:identity"
    SCHEDULE = "holdfast:schedule"
    RUN = "holdfast:run"
    SET = "holdfast:set"
    TAKEN = "holdfast:taken"
    PARTS = "holdfast:parts"
    RETENTION = "holdfast:retention"
    EXPIRY = "holdfast:expiry"
    VERIFIED = "holdfast:verified"
    ORIGIN = "holdfast:origin"
    VOLUME = "holdfast:volume"
    HOLD = "holdfast:legal-hold"


CHOICE = "holdfast:backup"
"""The tag of a resource that tells how often it is backed up."""


class PartType(StrEnum):
    """What AWS calls a piece of a backup."""

    IMAGE = "ami"
    SNAPSHOT = "snapshot"
    DB_SNAPSHOT = "db-snapshot"
    CLUSTER_SNAPSHOT = "db-cluster-snapshot"


class Status(StrEnum):
    PENDING = "pending"
    COMPLETE = "complete"
    PARTIAL = "partial"
    """Of a backup: a part of it is not there. Somebody has deleted it, or a listing does not have it yet."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A region, and an account if it is another than the stack's."""

    region: str
    account: str = ""

    def __str__(self) -> str:
        return f"{self.region}/{self.account}" if self.account else self.region


@dataclass(frozen=True, slots=True)
class Part:
    """An AMI, a snapshot of a volume, of a DB instance or cluster.

    `account`: in which it is, if that is another than the stack's. `of`: the volume or database that it is of.
    `used_by`: images, not of this backup, that stand on it. `locked`: until when EBS lets nobody delete it. `why`:
    what AWS says of a failure.
    """

    type: PartType
    id: str
    arn: str
    region: str
    status: Status
    tags: Mapping[str, str]
    account: str = ""
    of: str = ""
    identity: str = ""
    size: int = 0
    encrypted: bool = False
    kms_key: str = ""
    used_by: tuple[str, ...] = ()
    locked: str = ""
    why: str = ""

    @property
    def verified(self) -> datetime | None:
        """When it was found good, if its tag tells a moment."""
        return moment_of(self.tags.get(Tag.VERIFIED, ""))


class Retention(StrEnum):
    """What a backup is kept as. The first that a new backup can be is what it is tagged with."""

    YEARLY = "yearly"
    MONTHLY = "monthly"
    WEEKLY = "weekly"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Backup:
    """All parts, in one place, that one slot made of one resource."""

    source: str
    kind: Kind
    place: Place
    slot: Slot
    taken: datetime
    parts: tuple[Part, ...]

    @property
    def id(self) -> str:
        """What people name it by."""
        name = re.split("[:/]", self.source)[-1]
        return f"{self.place}/{name}/{self.slot}"

    @property
    def region(self) -> str:
        return self.place.region

    @property
    def tags(self) -> Mapping[str, str]:
        """What any of its parts tells, the first above all."""
        return dict(item for part in reversed(self.parts) for item in part.tags.items())

    @property
    def status(self) -> Status:
        """Complete only if every part is there and complete."""
        told = {part.status for part in self.parts}
        if Status.FAILED in told:
            return Status.FAILED
        if Status.PENDING in told:
            return Status.PENDING
        return Status.COMPLETE if len(self.parts) >= self.expected else Status.PARTIAL

    @property
    def expected(self) -> int:
        """How many parts it was made with, as any of them still tells."""
        told = [part.tags.get(Tag.PARTS, "") for part in self.parts]
        return max((int(count) for count in told if count.isdecimal()), default=1)

    @property
    def verified(self) -> datetime | None:
        """When it was found good; None if it was not, or if one of its parts was not."""
        told = [part.verified for part in self.parts]
        found = [moment for moment in told if moment and moment >= self.taken]
        if self.status is not Status.COMPLETE or len(found) < len(told):
            return None
        return min(found)

    @property
    def size(self) -> int:
        """Bytes, as AWS tells them of the parts. An image has none of its own."""
        return sum(part.size for part in self.parts)

    @property
    def is_copy(self) -> bool:
        return Tag.ORIGIN in self.tags

    @property
    def held(self) -> str:
        """What the tag that forbids its removal says; empty if it has none."""
        return next((part.tags[Tag.HOLD] or "yes" for part in self.parts if Tag.HOLD in part.tags), "")

    @property
    def to_copy(self) -> tuple[Part, ...]:
        """What is copied elsewhere: an image brings its snapshots along."""
        images = tuple(part for part in self.parts if part.type is PartType.IMAGE)
        return images or self.parts


@dataclass(frozen=True, slots=True)
class Keep:
    """How many backups of each age are kept."""

    daily: int
    weekly: int
    monthly: int
    yearly: int

    def of(self, retention: Retention) -> int:
        return {
            Retention.DAILY: self.daily,
            Retention.WEEKLY: self.weekly,
            Retention.MONTHLY: self.monthly,
            Retention.YEARLY: self.yearly,
        }[retention]


@dataclass(frozen=True, slots=True)
class Replicated:
    """How the replication of a bucket stands. `earlier`: the state of the job that copies what was there before it:
    none, running, complete, failed. `behind`: of the newest versions that were looked at, those without a replica yet;
    `oldest_behind`: the moment of the oldest of them. `archived`: those without one that lie in an archive class: S3
    replicates none of them until somebody restores it."""

    rule: bool
    earlier: str
    looked_at: int = 0
    behind: int = 0
    failed: int = 0
    oldest_behind: str = ""
    archived: int = 0
    why: str = ""
