"""The calls that a function makes to AWS, and what IAM asks for each of them."""

import importlib.util
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from holdfast import settings, wiring
from holdfast.adapters.sts import assumed
from local.engine import ACCOUNT, REGION
from local.machines import images
from tests.aws import keep_versions, session
from tests.template.role import Grant
from tests.template.stack import ROOT, environment, of_type

ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
EC2, PUBLIC = f"arn:aws:ec2:{REGION}:{ACCOUNT}:", f"arn:aws:ec2:{REGION}::"
NETWORK = ("subnet", "security-group", "network-interface", "key-pair")
RDS = f"arn:aws:rds:{REGION}:{ACCOUNT}:"
JOBS = f"arn:aws:s3:{REGION}:{ACCOUNT}:job/"
FUNCTIONS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"

CONTEXT = SimpleNamespace(
    function_name="holdfast",
    memory_limit_in_mb=512,
    invoked_function_arn=f"{FUNCTIONS}holdfast",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 900_000,
)


@dataclass(slots=True)
class Account:
    """An account with the tables, buckets and alarms that the template makes with these parameters. Noted: what the
    calls of each function needed, the lines that it logged, and the attributes that it wrote to each table."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    needed: dict[str, set[Grant]] = field(default_factory=lambda: defaultdict(set))
    logged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    written: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _clients: dict[tuple[str, ...], Any] = field(default_factory=dict)
    _caller: str = ""
    _jobs: list[str] = field(default_factory=list)
    _copied: Any = None
    _failing: str | None = None

    def answer(self, name: str, event: Mapping[str, Any], *, failing: str | None = None, **settings: str) -> Any:
        """Invoke a function as it is deployed, save for these settings. Calls of the operation `failing` fail."""
        spec = importlib.util.spec_from_file_location(f"app_{name}", ROOT / "functions" / name / "app.py")
        assert spec
        assert spec.loader
        app = importlib.util.module_from_spec(spec)
        with self.told(name, failing, **settings), redirect_stdout(StringIO()) as log:
            spec.loader.exec_module(app)
            app.logger.registered_handler.setStream(log)
            answer = app.lambda_handler(event, CONTEXT)
        self.logged[name] += log.getvalue().splitlines()
        return answer

    @contextmanager
    def told(self, name: str, failing: str | None = None, **settings: str) -> Iterator[None]:
        """With the environment of a function, and its own clients."""
        getattr(wiring, name).cache_clear()
        self._caller, self._failing = name, failing
        told = patch.dict(os.environ, environment(name, **self.parameters) | settings)
        with told, patch.object(wiring, "client", self._client):
            yield

    def _client(self, service: str, region: str | None = None, role: str = "", *, attempts: int = 0) -> Any:
        """One client of a service for all functions: to make it takes long. Its calls are noted for who makes them;
        what that one does as somebody else is not asked of its own role."""
        key = (service, region or "", role, str(attempts))
        if key not in self._clients:
            of: Any = assumed(self._client("sts"), role, "test") if role else session()
            made = of.client(service, region)
            if not role:
                made.meta.events.register("provide-client-params", self._note)
                made.meta.events.register_first("before-send.s3.CopyObject", self._note_copy)
            made.meta.events.register("before-call", self._answer_in_motos_place)
            made.meta.events.register("provide-client-params.ec2.CreateImage", _tag_the_image_alone)
            made.meta.events.register("after-call.ec2.CopyImage", partial(self._tag_the_copy, region))
            self._clients[key] = made
        return self._clients[key]

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if model.name == self._failing:
            raise EndpointConnectionError(endpoint_url="https://example.com")
        self.needed[self._caller] |= needs(model.name, params)
        if model.name == "CopyImage":
            self._copied = params["TagSpecifications"]
        for attribute in (*params.get("Item", {}), *params.get("ExpressionAttributeNames", {}).values()):
            self.written[self._caller, params["TableName"]].add(attribute)

    def _answer_in_motos_place(self, model: Any, params: Mapping[str, Any], **_: object) -> Any:
        """Of calls that it does not know: nothing is locked, and jobs of S3 Batch Operations find nothing to do."""
        told: Any
        match model.name:
            case "DescribeLockedSnapshots":
                told = {"Snapshots": []}
            case "CreateJob":
                self._jobs += re.findall("<Description>(.*?)</Description>", params["body"].decode())
                told = {"JobId": "job-1"}
            case "ListJobs":
                told = {"Jobs": [{"JobId": "job-1", "Status": "Failed", "Description": one} for one in self._jobs]}
            case "DescribeJob":
                told = {"Job": {"FailureReasons": [{"FailureReason": "No keys matching the filter"}]}}
            case _:
                return None
        return AWSResponse(params["url"], 200, HTTPHeaders(), None), told

    def _tag_the_copy(self, region: str | None, parsed: Mapping[str, Any], **_: object) -> None:
        """As EC2 does, and moto does not."""
        ec2: Any = boto3.client("ec2", region)
        [of_image, _of_snapshots] = self._copied
        ec2.create_tags(Resources=[parsed["ImageId"]], Tags=of_image["Tags"])

    def _note_copy(self, request: AWSPreparedRequest, **_: object) -> None:
        """Copies in bulk are no calls of the client, and show only when they are sent."""
        host, path = urlsplit(request.url)[1:3]
        if host.startswith("s3."):  # the client's own have the bucket in front
            source, _query, version_id = unquote(request.headers["x-amz-copy-source"]).partition("?versionId=")
            copied = dict(zip(("Bucket", "Key"), source.split("/", 1), strict=True))
            bucket, key = unquote(path).removeprefix("/").split("/", 1)
            versioned = {"VersionId": version_id} if version_id else {}
            told = {"TaggingDirective": request.headers.get("x-amz-tagging-directive")}
            source_and_copy = {"Bucket": bucket, "Key": key, "CopySource": copied | versioned}
            self.needed[self._caller] |= needs("CopyObject", told | source_and_copy)


def _tag_the_image_alone(params: Mapping[str, Any], **_: object) -> Any:
    """Moto tags no snapshots of images."""
    of_image = [one for one in params["TagSpecifications"] if one["ResourceType"] == "image"]
    return {**params, "TagSpecifications": of_image}


@contextmanager
def account(**parameters: str) -> Iterator[Account]:
    """With the buckets and tables that the parameters say are there already."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    told = {
        "AWS_DEFAULT_REGION": REGION,
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    }  # hundreds of images, all looked through
    images.mend()
    with patch.dict(os.environ, shell | told, clear=True), mock_aws():
        tables = of_type("AWS::DynamoDB::Table", **parameters)
        protected = settings.names(parameters.get("ProtectedTables", ""))
        for name, table in (tables | dict.fromkeys(protected, tables["TablesSampleTable"])).items():
            ignored = {"PointInTimeRecoverySpecification", "TimeToLiveSpecification", "SSESpecification"}
            stated: Any = {key: value for key, value in table.items() if key not in ignored}
            if stream := stated.get("StreamSpecification"):
                stated["StreamSpecification"] = stream | {"StreamEnabled": True}
            boto3.client("dynamodb").create_table(TableName=name, **stated)
        there: dict[str, Mapping[str, Any]] = {
            name: {} for name in settings.names(parameters.get("ProtectedBuckets", ""))
        }
        for name, bucket in (there | of_type("AWS::S3::Bucket", **parameters)).items():
            place: Any = {"LocationConstraint": REGION}
            called = bucket.get("BucketName", name.lower())
            boto3.client("s3").create_bucket(Bucket=called, CreateBucketConfiguration=place)
            keep_versions(called, bucket)
        total: Any = of_type("AWS::CloudWatch::Alarm", **parameters)["CapacityTotalAlarm"]
        boto3.client("cloudwatch").put_metric_alarm(**total)
        yield Account(parameters)


NEEDS = {
    "PutObject": {"{bucket}/{Key}": "s3:PutObject"},
    "PutObjectTagging": {"{bucket}/{Key}": "s3:PutObjectTagging"},
    "CompleteMultipartUpload": {"{bucket}/{Key}": "s3:PutObject"},
    "AbortMultipartUpload": {"{bucket}/{Key}": "s3:AbortMultipartUpload"},
    "ListParts": {"{bucket}/{Key}": "s3:ListMultipartUploadParts"},
    "ListObjectsV2": {"{bucket}": "s3:ListBucket"},
    "ListObjectVersions": {"{bucket}": "s3:ListBucketVersions"},
    "ListMultipartUploads": {"{bucket}": "s3:ListBucketMultipartUploads"},
    "GetBucketVersioning": {"{bucket}": "s3:GetBucketVersioning"},
    "GetItem": {"{table}": "dynamodb:GetItem"},
    "PutItem": {"{table}": "dynamodb:PutItem"},
    "UpdateItem": {"{table}": "dynamodb:UpdateItem"},
    "DeleteItem": {"{table}": "dynamodb:DeleteItem"},
    "Scan": {"{table}": "dynamodb:Scan"},
    "CreateTable": {"{table}": "dynamodb:CreateTable dynamodb:TagResource"},
    "DescribeTable": {"{table}": "dynamodb:DescribeTable"},
    "DescribeTimeToLive": {"{table}": "dynamodb:DescribeTimeToLive"},
    "UpdateTimeToLive": {"{table}": "dynamodb:UpdateTimeToLive"},
    "ListTagsOfResource": {"{ResourceArn}": "dynamodb:ListTagsOfResource"},
    "DescribeStream": {"{StreamArn}": "dynamodb:DescribeStream"},
    "GetShardIterator": {"{StreamArn}": "dynamodb:GetShardIterator"},
    "GetRecords": {"{stream}": "dynamodb:GetRecords"},
    "DescribeAlarms": {f"{ALARMS}*": "cloudwatch:DescribeAlarms"},
    "GetSecretValue": {"{SecretId}": "secretsmanager:GetSecretValue"},
    "Publish": {"{TopicArn}": "sns:Publish"},
    "GetTopicAttributes": {"{TopicArn}": "sns:GetTopicAttributes"},
    "AssumeRole": {"{RoleArn}": "sts:AssumeRole"},
    "DescribeKey": {"{KeyId}": "kms:DescribeKey"},
    "GetMetricData": {"*": "cloudwatch:GetMetricData"},
    "GetCostAndUsage": {"*": "ce:GetCostAndUsage"},
    "ListBuckets": {"*": "s3:ListAllMyBuckets"},
    "HeadBucket": {"{bucket}": "s3:ListBucket"},
    "CreateBucket": {"{bucket}": "s3:CreateBucket s3:PutBucketObjectLockConfiguration s3:PutBucketVersioning"},
    "GetBucketTagging": {"{bucket}": "s3:GetBucketTagging"},
    "PutBucketTagging": {"{bucket}": "s3:PutBucketTagging"},
    "PutBucketVersioning": {"{bucket}": "s3:PutBucketVersioning"},
    "GetBucketEncryption": {"{bucket}": "s3:GetEncryptionConfiguration"},
    "PutBucketEncryption": {"{bucket}": "s3:PutEncryptionConfiguration"},
    "PutPublicAccessBlock": {"{bucket}": "s3:PutBucketPublicAccessBlock"},
    "GetBucketReplication": {"{bucket}": "s3:GetReplicationConfiguration"},
    "PutBucketReplication": {"{bucket}": "s3:PutReplicationConfiguration", "{role}": "iam:PassRole"},
    "ListJobs": {"*": "s3:ListJobs"},
    "CreateJob": {"*": "s3:CreateJob", "{RoleArn}": "iam:PassRole"},
    "DescribeJob": {JOBS + "{JobId}": "s3:DescribeJob"},
    "DescribeInstances": {"*": "ec2:DescribeInstances"},
    "DescribeInstanceStatus": {"*": "ec2:DescribeInstanceStatus"},
    "DescribeInstanceAttribute": {EC2 + "instance/{InstanceId}": "ec2:DescribeInstanceAttribute"},
    "DescribeVolumes": {"*": "ec2:DescribeVolumes"},
    "DescribeImages": {"*": "ec2:DescribeImages"},
    "DescribeSnapshots": {"*": "ec2:DescribeSnapshots"},
    "DescribeLockedSnapshots": {"*": "ec2:DescribeLockedSnapshots"},
    "CreateSnapshots": {
        f"{EC2}instance/i-1": "ec2:CreateSnapshots",
        f"{EC2}volume/vol-1": "ec2:CreateSnapshots",
        f"{PUBLIC}snapshot/snap-1": "ec2:CreateSnapshots ec2:CreateTags",
    },
    "CreateImage": {
        EC2 + "instance/{InstanceId}": "ec2:CreateImage",
        f"{PUBLIC}image/ami-1": "ec2:CreateImage ec2:CreateTags",
        f"{PUBLIC}snapshot/snap-1": "ec2:CreateImage ec2:CreateTags",
    },
    "CopySnapshot": {PUBLIC + "snapshot/{SourceSnapshotId}": "ec2:CopySnapshot ec2:CreateTags"},
    "CopyImage": {
        PUBLIC + "image/{SourceImageId}": "ec2:CopyImage ec2:CreateTags",
        f"{PUBLIC}snapshot/snap-1": "ec2:CopyImage ec2:CreateTags",
    },
    "ModifySnapshotAttribute": {PUBLIC + "snapshot/{SnapshotId}": "ec2:ModifySnapshotAttribute"},
    "ModifyImageAttribute": {PUBLIC + "image/{ImageId}": "ec2:ModifyImageAttribute"},
    "DeregisterImage": {PUBLIC + "image/{ImageId}": "ec2:DeregisterImage"},
    "DeleteSnapshot": {PUBLIC + "snapshot/{SnapshotId}": "ec2:DeleteSnapshot"},
    "RegisterImage": {
        f"{PUBLIC}image/ami-1": "ec2:RegisterImage ec2:CreateTags",
        f"{PUBLIC}snapshot/snap-1": "ec2:RegisterImage",
    },
    "RunInstances": {
        f"{EC2}instance/i-1": "ec2:RunInstances ec2:CreateTags",
        f"{EC2}volume/vol-1": "ec2:RunInstances ec2:CreateTags",
        **{f"{EC2}{one}/1": "ec2:RunInstances" for one in NETWORK},
        **{f"{PUBLIC}{one}/1": "ec2:RunInstances" for one in ("image", "snapshot")},
    },
    "ModifyInstanceAttribute": {EC2 + "instance/{InstanceId}": "ec2:ModifyInstanceAttribute"},
    "TerminateInstances": {f"{EC2}instance/i-1": "ec2:TerminateInstances"},
    "DescribeDBInstances": {f"{RDS}db:*": "rds:DescribeDBInstances"},
    "DescribeDBClusters": {f"{RDS}cluster:*": "rds:DescribeDBClusters"},
    "DescribeDBSnapshots": {f"{RDS}{one}:*": "rds:DescribeDBSnapshots" for one in ("db", "snapshot")},
    "DescribeDBClusterSnapshots": {
        f"{RDS}{one}:*": "rds:DescribeDBClusterSnapshots" for one in ("cluster", "cluster-snapshot")
    },
    "CreateDBSnapshot": {
        RDS + "db:{DBInstanceIdentifier}": "rds:CreateDBSnapshot",
        RDS + "snapshot:{DBSnapshotIdentifier}": "rds:CreateDBSnapshot rds:AddTagsToResource",
    },
    "CreateDBClusterSnapshot": {
        RDS + "cluster:{DBClusterIdentifier}": "rds:CreateDBClusterSnapshot",
        RDS + "cluster-snapshot:{DBClusterSnapshotIdentifier}": "rds:CreateDBClusterSnapshot rds:AddTagsToResource",
    },
    "CopyDBSnapshot": {
        "{SourceDBSnapshotIdentifier}": "rds:CopyDBSnapshot",
        RDS + "snapshot:{TargetDBSnapshotIdentifier}": "rds:CopyDBSnapshot rds:AddTagsToResource",
    },
    "CopyDBClusterSnapshot": {
        "{SourceDBClusterSnapshotIdentifier}": "rds:CopyDBClusterSnapshot",
        RDS + "cluster-snapshot:{TargetDBClusterSnapshotIdentifier}": "rds:CopyDBClusterSnapshot rds:AddTagsToResource",
    },
    "ModifyDBSnapshotAttribute": {RDS + "snapshot:{DBSnapshotIdentifier}": "rds:ModifyDBSnapshotAttribute"},
    "ModifyDBClusterSnapshotAttribute": {
        RDS + "cluster-snapshot:{DBClusterSnapshotIdentifier}": "rds:ModifyDBClusterSnapshotAttribute"
    },
    "AddTagsToResource": {"{ResourceName}": "rds:AddTagsToResource"},
    "DeleteDBSnapshot": {RDS + "snapshot:{DBSnapshotIdentifier}": "rds:DeleteDBSnapshot"},
    "DeleteDBClusterSnapshot": {RDS + "cluster-snapshot:{DBClusterSnapshotIdentifier}": "rds:DeleteDBClusterSnapshot"},
    "RestoreDBInstanceFromDBSnapshot": {
        RDS + "db:{DBInstanceIdentifier}": "rds:RestoreDBInstanceFromDBSnapshot rds:AddTagsToResource",
        **{f"{RDS}{one}:1": "rds:RestoreDBInstanceFromDBSnapshot" for one in ("snapshot", "subgrp", "pg", "og")},
    },
    "RestoreDBClusterFromSnapshot": {
        RDS + "cluster:{DBClusterIdentifier}": "rds:RestoreDBClusterFromSnapshot rds:AddTagsToResource",
        **{
            f"{RDS}{one}:1": "rds:RestoreDBClusterFromSnapshot"
            for one in ("cluster-snapshot", "snapshot", "subgrp", "cluster-pg", "og")
        },
    },
    "CreateDBInstance": {
        RDS + "db:{DBInstanceIdentifier}": "rds:CreateDBInstance rds:AddTagsToResource",
        RDS + "cluster:{DBClusterIdentifier}": "rds:CreateDBInstance",
        **{f"{RDS}{one}:1": "rds:CreateDBInstance" for one in ("subgrp", "pg", "og")},
    },
    "ModifyDBInstance": {RDS + "db:{DBInstanceIdentifier}": "rds:ModifyDBInstance"},
    "ModifyDBCluster": {RDS + "cluster:{DBClusterIdentifier}": "rds:ModifyDBCluster"},
    "DeleteDBInstance": {RDS + "db:{DBInstanceIdentifier}": "rds:DeleteDBInstance"},
    "DeleteDBCluster": {RDS + "cluster:{DBClusterIdentifier}": "rds:DeleteDBCluster"},
    "Invoke": {FUNCTIONS + "{FunctionName}": "lambda:InvokeFunction"},
}
"""What IAM asks for a call, by AWS's Service Authorization Reference and the notes on each operation's own page.
Resources are filled in with the call's parameters."""


def _part(id_: str) -> str:
    """The ARN of an image or a snapshot."""
    return f"{PUBLIC}{'image' if id_.startswith('ami-') else 'snapshot'}/{id_}"


def needs(operation: str, params: Mapping[str, Any]) -> set[Grant]:  # noqa: C901 a case for each kind of call
    bucket = f"arn:aws:s3:::{params.get('Bucket')}"
    table = f"{TABLES}{params.get('TableName')}"
    key = f"{bucket}/{params.get('Key')}"
    match operation:
        case "HeadObject" | "GetObject":
            return _reads(params, "")
        case "GetObjectTagging":
            return _reads(params, "Tagging")
        case "CopyObject":  # takes the tags along, unless it is told not to
            parts = ("",) if params.get("TaggingDirective") == "REPLACE" else ("", "Tagging")
            return _writes(key, *parts) | _reads(params["CopySource"], *parts)
        case "UploadPartCopy":
            return _writes(key, "") | _reads(params["CopySource"], "")
        case "CreateMultipartUpload":
            return _writes(key, "", *(["Tagging"] if "Tagging" in params else []))
        case "DeleteObject":  # its condition on the eTag reads the object
            verb = "s3:DeleteObjectVersion" if "VersionId" in params else "s3:DeleteObject"
            return {Grant(key, verb)} | ({Grant(key, "s3:GetObject")} if "IfMatch" in params else set())
        case "CreateTags":
            return {Grant(_part(one), "ec2:CreateTags") for one in params["Resources"]}
        case "Query":
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            return {Grant(table + index, "dynamodb:Query")}
        case "BatchGetItem" | "BatchWriteItem":
            return {Grant(TABLES + name, f"dynamodb:{operation}") for name in params["RequestItems"]}
        case "TransactWriteItems":
            writes = [write for item in params["TransactItems"] for write in item.items()]
            return {Grant(TABLES + write["TableName"], f"dynamodb:{kind}Item") for kind, write in writes}
        case _:
            stream = params.get("ShardIterator", "").partition("|")[0]  # it begins with its stream's ARN
            role = params.get("ReplicationConfiguration", {}).get("Role")
            passed = {Grant(f"arn:aws:iam::{ACCOUNT}:role/{of}", "iam:PassRole") for of in _passed(params)}
            values = {**params, "bucket": bucket, "table": table, "stream": stream, "role": role}
            return passed | {
                Grant(resource.format_map(values), action)
                for resource, actions in NEEDS[operation].items()
                for action in actions.split()
            }


def _passed(params: Mapping[str, Any]) -> list[str]:
    """The roles that what is made gets."""
    given = {"IamInstanceProfile": "of-an-instance", "MonitoringRoleArn": "of-monitoring"}
    return [role for name, role in given.items() if name in params]


def _writes(key: str, *parts: str) -> set[Grant]:
    return {Grant(key, f"s3:PutObject{part}") for part in parts}


def _reads(source: Mapping[str, Any], *parts: str) -> set[Grant]:
    """What it takes to read these parts of an object. Without s3:ListBucket a key that is not there is 403, not 404."""
    bucket = f"arn:aws:s3:::{source['Bucket']}"
    verb = "s3:GetObjectVersion" if "VersionId" in source else "s3:GetObject"
    return {Grant(bucket, "s3:ListBucket")} | {Grant(f"{bucket}/{source['Key']}", verb + part) for part in parts}
