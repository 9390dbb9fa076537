"""The ports of the fleet system in memory: accounts with regions in which instances, databases, buckets and their
backups are, and a clock that makes them complete."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from holdfast.adapters.fleet_names import (
    GIB,
    LONGEST_BUCKET_NAME,
    image_name,
    is_same_backup,
    snapshot_name,
    tag_value,
)
from holdfast.adapters.memory_fleet_records import Database, Kept, Machine, StoredBucket, StoredObject, Volume
from holdfast.fleet.model import Kind, Part, PartType, Replicated, Resource, Status, Tag
from holdfast.fleet.ports import CannotCopy, LimitReached, NotAvailable, ResourceGone, Undeletable
from holdfast.ports import Clock

type Service = Literal["ec2", "rds"]


class Hook(Protocol):
    """Called before each call of a port: its name, and what it is about. It may raise, or change what is there."""

    def __call__(self, call: str, /, *what: str) -> None: ...


def _nothing(call: str, /, *what: str) -> None:
    """The hook that lets everything pass."""


@dataclass
class MemoryFleet:
    """All accounts. `taking`, `copying`, `replicating`: how long a snapshot, a copy, a replica takes; `lag`: for how
    long a new part is missing from listings; `copies_at_once`: to a region of an account, by each service;
    `snapshots_kept`: how many manual ones of DB instances, and of clusters, a region of an account keeps."""

    now: Clock = lambda: datetime.now(UTC)
    before: Hook = _nothing
    taking: timedelta = timedelta(0)
    copying: timedelta = timedelta(0)
    replicating: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    copies_at_once: int = 20
    snapshots_kept: int = 100
    account: str = "123456789012"
    partition: str = "aws"
    machines: dict[str, Machine] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    buckets: dict[str, StoredBucket] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    made: int = 0

    # What users do

    def instance(
        self,
        region: str,
        tags: Mapping[str, str] | None = None,
        *,
        sizes: Iterable[int] = (8,),
        kms_key: str = "",
        **settings: Any,
    ) -> Machine:
        """Start an instance with a volume of each size, in GiB."""
        number = self._number()
        instance_id = f"i-{number:017x}"
        volumes = [
            Volume(
                f"vol-{self._number():017x}",
                "/dev/xvda" if index == 0 else f"/dev/sd{chr(ord('e') + index)}",
                size,
                kms_key,
            )
            for index, size in enumerate(sizes)
        ]
        arn = f"arn:{self.partition}:ec2:{region}:{self.account}:instance/{instance_id}"
        machine = Machine(instance_id, region, arn, dict(tags or {}), volumes, settings=settings)
        self.machines[arn] = machine
        return machine

    def database(
        self, region: str, name: str, tags: Mapping[str, str] | None = None, *, cluster: bool = False, **more: Any
    ) -> Database:
        """Create a database. `more`: `size` in GiB, `kms_key`, `state`, and settings."""
        kind, noun, prefix = (Kind.CLUSTER, "cluster", "cluster-") if cluster else (Kind.DATABASE, "db", "db-")
        own = {key: more.pop(key) for key in ("size", "kms_key", "state") if key in more}
        database = Database(
            name=name,
            kind=kind,
            region=region,
            arn=f"arn:{self.partition}:rds:{region}:{self.account}:{noun}:{name}",
            identity=f"{prefix}{self._number():026X}",
            tags=dict(tags or {}),
            settings=more,
            **own,
        )
        self.databases[database.arn] = database
        return database

    def bucket(self, region: str, name: str, tags: Mapping[str, str] | None = None, **more: Any) -> StoredBucket:
        """Create a bucket. `more`: what else a StoredBucket has."""
        account = more.pop("account", self.account)
        arn = f"arn:{self.partition}:s3:::{name}"
        self.buckets[name] = StoredBucket(name, region, arn, account, dict(tags or {}), **more)
        return self.buckets[name]

    def put(self, bucket: str, *keys: str) -> None:
        """Write objects."""
        there = self.buckets[bucket]
        for key in keys:
            there.objects[key] = StoredObject(self.now(), self.now() if there.rule else None)

    def remove(self, arn: str) -> None:
        """Terminate an instance, delete a database or a bucket."""
        if arn in self.machines:
            self.machines[arn].state = "terminated"
        elif arn in self.databases:
            del self.databases[arn]
        else:
            del self.buckets[arn.rpartition(":")[2]]

    def image_of(self, snapshot_id: str, name: str = "a user's image") -> str:
        """Somebody registers an image that stands on a snapshot; returns its ID."""
        below = next(one for one in self.kept.values() if one.part.id == snapshot_id)
        image_id = self.new_id("ami")
        arn = f"arn:{self.partition}:ec2:{below.part.region}::image/{image_id}"
        image = Part(PartType.IMAGE, image_id, arn, below.part.region, Status.COMPLETE, {})
        self.keep(Kept(below.account, image, name, self.now(), self.now(), (snapshot_id,)))
        return image_id

    def change(self, part_id: str, *, tags: Mapping[str, str] | None = None, **changes: Any) -> None:
        """A part becomes another: `tags` are added; `locked`, `size`, `encrypted`... are as in Part."""
        for kept in self.kept.values():
            if kept.part.id == part_id:
                kept.part = replace(kept.part, tags={**kept.part.tags, **(tags or {})}, **changes)

    def fail(self, part_id: str, why: str) -> None:
        for kept in self.kept.values():
            if kept.part.id == part_id:
                kept.failed = why

    def lose(self, part_id: str) -> None:
        """Somebody deletes a part by hand, whatever stands on it."""
        self.kept = {key: kept for key, kept in self.kept.items() if kept.part.id != part_id}

    def all_parts(self, region: str | None = None, account: str | None = None) -> list[Part]:
        """All that there is, as it is, whether it is listed yet or not."""
        found = [kept for kept in self.kept.values() if account in (None, kept.account)]
        return [kept.seen(self.now()) for kept in found if region in (None, kept.part.region)]

    def default_key(self, service: Service, region: str, account: str = "") -> str:
        """The key that AWS manages for a service: no other account can use it."""
        name = "ebs" if service == "ec2" else "rds"
        return f"arn:{self.partition}:kms:{region}:{account or self.account}:key/aws-{name}"

    # What the ports share

    def _number(self) -> int:
        self.made += 1
        return self.made

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{self._number():017x}"

    def keep(self, kept: Kept) -> None:
        self.kept[f"{kept.account} {kept.part.region} {kept.part.type} {kept.part.id}"] = kept


def _is_default(key: str) -> bool:
    return key.endswith((":key/aws-ebs", ":key/aws-rds"))


# EC2 and RDS


@dataclass(frozen=True, slots=True)
class MemoryShelf:
    """The `Shelf` of the fleet system. `account`: empty for the fleet's own; `key`: under which copies into here are
    encrypted; `images`: instances are backed up as images."""

    fleet: MemoryFleet
    service: Service
    region: str
    stack: str = "holdfast"
    account: str = ""
    key: str = ""
    images: bool = False

    @property
    def owner(self) -> str:
        return self.account or self.fleet.account

    def _before(self, call: str, *what: str) -> None:
        self.fleet.before(call, self.service, self.region, *what)

    def resources(self) -> Iterator[Resource]:
        self._before("resources")
        if self.owner != self.fleet.account:
            return
        now = self.fleet.now()
        if self.service == "ec2":
            machines = [one for one in self.fleet.machines.values() if one.region == self.region and one.is_there]
            yield from (machine.as_resource() for machine in machines)
        else:
            databases = [one for one in self.fleet.databases.values() if one.region == self.region]
            yield from (database.as_resource(now) for database in databases)

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        self._before("describe", resource.arn)
        if resource.kind is Kind.INSTANCE:
            return self._machine(resource).describe()
        return self._database(resource).describe()

    def _machine(self, resource: Resource) -> Machine:
        machine = self.fleet.machines.get(resource.arn)
        if machine is None or not machine.is_there:
            raise ResourceGone(f"there is no instance {resource.name} in {self.region} any more")
        return machine

    def _database(self, resource: Resource) -> Database:
        database = self.fleet.databases.get(resource.arn)
        if database is None:
            raise ResourceGone(f"there is no database {resource.name} in {self.region} any more")
        return database

    def identity(self, resource: Resource) -> str | None:
        self._before("identity", resource.arn)
        try:
            if resource.kind is Kind.INSTANCE:
                return self._machine(resource).id
            return self._database(resource).identity
        except ResourceGone:
            return None

    def parts(self, source: str = "") -> Iterator[Part]:
        self._before("parts", source)
        now = self.fleet.now()
        mine = self._mine()
        images = [one for one in mine if one.part.type is PartType.IMAGE]
        for kept in mine:
            tags = kept.part.tags
            if tags.get(Tag.STACK) == self.stack and source in ("", tags.get(Tag.SOURCE)) and kept.listed <= now:
                yield replace(kept.seen(now), account=self.account, used_by=_used_by(kept, images))

    def copies_under_way(self) -> int:
        self._before("copies_under_way")
        listed = [kept for kept in self._under_way() if kept.listed <= self.fleet.now()]
        return sum(kept.part.tags.get(Tag.STACK) == self.stack for kept in listed)

    def _under_way(self) -> list[Kept]:
        """A copy of an image counts as many as it has snapshots."""
        now = self.fleet.now()
        copies = [kept for kept in self._mine() if kept.is_copy and kept.part.type is not PartType.IMAGE]
        return [kept for kept in copies if kept.seen(now).status is Status.PENDING]

    def _mine(self) -> list[Kept]:
        """What the service keeps in this region of this account, whoever made it."""
        of_ec2 = {PartType.IMAGE, PartType.SNAPSHOT}
        return [
            kept
            for kept in self.fleet.kept.values()
            if (kept.account, kept.part.region) == (self.owner, self.region)
            and (kept.part.type in of_ec2) == (self.service == "ec2")
        ]

    def create(self, resource: Resource, name: str, tags: Mapping[str, str]) -> None:
        self._before("create", resource.arn, name)
        if resource.kind is not Kind.INSTANCE:
            self._create_db_snapshot(resource, snapshot_name(name), _rds_tags(tags))
        elif not self._is_named(PartType.IMAGE, image_name(name)) or not self.images:
            self._create_of_instance(resource, image_name(name), dict(tags))

    def _is_named(self, type_: PartType, name: str) -> bool:
        return any(kept.part.type is type_ and kept.name == name for kept in self._mine())

    def _create_of_instance(self, resource: Resource, name: str, tags: dict[str, str]) -> None:
        machine = self._machine(resource)
        if not machine.volumes:
            raise NotAvailable(f"{resource.name} has no EBS volumes")
        snapshots = [
            self._part(PartType.SNAPSHOT, tags, of=volume.id, size=volume.size * GIB, kms_key=volume.kms_key)
            for volume in machine.volumes
        ]
        if self.images:
            self._keep_image(snapshots, name, tags, machine.id, self.fleet.taking)
        for snapshot in snapshots:
            self._keep(snapshot, "", self.fleet.taking)

    def _keep_image(
        self,
        snapshots: list[Part],
        name: str,
        tags: dict[str, str],
        machine: str,
        takes: timedelta,
        *,
        copy: bool = False,
    ) -> None:
        image = self._part(PartType.IMAGE, tags, of=machine, identity=machine)
        image = replace(image, encrypted=all(one.encrypted for one in snapshots))
        self._keep(image, name, takes, tuple(one.id for one in snapshots), is_copy=copy)

    def _create_db_snapshot(self, resource: Resource, name: str, tags: dict[str, str]) -> None:
        is_cluster = resource.kind is Kind.CLUSTER
        type_ = PartType.CLUSTER_SNAPSHOT if is_cluster else PartType.DB_SNAPSHOT
        if self._is_named(type_, name):
            return
        database, now = self._database(resource), self.fleet.now()
        if database.status(now) != "available":
            raise NotAvailable(f"{resource.name} is {database.status(now)}")
        self._check_kept(type_)
        key, size = database.kms_key, database.size * GIB
        part = self._part(type_, tags, id_=name, of=database.name, identity=database.identity, size=size, kms_key=key)
        self._keep(part, name, self.fleet.taking)
        database.busy_until = now + self.fleet.taking

    def _check_kept(self, type_: PartType) -> None:
        if sum(one.part.type is type_ for one in self._mine()) >= self.fleet.snapshots_kept:
            raise LimitReached(f"RDS keeps {self.fleet.snapshots_kept} manual snapshots in {self.region}, no more")

    def _part(self, type_: PartType, tags: Mapping[str, str], *, id_: str = "", **more: Any) -> Part:
        prefix, noun = {
            PartType.IMAGE: ("ami", "image/"),
            PartType.SNAPSHOT: ("snap", "snapshot/"),
            PartType.DB_SNAPSHOT: ("", "snapshot:"),
            PartType.CLUSTER_SNAPSHOT: ("", "cluster-snapshot:"),
        }[type_]
        id_ = id_ or self.fleet.new_id(prefix)
        owner = "" if self.service == "ec2" else self.owner
        arn = f"arn:{self.fleet.partition}:{self.service}:{self.region}:{owner}:{noun}{id_}"
        encrypted = bool(more.get("kms_key"))
        plain = {str(name): value for name, value in tags.items()}
        return Part(type_, id_, arn, self.region, Status.PENDING, plain, encrypted=encrypted, **more)

    def _keep(
        self, part: Part, name: str, takes: timedelta, stands_on: tuple[str, ...] = (), *, is_copy: bool = False
    ) -> None:
        now = self.fleet.now()
        lag = self.fleet.lag if self.service == "ec2" else timedelta(0)
        self.fleet.keep(Kept(self.owner, part, name, now + takes, now + lag, stands_on, is_copy=is_copy))

    def copy(self, part: Part, name: str, tags: Mapping[str, str]) -> None:
        self._before("copy", part.id, name)
        name = image_name(name) if self.service == "ec2" else snapshot_name(name)
        if part.type is not PartType.SNAPSHOT and self._is_named(part.type, name):
            return
        source = self._source(part)
        self._check_copies()
        tags = {Tag.ORIGIN: part.id, Tag.VOLUME: part.of, **tags}
        if part.type is PartType.IMAGE:
            self._copy_image(source, name, tags)
            return
        if part.type is PartType.SNAPSHOT:
            copy = self._part(part.type, tags, **self._like(source.part))
        else:
            if source.account != self.owner and part.encrypted and not self.key:
                raise CannotCopy(f"{part.id} is encrypted, and account {self.owner} has been given no key")
            self._check_kept(part.type)
            copy = self._part(part.type, _rds_tags(tags), id_=name, **self._like(source.part))
        self._keep(copy, name, self.fleet.copying, is_copy=True)

    def _source(self, part: Part) -> Kept:
        for kept in self.fleet.kept.values():
            if kept.part.arn == part.arn and (kept.account == self.owner or self.owner in kept.shared):
                if kept.seen(self.fleet.now()).status is not Status.COMPLETE:
                    raise NotAvailable(f"{part.id} is not complete")
                return kept
        raise ResourceGone(f"there is no {part.id} in {part.region} that account {self.owner} may copy")

    def _check_copies(self) -> None:
        if (copies := len(self._under_way())) >= self.fleet.copies_at_once:
            raise LimitReached(f"{self.region} makes {copies} copies at a time, no more")

    def _like(self, part: Part) -> dict[str, Any]:
        """What a copy has of its source, and the key that it gets."""
        default = self.fleet.default_key(self.service, self.region, self.owner) if part.encrypted else ""
        is_plain_cluster = part.type is PartType.CLUSTER_SNAPSHOT and not part.encrypted
        key = "" if is_plain_cluster else self.key or default
        return {"of": part.of, "identity": part.identity, "size": part.size, "kms_key": key}

    def _copy_image(self, source: Kept, name: str, tags: dict[str, str]) -> None:
        below = [kept.part for kept in self.fleet.kept.values() if kept.part.id in source.stands_on]
        theirs = {name: value for name, value in tags.items() if name != Tag.VOLUME}
        copies = [self._part(PartType.SNAPSHOT, theirs, **self._like(part) | {"of": ""}) for part in below]
        self._keep_image(copies, name, tags, "", self.fleet.copying, copy=True)
        for copy in copies:
            self._keep(copy, "", self.fleet.copying, is_copy=True)

    def share(self, part: Part, account: str) -> None:
        self._before("share", part.id, account)
        kept = self._find(part)
        if kept is None:
            raise ResourceGone(f"there is no {part.id} in {self.region}")
        shared = [kept, *(one for one in self._mine() if one.part.id in kept.stands_on)]
        for one in shared:
            if _is_default(one.part.kms_key):
                raise CannotCopy(f"{one.part.id} is encrypted under the key that AWS manages")
        for one in shared:
            one.shared.add(account)

    def _find(self, part: Part) -> Kept | None:
        same = [one for one in self._mine() if one.part.type is part.type and one.part.id == part.id]
        return same[0] if same else None

    def tag(self, part: Part, tags: Mapping[str, str]) -> None:
        self._before("tag", part.id)
        if kept := self._find(part):
            new = _rds_tags(tags) if self.service == "rds" else dict(tags)
            kept.part = replace(kept.part, tags={**kept.part.tags, **new})

    def delete(self, part: Part) -> None:
        self._before("delete", part.id)
        kept = self._find(part)
        if kept is None:
            return
        users = [one.part.id for one in self._mine() if part.id in one.stands_on]
        if users:
            raise Undeletable(f"{part.id} is used by {', '.join(users)}")
        if kept.part.locked:
            raise Undeletable(f"{part.id} is locked until {kept.part.locked}")
        if self.service == "rds" and kept.seen(self.fleet.now()).status is Status.PENDING:
            raise Undeletable(f"{part.id} is still being made")
        self.fleet.kept = {key: one for key, one in self.fleet.kept.items() if one is not kept}


def _used_by(kept: Kept, images: Iterable[Kept]) -> tuple[str, ...]:
    """The images that stand on it and are not of the same backup."""
    others = [image for image in images if kept.part.id in image.stands_on]
    return tuple(image.part.id for image in others if not is_same_backup(kept.part.tags, image.part.tags))


def _rds_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: tag_value(value) for name, value in tags.items()}


# S3


@dataclass(frozen=True, slots=True)
class MemoryBuckets:
    """The `Buckets` of the fleet system. `switch`: versioning may be switched on."""

    fleet: MemoryFleet
    region: str
    replica_region: str
    stack: str = "holdfast"
    switch: bool = False

    def _before(self, call: str, *what: str) -> None:
        self.fleet.before(call, "s3", self.region, *what)

    def resources(self) -> Iterator[Resource]:
        self._before("resources")
        own = [one for one in self.fleet.buckets.values() if one.account == self.fleet.account]
        mine = [one for one in own if one.region == self.region and Tag.SOURCE not in one.tags]
        yield from (bucket.as_resource() for bucket in mine)

    def describe(self, resource: Resource) -> Mapping[str, Any]:
        self._before("describe", resource.arn)
        bucket = self._find(resource)
        versioning = "Enabled" if bucket.versioned else "Off"
        return {"Name": bucket.name, "Region": bucket.region, "Tags": dict(bucket.tags), "Versioning": versioning}

    def _find(self, resource: Resource) -> StoredBucket:
        bucket = self.fleet.buckets.get(resource.name)
        if bucket is None:
            raise ResourceGone(f"there is no bucket {resource.name} any more")
        return bucket

    def replicate(self, resource: Resource, replica: str, token: str) -> None:
        self._before("replicate", resource.arn)
        bucket = self._find(resource)
        if len(replica) > LONGEST_BUCKET_NAME:
            raise NotAvailable(f"{replica} is longer than the {LONGEST_BUCKET_NAME} characters of a bucket's name")
        if bucket.other_role and not bucket.rule:
            raise NotAvailable(f"{bucket.name} is replicated under another role")
        if not bucket.versioned:
            self._switch_on(bucket)
        self._make(resource, replica)
        if bucket.rule != replica:
            self._before("put_rule", bucket.name)
            bucket.rule = replica
        if token and token not in bucket.jobs:
            self._before("start_job", bucket.name, token)
            self._start(bucket, token)

    def _switch_on(self, bucket: StoredBucket) -> None:
        if not self.switch:
            raise NotAvailable(f"{bucket.name} keeps no versions")
        self._before("switch_on", bucket.name)
        bucket.versioned = True

    def _make(self, resource: Resource, replica: str) -> None:
        there = self.fleet.buckets.get(replica)
        if there is None or not (there.tags or there.objects or there.account != self.fleet.account):
            self._before("make_replica", replica)
            tags = {Tag.STACK: self.stack, Tag.SYSTEM: "fleet", Tag.SOURCE: resource.arn}
            self.fleet.bucket(self.replica_region, replica, {name.value: value for name, value in tags.items()})
        elif there.tags.get(Tag.STACK) != self.stack or there.tags.get(Tag.SOURCE) != resource.arn:
            raise NotAvailable(f"{replica} is somebody else's bucket")

    def _start(self, bucket: StoredBucket, token: str) -> None:
        bucket.jobs[token] = self.fleet.now()
        for stored in bucket.objects.values():
            if stored.queued is None and not stored.archived:
                stored.queued = self.fleet.now()

    def look(self, resource: Resource, replica: str, token: str) -> Replicated:
        self._before("look", resource.arn)
        bucket, now = self._find(resource), self.fleet.now()
        states = [(self._state(one, now), one.written) for one in bucket.objects.values()]
        behind = [written for state, written in states if state == "behind"]
        return Replicated(
            rule=bucket.rule == replica and bucket.versioned and replica in self.fleet.buckets,
            earlier=self._earlier(bucket, token, now),
            looked_at=len(states),
            behind=len(behind),
            failed=sum(state == "failed" for state, _ in states),
            oldest_behind=min(behind).isoformat() if behind else "",
            archived=sum(state == "archived" for state, _ in states),
        )

    def _state(self, stored: StoredObject, now: datetime) -> str:
        if stored.refused:
            return "failed"
        if stored.queued is not None and now >= stored.queued + self.fleet.replicating:
            return "replicated"
        return "archived" if stored.archived and stored.queued is None else "behind"

    def _earlier(self, bucket: StoredBucket, token: str, now: datetime) -> str:
        if token not in bucket.jobs:
            return "none"
        if now < bucket.jobs[token] + self.fleet.replicating:
            return "running"
        return "failed" if bucket.job_fails else "complete"


# Documents


@dataclass(frozen=True, slots=True)
class MemoryDocuments:
    """The `Documents` of the fleet system."""

    stored: dict[str, str] = field(default_factory=dict)
    before: Hook = _nothing

    def load(self, key: str) -> Any:
        self.before("load", key)
        return json.loads(self.stored[key]) if key in self.stored else None

    def save(self, key: str, document: object) -> None:
        self.before("save", key)
        self.stored[key] = json.dumps(document)

    def add(self, key: str, document: object) -> bool:
        self.before("add", key)
        return self.stored.setdefault(key, text := json.dumps(document)) is text

    def keys(self, prefix: str) -> Iterator[str]:
        self.before("keys", prefix)
        yield from sorted((key for key in self.stored if key.startswith(prefix)), key=str.encode)
