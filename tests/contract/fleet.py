"""Instances, databases and buckets, in memory and in moto, what users do with them, and where their backups go."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, Protocol

import boto3
import pytest
from botocore.stub import Stubber

from holdfast.adapters.ec2_fleet import Ec2Shelf
from holdfast.adapters.memory_fleet import MemoryBuckets, MemoryFleet, MemoryShelf
from holdfast.adapters.rds_fleet import RdsShelf
from holdfast.adapters.s3_fleet import S3Buckets, S3Replicas
from holdfast.fleet.model import Part, Resource, Service, Tag
from holdfast.fleet.ports import Buckets, Shelf

ANYWHERE = ["memory", "moto"]

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999999999999"
HOME, AWAY = "eu-west-1", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/replication"
GIB = 1024**3

_numbers = count(1)


@cache
def client(service: str, region: str = HOME) -> Any:
    """To read the models of services again for each test would take seconds."""
    session = boto3.Session(region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
    return session.client(service)  # type: ignore[call-overload]


@contextmanager
def told(service: str) -> Iterator[Any]:
    """A service that answers as it is told. All that it is told must be asked for."""
    with Stubber(client(service)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


class Users(Protocol):
    """What people do at home."""

    def instance(self, tags: Mapping[str, str], sizes: Sequence[int] = (8,), *, encrypted: bool = False) -> str:
        """Start one with a volume of each size, in GiB; returns its ARN."""

    def database(self, name: str, tags: Mapping[str, str], *, cluster: bool = False) -> str:
        """Create an instance of 20 GiB, or a cluster with one instance; returns its ARN."""

    def bucket(self, name: str, tags: Mapping[str, str], *, versioned: bool = True, region: str = HOME) -> None: ...

    def put(self, bucket: str, key: str) -> None: ...

    def stop(self, arn: str) -> None:
        """An instance."""

    def remove(self, arn: str) -> None: ...

    def used_snapshot(self, tags: Mapping[str, str]) -> tuple[str, str]:
        """Make an image; returns its ID, and that of the snapshot it stands on, which has these tags."""


@dataclass(frozen=True)
class MemoryUsers:
    fleet: MemoryFleet

    def instance(self, tags: Mapping[str, str], sizes: Sequence[int] = (8,), *, encrypted: bool = False) -> str:
        key = self.fleet.default_key("ec2", HOME) if encrypted else ""
        return self.fleet.instance(HOME, tags, sizes=sizes, kms_key=key).arn

    def database(self, name: str, tags: Mapping[str, str], *, cluster: bool = False) -> str:
        return self.fleet.database(HOME, name, tags, cluster=cluster).arn

    def bucket(self, name: str, tags: Mapping[str, str], *, versioned: bool = True, region: str = HOME) -> None:
        self.fleet.bucket(region, name, tags, versioned=versioned)

    def put(self, bucket: str, key: str) -> None:
        self.fleet.put(bucket, key)

    def stop(self, arn: str) -> None:
        self.fleet.machines[arn].state = "stopped"

    def remove(self, arn: str) -> None:
        self.fleet.remove(arn)

    def used_snapshot(self, tags: Mapping[str, str]) -> tuple[str, str]:
        shelf = MemoryShelf(self.fleet, "ec2", HOME)
        shelf.create(self.fleet.instance(HOME).as_resource(), "a user's", tags)
        snapshot = self.fleet.all_parts(HOME)[-1].id
        return self.fleet.image_of(snapshot), snapshot


@dataclass(frozen=True)
class MotoUsers:
    def instance(self, tags: Mapping[str, str], sizes: Sequence[int] = (8,), *, encrypted: bool = False) -> str:
        ec2 = client("ec2")
        image = ec2.register_image(Name="base")["ImageId"]
        devices: Any = [
            {"DeviceName": f"/dev/sd{letter}", "Ebs": {"VolumeSize": size, "VolumeType": "gp3", "Encrypted": encrypted}}
            for letter, size in zip("abcdef", sizes, strict=False)
        ]
        tagged: Any = [{"ResourceType": "instance", "Tags": tag_list(tags)}] if tags else []
        made: Any = ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, BlockDeviceMappings=devices, TagSpecifications=tagged
        )
        return f"arn:aws:ec2:{HOME}:{ACCOUNT}:instance/{made['Instances'][0]['InstanceId']}"

    def database(self, name: str, tags: Mapping[str, str], *, cluster: bool = False) -> str:
        rds = client("rds")
        who: Any = {"MasterUsername": "root", "MasterUserPassword": "password1"}
        if not cluster:
            made = rds.create_db_instance(
                DBInstanceIdentifier=name,
                DBInstanceClass="db.t3.micro",
                Engine="postgres",
                AllocatedStorage=20,
                Tags=tag_list(tags),
                **who,
            )
            return str(made["DBInstance"]["DBInstanceArn"])
        made = rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", Tags=tag_list(tags), **who)
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-1",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier=name,
        )
        return str(made["DBCluster"]["DBClusterArn"])

    def bucket(self, name: str, tags: Mapping[str, str], *, versioned: bool = True, region: str = HOME) -> None:
        s3 = client("s3", region)
        where: Any = {} if region == AWAY else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})

    def put(self, bucket: str, key: str) -> None:
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"1")

    def stop(self, arn: str) -> None:
        client("ec2").stop_instances(InstanceIds=[arn.rpartition("/")[2]])

    def remove(self, arn: str) -> None:
        name = arn.replace("/", ":").rpartition(":")[2]
        rds = client("rds")
        if ":instance/" in arn:
            client("ec2").terminate_instances(InstanceIds=[name])
        elif ":cluster:" in arn:
            rds.delete_db_instance(DBInstanceIdentifier=f"{name}-1")
            rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)
        elif ":db:" in arn:
            rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        else:
            client("s3").delete_bucket(Bucket=name)

    def used_snapshot(self, tags: Mapping[str, str]) -> tuple[str, str]:
        ec2 = client("ec2")
        image = ec2.register_image(Name="a user's")["ImageId"]
        [found] = ec2.describe_images(ImageIds=[image])["Images"]
        snapshot = found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
        ec2.create_tags(Resources=[snapshot], Tags=tag_list(tags))
        return image, snapshot


@dataclass(frozen=True)
class Place:
    """A shelf at home and one away, which has a key; and a stack that nobody else uses."""

    users: Users
    stack: str
    shelf: Shelf
    away: Shelf
    key: str

    def resource(self, arn: str) -> Resource:
        [found] = [one for one in self.shelf.resources() if one.arn == arn]
        return found

    def tags(self, resource: Resource, run: str = "daily-2026-11-21T02-00-00Z", **more: str) -> dict[str, str]:
        """Those that tell one backup from another."""
        return {Tag.STACK: self.stack, Tag.SOURCE: resource.arn, Tag.RUN: run, **more}

    def back_up(self, resource: Resource, run: str = "daily-2026-11-21T02-00-00Z") -> list[Part]:
        """A backup, and what the shelf lists of it."""
        self.shelf.create(resource, f"holdfast-{resource.name}-{run}", self.tags(resource, run))
        return [part for part in self.shelf.parts(resource.arn) if part.tags[Tag.RUN] == run]


def a_place(request: pytest.FixtureRequest, where: str, service: Service) -> Place:
    """`where`: memory or moto."""
    stack = f"stack-{next(_numbers)}"
    if where == "memory":
        fleet = MemoryFleet()
        key = fleet.default_key("ec2", AWAY).replace("aws-ebs", "own")
        return Place(
            users=MemoryUsers(fleet),
            stack=stack,
            shelf=MemoryShelf(fleet, service.value, HOME, stack),  # type: ignore[arg-type]
            away=MemoryShelf(fleet, service.value, AWAY, stack, key=key),  # type: ignore[arg-type]
            key=key,
        )
    request.getfixturevalue("moto_account")
    key = client("kms", AWAY).create_key()["KeyMetadata"]["Arn"]
    return Place(MotoUsers(), stack, _a_shelf(service, HOME, stack), _a_shelf(service, AWAY, stack, key), key)


def _a_shelf(service: Service, region: str, stack: str, key: str = "") -> Shelf:
    kms = client("kms", region)
    if service is Service.EC2:
        ec2 = client("ec2", region)
        return Ec2Shelf(ec2, kms, region, ACCOUNT, stack, key=key, locks=False)  # moto knows no locks
    return RdsShelf(client("rds", region), kms, region, ACCOUNT, stack, key=key)


def in_memory(place: Place) -> MemoryFleet:
    """The account of a place in memory."""
    assert isinstance(place.users, MemoryUsers)
    return place.users.fleet


def tag_list(tags: Mapping[str, str]) -> Any:
    return [{"Key": str(name), "Value": value} for name, value in tags.items()]


# Buckets


@dataclass
class Jobs:
    """S3 Batch Operations, which moto lacks: as much as is asked of them."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create_job(self, **asked: Any) -> dict[str, Any]:
        """One job for a token."""
        job_id = asked["ClientRequestToken"]
        job = {"JobId": job_id, "Description": asked["Description"], "Status": "Active", "asked": asked}
        return {"JobId": self.jobs.setdefault(job_id, job)["JobId"]}

    def list_jobs(self, **_: Any) -> dict[str, Any]:
        return {"Jobs": [{name: of for name, of in job.items() if name != "asked"} for job in self.jobs.values()]}

    def describe_job(self, JobId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Job": self.jobs[JobId]}


@dataclass(frozen=True)
class BucketPlace:
    """Buckets at home, of names that nobody else uses, replicated to another region."""

    users: Users
    stack: str
    name: str
    buckets: Buckets
    switching: Buckets
    """Which switches versioning on."""

    @property
    def replica(self) -> str:
        return f"{self.name}-holdfast"

    def a_bucket(self, tags: Mapping[str, str] | None = None, *, versioned: bool = True) -> Resource:
        self.users.bucket(self.name, tags or {}, versioned=versioned)
        return self.resource()

    def resource(self) -> Resource:
        [found] = [one for one in self.buckets.resources() if one.name == self.name]
        return found


def a_bucket_place(request: pytest.FixtureRequest, where: str) -> BucketPlace:
    number = next(_numbers)
    stack, name = f"stack-{number}", f"lake-{number}"
    if where == "memory":
        fleet = MemoryFleet()
        users = MemoryUsers(fleet)
        buckets, switching = (MemoryBuckets(fleet, HOME, AWAY, stack, switch) for switch in (False, True))
        return BucketPlace(users, stack, name, buckets, switching)
    request.getfixturevalue("moto_account")
    jobs: Any = Jobs()
    replicas = S3Replicas(client("s3", AWAY), AWAY, stack)
    in_s3 = (S3Buckets(client("s3"), jobs, replicas, HOME, ACCOUNT, ROLE, switch=switch) for switch in (False, True))
    return BucketPlace(MotoUsers(), stack, name, *in_s3)
