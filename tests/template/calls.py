"""The calls that a function makes to AWS, and what IAM asks for each of them."""

import importlib.util
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from holdfast import wiring
from local.engine import ACCOUNT, REGION
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
    """An account with the template's tables, buckets and alarms. Noted: what the calls of each function needed, and
    the lines that it logged."""

    needed: dict[str, set[Grant]] = field(default_factory=lambda: defaultdict(set))
    logged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def answer(self, name: str, event: Mapping[str, Any], **settings: str) -> Any:
        """Invoke a function as it is deployed, save for these settings."""
        spec = importlib.util.spec_from_file_location(f"app_{name}", ROOT / "functions" / name / "app.py")
        assert spec
        assert spec.loader
        app = importlib.util.module_from_spec(spec)
        with self.told(name, **settings), redirect_stdout(StringIO()) as log:
            spec.loader.exec_module(app)
            app.logger.registered_handler.setStream(log)
            answer = app.lambda_handler(event, CONTEXT)
        self.logged[name] += log.getvalue().splitlines()
        return answer

    @contextmanager
    def told(self, name: str, **settings: str) -> Iterator[None]:
        """With the environment of a function, and its own clients, whose calls are noted."""

        def note(params: Mapping[str, Any], model: Any, **_: object) -> None:
            self.needed[name] |= needs(model.name, params)

        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION
        boto3.DEFAULT_SESSION.events.register("provide-client-params", note)
        for made in (wiring.client, getattr(wiring, name)):
            made.cache_clear()
        with patch.dict(os.environ, environment(name) | settings):
            yield
        boto3.setup_default_session()


@contextmanager
def account() -> Iterator[Account]:
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, {**shell, "AWS_DEFAULT_REGION": REGION}, clear=True), mock_aws():
        for name, table in of_type("AWS::DynamoDB::Table").items():
            ignored = {"PointInTimeRecoverySpecification", "TimeToLiveSpecification", "SSESpecification"}
            stated: Any = {key: value for key, value in table.items() if key not in ignored}
            boto3.client("dynamodb").create_table(TableName=name, **stated)
        for name, bucket in of_type("AWS::S3::Bucket").items():
            place: Any = {"LocationConstraint": REGION}
            boto3.client("s3").create_bucket(
                Bucket=bucket.get("BucketName", name.lower()), CreateBucketConfiguration=place
            )
        total: Any = of_type("AWS::CloudWatch::Alarm")["CapacityTotalAlarm"]
        boto3.client("cloudwatch").put_metric_alarm(**total)
        yield Account()


NEEDS = {
    # without s3:ListBucket, a key that is not there is 403 and not 404
    "HeadObject": {"{bucket}/{Key}": "s3:GetObject", "{bucket}": "s3:ListBucket"},
    "GetObjectTagging": {"{bucket}/{Key}": "s3:GetObjectTagging", "{bucket}": "s3:ListBucket"},
    "PutObject": {"{bucket}/{Key}": "s3:PutObject"},
    "ListParts": {"{bucket}/{Key}": "s3:ListMultipartUploadParts"},
    "ListObjectsV2": {"{bucket}": "s3:ListBucket"},
    "ListObjectVersions": {"{bucket}": "s3:ListBucketVersions"},
    "ListMultipartUploads": {"{bucket}": "s3:ListBucketMultipartUploads"},
    "GetBucketVersioning": {"{bucket}": "s3:GetBucketVersioning"},
    "GetItem": {"{table}": "dynamodb:GetItem"},
    "PutItem": {"{table}": "dynamodb:PutItem"},
    "UpdateItem": {"{table}": "dynamodb:UpdateItem"},
    "DescribeAlarms": {f"{ALARMS}*": "cloudwatch:DescribeAlarms"},
    "Invoke": {FUNCTIONS + "{FunctionName}": "lambda:InvokeFunction"},
}
"""What IAM asks for a call, by AWS's Service Authorization Reference and the notes on each operation's own page.
Resources are filled in with the call's parameters."""


def needs(operation: str, params: Mapping[str, Any]) -> set[Grant]:
    bucket = f"arn:aws:s3:::{params.get('Bucket')}"
    table = f"{TABLES}{params.get('TableName')}"
    match operation:
        case "DeleteObject":  # its condition on the eTag reads the object
            key = f"{bucket}/{params['Key']}"
            verb = "s3:DeleteObjectVersion" if "VersionId" in params else "s3:DeleteObject"
            return {Grant(key, verb)} | ({Grant(key, "s3:GetObject")} if "IfMatch" in params else set())
        case "Query":
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            return {Grant(table + index, "dynamodb:Query")}
        case "BatchGetItem":
            return {Grant(TABLES + name, "dynamodb:BatchGetItem") for name in params["RequestItems"]}
        case "TransactWriteItems":
            writes = [write for item in params["TransactItems"] for write in item.items()]
            return {Grant(TABLES + write["TableName"], f"dynamodb:{kind}Item") for kind, write in writes}
        case _:
            values = {**params, "bucket": bucket, "table": table}
            return {Grant(resource.format_map(values), action) for resource, action in NEEDS[operation].items()}
