"""The ports of the fleet's restores in memory: who makes instances and databases, and buckets with versions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from holdfast.adapters.memory_fleet import MemoryFleet
from holdfast.fleet.model import Place, Service
from holdfast.fleet.ports import LimitReached, NotAvailable
from holdfast.fleet.restore.instances import volumes_in_words
from holdfast.fleet.restore.model import Entry, Made, Mark, Piece, PieceType, State, There
from holdfast.fleet.restore.ports import Refused, TargetChanged, Unreadable


@dataclass
class Thing:
    """What was made. `ready`: from when; `going`: from when on it is gone; `settings`: what was set later."""

    place: Place
    piece: Piece
    id: str
    tags: dict[str, str]
    facts: dict[str, Any]
    ready: datetime
    listed: datetime
    going: datetime | None = None
    failed: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass
class MemoryWorkshop:
    """All that was made, in every place. `making`, `removing`: how long that takes; `lag`: for how long a listing
    lacks what is new; `full`: there is no capacity; `worst`: what the status checks of instances tell; `broken`: why
    what is made from now on fails."""

    fleet: MemoryFleet
    making: timedelta = timedelta(0)
    removing: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    full: bool = False
    worst: str = "ok"
    broken: str = ""
    things: list[Thing] = field(default_factory=list)

    def provisioner(self, service: Service, place: Place) -> "MemoryProvisioner":
        return MemoryProvisioner(self, service, place)

    def there(self, type_: PieceType | None = None) -> list[Thing]:
        """What is not gone."""
        now = self.fleet.now()
        return [
            one for one in self.things if (one.going is None or now < one.going) and type_ in (None, one.piece.type)
        ]


def _tags(request: Mapping[str, Any]) -> dict[str, str]:
    told = request["Tags"] if "Tags" in request else request["TagSpecifications"][0]["Tags"]
    return {tag["Key"]: tag["Value"] for tag in told}


@dataclass(frozen=True, slots=True)
class MemoryProvisioner:
    """The `Provisioner` of the fleet's restores."""

    workshop: MemoryWorkshop
    service: Service
    place: Place

    def _before(self, call: str, *what: str) -> None:
        self.workshop.fleet.before(call, self.service, self.place.region, *what)

    def _mine(self) -> list[Thing]:
        types = (
            {PieceType.IMAGE, PieceType.INSTANCE}
            if self.service is Service.EC2
            else {
                PieceType.CLUSTER,
                PieceType.DATABASE,
            }
        )
        return [one for one in self.workshop.there() if one.place == self.place and one.piece.type in types]

    def _seen(self, thing: Thing) -> Made:
        now = self.workshop.fleet.now()
        state = State.READY if now >= thing.ready and thing.going is None else State.MAKING
        if thing.failed:
            state = State.FAILED
        arn = f"arn:aws:{self.service}:{self.place.region}:::{thing.piece.type}/{thing.id}"
        facts = {**thing.facts, **({"status checks": self.workshop.worst} if "subnet" in thing.facts else {})}
        return Made(thing.piece.type, thing.piece.name, thing.id, arn, state, thing.tags, facts, thing.failed)

    def find(self, pieces: Sequence[Piece]) -> list[Made]:
        self._before("find", *(piece.name for piece in pieces))
        wanted = {(piece.type, piece.name) for piece in pieces}
        return [self._seen(one) for one in self._listed() if (one.piece.type, one.piece.name) in wanted]

    def _listed(self) -> list[Thing]:
        """RDS shows what it makes at once."""
        now = self.workshop.fleet.now()
        return [one for one in self._mine() if self.service is Service.RDS or now >= one.listed]

    def made(self, restore: str) -> Iterator[Made]:
        self._before("made", restore)
        yield from [self._seen(one) for one in self._listed() if one.tags.get(Mark.RESTORE) == restore]

    def make(self, piece: Piece, image: str = "") -> None:
        self._before("make", piece.name)
        if any((one.piece.type, one.piece.name) == (piece.type, piece.name) for one in self._mine()):
            return
        if self.workshop.full:
            raise LimitReached("there is no capacity")
        facts = self._facts(piece, image)
        now, fleet = self.workshop.fleet.now(), self.workshop.fleet
        fleet.made += 1
        id_ = piece.name if self.service is Service.RDS else f"{piece.type}-{fleet.made:017x}"
        ready, listed = now + self.workshop.making, now + self.workshop.lag
        thing = Thing(self.place, piece, id_, _tags(piece.request), facts, ready, listed)
        thing.failed = self.workshop.broken if piece.type is not PieceType.IMAGE else ""
        self.workshop.things.append(thing)

    def _facts(self, piece: Piece, image: str) -> dict[str, Any]:
        request = piece.request
        match piece.type:
            case PieceType.IMAGE:
                for device in request["BlockDeviceMappings"]:
                    self._part(device["Ebs"]["SnapshotId"])
                return {}
            case PieceType.INSTANCE:
                return self._facts_of_instance(request, image)
            case PieceType.CLUSTER:
                part = self._part(request["SnapshotIdentifier"])
                return {"engine": f"{request['Engine']} {request['EngineVersion']}", "encrypted": bool(part.kms_key)}
            case PieceType.DATABASE:
                return self._facts_of_database(request)

    def _facts_of_instance(self, request: Mapping[str, Any], image: str) -> dict[str, Any]:
        devices = request["BlockDeviceMappings"]
        if "ImageId" not in request and image not in {one.id for one in self.workshop.there(PieceType.IMAGE)}:
            raise Refused(f"there is no image {image!r}")
        parts = [self._part(one["Ebs"]["SnapshotId"]) for one in devices if "SnapshotId" in one["Ebs"]]
        if "ImageId" in request:
            parts = [self._part(request["ImageId"])]
        nics = request.get("NetworkInterfaces", [{}])
        return {
            "instance type": request["InstanceType"],
            "subnet": request.get("SubnetId") or nics[0].get("SubnetId"),
            "volumes": volumes_in_words({one["DeviceName"]: one["Ebs"]["VolumeSize"] for one in devices}),
            "encrypted": all(part.kms_key for part in parts),
            "public address": "none" if nics[0].get("AssociatePublicIpAddress") is False else "203.0.113.1",
            "instance profile": request.get("IamInstanceProfile", {}).get("Arn", "none"),
        }

    def _facts_of_database(self, request: Mapping[str, Any]) -> dict[str, Any]:
        facts = {"class": request["DBInstanceClass"], "public": request.get("PubliclyAccessible", False)}
        if "DBClusterIdentifier" in request:
            owner = [one for one in self._mine() if one.id == request["DBClusterIdentifier"]]
            if not owner or self.workshop.fleet.now() < owner[0].ready:
                raise NotAvailable(f"{request['DBClusterIdentifier']} is not available")
            return facts
        part = self._part(request["DBSnapshotIdentifier"])
        source = next((one for one in self.workshop.fleet.databases.values() if one.name == part.of), None)
        settings = source.settings if source else {}
        engine = f"{settings.get('Engine', 'postgres')} {settings.get('EngineVersion', '16.4')}"
        return {**facts, "engine": engine, "storage": f"{part.size // 1024**3:,} GiB", "encrypted": bool(part.kms_key)}

    def _part(self, id_: str) -> Any:
        owner = self.place.account or self.workshop.fleet.account
        parts = [one for one in self.workshop.fleet.all_parts(self.place.region, owner) if one.id == id_]
        if not parts:
            raise Refused(f"there is no {id_} in {self.place}")
        return parts[0]

    def configure(self, made: Made, piece: Piece) -> None:
        self._before("configure", made.id)
        for thing in self._mine():
            if thing.id == made.id:
                for setting in piece.settings:
                    thing.settings |= setting

    def remove(self, made: Made) -> None:
        self._before("remove", made.id)
        now = self.workshop.fleet.now()
        for thing in self._mine():
            if thing.id == made.id and thing.going is None:
                if self.service is Service.RDS and now < thing.ready:
                    raise NotAvailable(f"{thing.id} is being made")
                lasts = timedelta(0) if thing.piece.type is PieceType.IMAGE else self.workshop.removing
                thing.going = now + lasts


# Buckets with versions


@dataclass
class MemoryVersions:
    """The `Versions` of a restore: what each bucket holds, and when it was written. `archived`: versions that cannot
    be read; `tagged`: the tags of buckets."""

    fleet: MemoryFleet
    buckets: dict[str, list[Entry]] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    tagged: dict[str, dict[str, str]] = field(default_factory=dict)
    copies: int = 0

    def put(self, bucket: str, key: str, body: str, at: datetime) -> Entry:
        entry = Entry(key, f"v{self._next()}", at, len(body), f"etag of {body}")
        self.buckets.setdefault(bucket, []).append(entry)
        return entry

    def delete(self, bucket: str, key: str, at: datetime) -> None:
        self.buckets.setdefault(bucket, []).append(Entry(key, f"v{self._next()}", at, is_marker=True))

    def _next(self) -> int:
        self.fleet.made += 1
        return self.fleet.made

    def entries(self, bucket: str, prefix: str, after: str) -> Iterator[Entry]:
        self.fleet.before("entries", bucket, prefix, after)
        newest_first = reversed(self.buckets.get(bucket, []))
        found = [one for one in newest_first if one.key.startswith(prefix) and one.key.encode() > after.encode()]
        yield from sorted(found, key=lambda one: one.key.encode())

    def tags(self, bucket: str) -> dict[str, str]:
        self.fleet.before("tags", bucket)
        return self.tagged.get(bucket, {})

    def head(self, bucket: str, key: str, version: str = "") -> There | None:
        self.fleet.before("head", bucket, key)
        newest_first = reversed(self.buckets.get(bucket, []))
        last = next((one for one in newest_first if one.key == key and version in ("", one.version)), None)
        if last is None or last.is_marker:
            return None
        return There(last.etag, last.size, last.at.replace(microsecond=0))

    def copy(self, bucket: str, entry: Entry, to: str, key: str, over: There | None) -> None:
        self.fleet.before("copy", bucket, entry.key, to, key)
        if entry.version in self.archived or entry not in self.buckets.get(bucket, []):
            raise Unreadable(f"{bucket}/{entry.key!r} lies in an archive")
        if self.head(to, key) != over:
            raise TargetChanged(f"{to}/{key!r} was written since it was looked at")
        written = replace(entry, key=key, version=f"v{self._next()}", at=self.fleet.now())
        self.buckets.setdefault(to, []).append(written)
        self.copies += 1
