"""Instances, databases, buckets and the parts of backups, as the accounts of the fleet's twins hold them."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from holdfast.adapters.fleet_names import GIB
from holdfast.fleet.model import Kind, Part, Resource, Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Volume:
    """Of an instance. `size`: in GiB."""

    id: str
    device: str
    size: int = 8
    kms_key: str = ""

    @property
    def encrypted(self) -> bool:
        return bool(self.kms_key)


@dataclass
class Machine:
    """An EC2 instance."""

    id: str
    region: str
    arn: str
    tags: dict[str, str]
    volumes: list[Volume]
    state: str = "running"
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        return self.state not in {"shutting-down", "terminated"}

    def as_resource(self) -> Resource:
        return Resource(
            arn=self.arn,
            kind=Kind.INSTANCE,
            region=self.region,
            name=self.id,
            status=self.state,
            identity=self.id,
            tags=dict(self.tags),
            size=sum(volume.size for volume in self.volumes) * GIB,
            encrypted=all(volume.encrypted for volume in self.volumes),
            volumes=tuple(volume.id for volume in self.volumes),
        )

    def describe(self) -> dict[str, Any]:
        """In the shape in which EC2's adapter describes an instance."""
        devices = [
            {
                "DeviceName": volume.device,
                "VolumeId": volume.id,
                "VolumeType": "gp3",
                "Size": volume.size,
                "Iops": 3000,
                "Throughput": 125,
                "Encrypted": volume.encrypted,
                **({"KmsKeyId": volume.kms_key} if volume.kms_key else {}),
                "DeleteOnTermination": True,
            }
            for volume in self.volumes
        ]
        usual: dict[str, Any] = {
            "InstanceType": "t3.micro",
            "ImageId": "ami-0",
            "SubnetId": "subnet-1",
            "VpcId": "vpc-1",
            "SecurityGroupIds": ["sg-1"],
            "Architecture": "x86_64",
            "RootDeviceName": self.volumes[0].device if self.volumes else "/dev/xvda",
            "VirtualizationType": "hvm",
        }
        own = {"InstanceId": self.id, "Tags": dict(self.tags), "BlockDevices": devices}
        return _copied({**usual, **own, **self.settings})


@dataclass
class Database:
    """A DB instance that is no member of a cluster, or a DB cluster. `size`: in GiB."""

    name: str
    kind: Kind
    region: str
    arn: str
    identity: str
    tags: dict[str, str]
    size: int = 20
    kms_key: str = ""
    state: str = "available"
    settings: dict[str, Any] = field(default_factory=dict)
    busy_until: datetime = _EPOCH

    def status(self, now: datetime) -> str:
        """While a snapshot is made of it, no other is."""
        return "backing-up" if self.state == "available" and now < self.busy_until else self.state

    def as_resource(self, now: datetime) -> Resource:
        return Resource(
            arn=self.arn,
            kind=self.kind,
            region=self.region,
            name=self.name,
            status=self.status(now),
            identity=self.identity,
            tags=dict(self.tags),
            size=self.size * GIB,
            encrypted=bool(self.kms_key),
        )

    def describe(self) -> dict[str, Any]:
        """In the shape in which RDS's adapter describes a database."""
        is_cluster = self.kind is Kind.CLUSTER
        identifier = "DBClusterIdentifier" if is_cluster else "DBInstanceIdentifier"
        usual: dict[str, Any] = {
            "Engine": "aurora-postgresql" if is_cluster else "postgres",
            "EngineVersion": "16.4",
            "DBSubnetGroupName": "default",
            "VpcSecurityGroupIds": ["sg-1"],
            "Port": 5432,
            "DeletionProtection": False,
            "StorageEncrypted": bool(self.kms_key),
            **({"KmsKeyId": self.kms_key} if self.kms_key else {}),
        }
        if is_cluster:
            member = {"DBInstanceIdentifier": f"{self.name}-1", "DBInstanceClass": "db.r6g.large", "PromotionTier": 1}
            usual |= {
                "DBClusterParameterGroupName": "default.aurora-postgresql16",
                "Members": [{**member, "IsWriter": True}],
            }
        else:
            usual |= {"DBInstanceClass": "db.t3.micro", "DBParameterGroupName": "default.postgres16", "MultiAZ": False}
            usual |= {"AllocatedStorage": self.size, "StorageType": "gp3", "OptionGroupName": "default:postgres-16"}
        own = {identifier: self.name, "Tags": dict(self.tags)}
        return _copied({**usual, **own, **self.settings})


@dataclass
class StoredObject:
    """`queued`: since when it waits for its replica; None if no rule was there when it was written. `refused`: S3 will
    not replicate it; `archived`: nor will a job, as long as it lies in an archive class."""

    written: datetime
    queued: datetime | None = None
    refused: bool = False
    archived: bool = False


@dataclass
class StoredBucket:
    """A bucket, its objects, and where they are replicated to. `rule`: the replica's name; `other_role`: somebody else
    has set up a replication under a role of their own; `jobs`: when the job of each token began."""

    name: str
    region: str
    arn: str
    account: str
    tags: dict[str, str]
    versioned: bool = True
    encrypted: bool = True
    objects: dict[str, StoredObject] = field(default_factory=dict)
    rule: str = ""
    other_role: bool = False
    jobs: dict[str, datetime] = field(default_factory=dict)
    job_fails: bool = False

    def as_resource(self) -> Resource:
        return Resource(
            arn=self.arn,
            kind=Kind.BUCKET,
            region=self.region,
            name=self.name,
            status="available",
            identity=self.name,
            tags=dict(self.tags),
            encrypted=self.encrypted,
        )


@dataclass
class Kept:
    """A part as AWS keeps it. `part`: as it will be when it is `ready`; `listed`: from when a listing has it;
    `stands_on`: of an image, its snapshots; `shared`: the accounts that may copy it."""

    account: str
    part: Part
    name: str
    ready: datetime
    listed: datetime
    stands_on: tuple[str, ...] = ()
    shared: set[str] = field(default_factory=set)
    is_copy: bool = False
    failed: str = ""

    def seen(self, now: datetime) -> Part:
        if self.failed:
            return replace(self.part, status=Status.FAILED, why=self.failed)
        return replace(self.part, status=Status.COMPLETE if now >= self.ready else Status.PENDING)


def _copied(document: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(document))
    return copied
