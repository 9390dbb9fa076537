"""The calls that a function makes to AWS, and what IAM asks for each of them."""

import importlib.util
import os
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
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from holdfast import settings, wiring
from local.engine import ACCOUNT, REGION
from tests.aws import keep_versions, session
from tests.template.role import Grant
from tests.template.stack import ROOT, environment, of_type

ALARMS = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
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
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
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
        self._failing = failing
        told = patch.dict(os.environ, environment(name, **self.parameters) | settings)
        with told, patch.object(wiring, "client", partial(self._client, name)):
            yield

    def _client(self, name: str, service: str) -> Any:
        """A function's own client of a service, whose calls are noted."""
        if (name, service) not in self._clients:
            made: Any = session().client(service)  # type: ignore[call-overload]
            made.meta.events.register("provide-client-params", partial(self._note, name))
            made.meta.events.register_first("before-send.s3.CopyObject", partial(self._note_copy, name))
            self._clients[name, service] = made
        return self._clients[name, service]

    def _note(self, name: str, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if model.name == self._failing:
            raise EndpointConnectionError(endpoint_url="https://example.com")
        self.needed[name] |= needs(model.name, params)
        for attribute in (*params.get("Item", {}), *params.get("ExpressionAttributeNames", {}).values()):
            self.written[name, params["TableName"]].add(attribute)

    def _note_copy(self, name: str, request: AWSPreparedRequest, **_: object) -> None:
        """Copies in bulk are no calls of the client, and show only when they are sent."""
        host, path = urlsplit(request.url)[1:3]
        if host.startswith("s3."):  # the client's own have the bucket in front
            source, _query, version_id = unquote(request.headers["x-amz-copy-source"]).partition("?versionId=")
            copied = dict(zip(("Bucket", "Key"), source.split("/", 1), strict=True))
            bucket, key = unquote(path).removeprefix("/").split("/", 1)
            versioned = {"VersionId": version_id} if version_id else {}
            told = {"TaggingDirective": request.headers.get("x-amz-tagging-directive")}
            source_and_copy = {"Bucket": bucket, "Key": key, "CopySource": copied | versioned}
            self.needed[name] |= needs("CopyObject", told | source_and_copy)


@contextmanager
def account(**parameters: str) -> Iterator[Account]:
    """With the buckets and tables that the parameters say are there already."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, {**shell, "AWS_DEFAULT_REGION": REGION}, clear=True), mock_aws():
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
    "Invoke": {FUNCTIONS + "{FunctionName}": "lambda:InvokeFunction"},
}
"""What IAM asks for a call, by AWS's Service Authorization Reference and the notes on each operation's own page.
Resources are filled in with the call's parameters."""


def needs(operation: str, params: Mapping[str, Any]) -> set[Grant]:
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
            values = {**params, "bucket": bucket, "table": table, "stream": stream}
            return {
                Grant(resource.format_map(values), action)
                for resource, actions in NEEDS[operation].items()
                for action in actions.split()
            }


def _writes(key: str, *parts: str) -> set[Grant]:
    return {Grant(key, f"s3:PutObject{part}") for part in parts}


def _reads(source: Mapping[str, Any], *parts: str) -> set[Grant]:
    """What it takes to read these parts of an object. Without s3:ListBucket a key that is not there is 403, not 404."""
    bucket = f"arn:aws:s3:::{source['Bucket']}"
    verb = "s3:GetObjectVersion" if "VersionId" in source else "s3:GetObject"
    return {Grant(bucket, "s3:ListBucket")} | {Grant(f"{bucket}/{source['Key']}", verb + part) for part in parts}
