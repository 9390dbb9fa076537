"""The cases of the fleet system's functions: an instance, a database, a cluster and a bucket, from their discovery to
what is restored of them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends

from holdfast import wiring
from holdfast.adapters.dynamodb_objects import DynamoPasses
from holdfast.adapters.s3_tables import S3Store
from holdfast.fleet.model import Place, Service
from holdfast.fleet.restore.model import Piece, PieceType, Placement
from holdfast.fleet.restore.plan import Wanted
from holdfast.fleet.restore.prepare import Onto, Planner
from holdfast.fleet.restore.record import Record
from holdfast.objects.model import Original, Pass, Version
from holdfast.tables import naming
from holdfast.tables.archive import Archive
from holdfast.tables.model import Gap
from local.engine import ACCOUNT, REGION
from tests.template import tables_cases
from tests.template.calls import Account
from tests.template.stack import COPY_REGION, environment

STEPS = ("discover", "backup", "verify", "expire", "report", "alert", "restore", "watch", "cost", "status")
FUNCTIONS = tuple(f"fleet_{step}" for step in STEPS)

FIRST = datetime(2026, 1, 15, 2, tzinfo=UTC)
DAILY: Any = [{"Key": "holdfast:backup", "Value": "daily"}]
STUCK = 12
TABLE = "TablesSampleTable"

ALARM = {
    "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:holdfast-lag",
    "AlarmName": "holdfast-lag",
    "AlarmDescription": "Look at it.",
    "OldStateValue": "OK",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold crossed",
    "StateChangeTime": FIRST.isoformat(),
}
STOPPED = {
    "source": "aws.states",
    "detail": {"executionArn": "arn:aws:states:x", "stateMachineArn": "arn:aws:states:y", "status": "ABORTED"},
}


class Clock:
    def __init__(self) -> None:
        self.time = FIRST

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **span: float) -> None:
        self.time += timedelta(**span)


@contextmanager
def _a_fleet() -> Iterator[Clock]:
    clock = Clock()
    web = SimpleNamespace(send=lambda _: SimpleNamespace(status_code=200))
    with ExitStack() as patched:
        patched.enter_context(patch.object(wiring, "now", clock))
        patched.enter_context(patch("holdfast.adapters.webhooks.URLLib3Session", lambda **_: web))
        _make()
        yield clock


def _make() -> None:
    boto3.client("sns").create_topic(Name="FleetAlertTopic")
    boto3.client("sns", "us-east-1").create_topic(Name="FleetAlertTopic")
    key = boto3.client("kms", COPY_REGION).create_key()["KeyMetadata"]["KeyId"]
    keys = kms_backends[ACCOUNT][COPY_REGION].keys
    keys["copies"] = keys[key]
    ec2, rds, s3 = boto3.client("ec2"), boto3.client("rds"), boto3.client("s3")
    image = ec2.register_image(Name="base")["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ran = ec2.run_instances(
        ImageId=image,
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 8, "VolumeType": "gp3"}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": DAILY}],
    )
    routes: Any = {"SourceDestCheck": {"Value": False}}
    ec2.modify_instance_attribute(InstanceId=ran["Instances"][0]["InstanceId"], **routes)
    rds.create_db_subnet_group(DBSubnetGroupName="isolated", DBSubnetGroupDescription="isolated", SubnetIds=[subnet])
    who: Any = {"MasterUsername": "root", "MasterUserPassword": "password1"}
    rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        BackupRetentionPeriod=7,
        Tags=DAILY,
        **who,
    )
    rds.create_db_cluster(
        DBClusterIdentifier="ledger", Engine="aurora-postgresql", BackupRetentionPeriod=7, Tags=DAILY, **who
    )
    rds.create_db_instance(
        DBInstanceIdentifier="ledger-1",
        DBInstanceClass="db.r6g.large",
        Engine="aurora-postgresql",
        DBClusterIdentifier="ledger",
    )
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration=place)
    s3.put_bucket_tagging(Bucket="photos", Tagging={"TagSet": DAILY})
    s3.put_object(Bucket="photos", Key="key", Body=b"1")


def goes_through_all(aws: Account) -> None:
    """Two days of backups, as images and as snapshots; then the older ones go, and the newer ones are restored."""
    _others(aws)
    with _a_fleet() as clock:
        for settings in ({"IMAGES": "true"}, {"IMAGES": "false"}):
            run = _back_up(aws, clock, settings)
            clock.pass_by(days=1)
        none: Mapping[str, str] = {f"KEEP_{name}": "0" for name in ("WEEKLY", "MONTHLY", "YEARLY")}
        least = {**none, "KEEP_DAILY": "1", "MINIMUM_DAYS": "0", "BREAKER_SHARE_PERCENT": "100"}
        _replicate()
        restored = _restore(aws, clock)
        _copies_versions_and_parts(aws)
        if "FleetRestoreRoleArns" in aws.parameters:
            _gives_roles(aws)
        _drill(aws, clock)
        aws.answer("fleet_expire", {"run": run}, **least)
        _tell(aws, run, restored)
        for name in ("fleet_watch", "fleet_cost"):
            aws.answer(name, {})
        aws.answer("fleet_status", {"headers": {"Accept": "text/html"}})


def _back_up(aws: Account, clock: Clock, settings: Mapping[str, str]) -> str:
    due = clock().isoformat()
    found = aws.answer("fleet_discover", {"schedule": "daily", "due": due, "started": due}, **settings)
    run: str = found["run"]
    for service in found["services"]:
        for digest in service["resources"]:
            item = {"run": run, "resource": digest}
            for _ in range(STUCK):
                answer = aws.answer("fleet_backup", item, **settings)
                if answer["status"] != "waiting":
                    break
                clock.pass_by(minutes=3)
                _finish_images()
            if answer["status"] == "done":
                aws.answer("fleet_verify", item, **settings)
            aws.answer("fleet_report", {"step": "failed", "error": {"Error": "NotARun", "Cause": ""}, **item})
            with suppress(Exception):
                aws.answer("fleet_alert", {"kind": "failure", **item})
    aws.answer("fleet_report", {"step": "report", "run": run}, **settings)
    return run


def _finish_images() -> None:
    """Their snapshots have their tags, and are of the instance's volume: in EC2, not in moto."""
    home = ec2_backends[ACCOUNT][REGION]
    for region in (REGION, COPY_REGION):
        ec2, moto = boto3.client("ec2", region), ec2_backends[ACCOUNT][region]
        for image in ec2.describe_images(Owners=["self"])["Images"]:
            tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
            if "holdfast:run" in tags:
                machine = home.get_instance(tags["holdfast:source"].rpartition("/")[2])
                [snapshot] = [one["Ebs"]["SnapshotId"] for one in image["BlockDeviceMappings"] if "Ebs" in one]
                [disk] = machine.block_device_mapping.values()
                moto.snapshots[snapshot].volume = home.volumes[disk.volume_id]
                ec2.create_tags(Resources=[snapshot], Tags=image["Tags"])


def _tell(aws: Account, run: str, restored: str) -> None:
    for event in (
        {"kind": "run", "run": run},
        {"kind": "restore", "restore": restored},
        {"Records": [{"Sns": {"Message": json.dumps(ALARM)}}]},
        STOPPED,
    ):
        with suppress(Exception):
            aws.answer("fleet_alert", event)


def _restore(aws: Account, clock: Clock) -> str:
    """All that there is, one after the other. Answers the last one."""
    with aws.told("fleet_restore"):
        restoring = wiring.fleet_restore(lambda *_, **__: None)
        planner = Planner(restoring.fleet, Wanted(unverified=True), Placement(), Onto())
        sources = sorted({backup.source for backup in restoring.fleet.backups() if not backup.is_copy})
        plans = map(planner.resource, [*sources, "photos"])
        planned = [Record(restoring.fleet.documents, one.restore).add(one) for one in plans]
    for one in planned:
        _carry_out(aws, clock, {"restore": one.restore})
    return planned[-1].restore


def _gives_roles(aws: Account) -> None:
    """As the original had them."""
    role = aws.parameters["FleetRestoreRoleArns"].replace("*", "monitoring")
    with aws.told("fleet_restore"):
        provisioner_of = wiring.fleet_restore(lambda *_, **__: None).provisioner_of
        for type_, request in (
            (PieceType.INSTANCE, {"MinCount": 1, "MaxCount": 1, "IamInstanceProfile": {"Arn": "arn:profile"}}),
            (PieceType.DATABASE, {"DBInstanceIdentifier": "m", "DBSnapshotIdentifier": "s", "MonitoringRoleArn": role}),
        ):
            service = Service.EC2 if type_ is PieceType.INSTANCE else Service.RDS
            with suppress(Exception):
                provisioner_of(service, Place(REGION)).make(Piece(type_, "m", request))


def _others(aws: Account) -> None:
    """What other systems know."""
    tables_cases.archives(aws)
    told = environment("fleet_report", **aws.parameters)
    store = S3Store(boto3.client("s3"), told["ARCHIVE_BUCKET"], naming.folder(told["ARCHIVE_PREFIX"], TABLE))
    Archive(TABLE, store).save_gap("played", Gap(None, None, "played"))
    passes = DynamoPasses(boto3.client("dynamodb"), told["COPY_TABLE"])
    passes.save(told["OBJECTS_BUCKETS"].partition(",")[0], Pass((), FIRST))
    _run_of_the_warehouse(aws)


def _run_of_the_warehouse(aws: Account) -> None:
    told = {"run": "R", "started": (FIRST - timedelta(days=1)).isoformat(), "sources": []}
    bucket = environment("fleet_report", **aws.parameters)["WAREHOUSE_BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key="warehouse/runs/R/run.json", Body=json.dumps(told).encode())


def _replicate() -> None:
    """What S3 does, and what fleet_verify writes down of it."""
    s3, arn = boto3.client("s3"), "arn:aws:s3:::photos"
    place: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="replica", CreateBucketConfiguration=place)
    s3.put_bucket_versioning(Bucket="replica", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="replica", Key="key", Body=b"2")
    at = FIRST.isoformat()
    told = {"arn": arn, "name": "photos", "region": REGION, "replica": "replica", "verified": at, "taken": at}
    key = f"buckets/{sha256(arn.encode()).hexdigest()[:16]}.json"
    body = json.dumps({**told, "behind": 0, "failed": 0, "job": ""}).encode()
    s3.put_object(Bucket="holdfast-fleet-0123456789ab", Key=key, Body=body)


def _copies_versions_and_parts(aws: Account) -> None:
    """What the object above is too small for."""
    put = boto3.client("s3").put_object(Bucket="replica", Key="key", Body=b"3")
    etag = put["ETag"].strip('"')
    for failing in (None, "UploadPartCopy"):
        with aws.told("fleet_restore", failing):
            versions: Any = wiring.fleet_restore(lambda *_, **__: None).versions
            copier = versions.copier_of("photos")
            for each in (copier, replace(copier, copied_at_once=0)):
                for version_id in (put["VersionId"], None):
                    version = Version(Original("replica", "key"), etag, 1, FIRST, version_id)
                    with suppress(Exception):
                        each.write(version, "key")


def _drill(aws: Account, clock: Clock) -> None:
    subnet = boto3.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    where = {"DRILL_COUNT": "9", "DRILL_SUBNET_ID": subnet, "DRILL_DB_SUBNET_GROUP": "isolated"}
    _carry_out(aws, clock, {"drill": True, "due": clock().isoformat()}, **where)


def _carry_out(aws: Account, clock: Clock, asked: Mapping[str, Any], **settings: str) -> None:
    prepared = aws.answer("fleet_restore", {"step": "prepare", "started": clock().isoformat(), **asked}, **settings)
    restore = prepared["restore"]
    for item in (item for stage in prepared["stages"] for item in stage["items"]):
        steps = ("provision", "configure", "validate", *(["destroy"] if prepared["drill"] else []))
        for step in steps:
            for _ in range(STUCK):
                told = {"step": step, "restore": restore, "item": item}
                if aws.answer("fleet_restore", told, **settings)["status"] != "waiting":
                    break
                clock.pass_by(minutes=3)
    aws.answer("fleet_restore", {"step": "report", "restore": restore}, **settings)
