"""AWS in memory, with what template.yaml stores in it: so that no test can drift from the deployment."""

import json
import os
from ast import literal_eval
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from local.machines import images
from local.template import read

REGION = "us-east-1"
STACK = "holdfast"
SAMPLE_BUCKET = "holdfast-sample"
"""The watched bucket of the sample events. Like a user's own, it is there before the stack."""


@contextmanager
def account() -> Iterator[None]:
    """An empty account. Nothing that a developer's shell says of AWS reaches it. Its functions do nothing."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = patch.dict(os.environ, {**shell, "AWS_DEFAULT_REGION": REGION}, clear=True)
    parsing = patch("moto.cloudformation.models.Stack._parse_template", _parse_json)
    images.mend()
    with environment, parsing, mock_aws(config={"lambda": {"use_docker": False}}):
        session()
        yield


def _parse_json(stack: Any) -> None:
    """Moto reads JSON as the YAML that it also is: half of the time that a deploy takes."""
    stack.template_dict = json.loads(stack.template)


def session() -> boto3.Session:
    """A new default session. The clients that are made from now on have its hooks, which mend where moto differs."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION.events.register_first("before-send.s3.CopyObject", _copy_as_if_uploaded)
    boto3.DEFAULT_SESSION.events.register("after-call.s3.DeleteObject", _say_that_it_is_locked)
    boto3.DEFAULT_SESSION.events.register("after-call.cloudformation.DescribeStacks", _lists_as_given)
    boto3.DEFAULT_SESSION.events.register("before-call.dynamodb-streams.GetShardIterator", _refuse_what_is_trimmed)
    return boto3.DEFAULT_SESSION


def _copy_as_if_uploaded(request: AWSPreparedRequest, **_: object) -> None:
    """Into a bucket that locks, moto takes no copy without the header that S3 asks of an upload."""
    request.headers["x-amz-sdk-checksum-algorithm"] = "CRC64NVME"


def _say_that_it_is_locked(parsed: Mapping[str, Any], **_: object) -> None:
    """What S3 says; moto says "Access Denied", and only of what is locked."""
    if parsed.get("Error", {}).get("Code") == "AccessDenied":
        parsed["Error"]["Message"] = "Access Denied because object protected by object lock."


def _lists_as_given(parsed: Mapping[str, Any], **_: object) -> None:
    """A stack's parameter that is a list is told with commas; by moto, as Python has it."""
    for parameter in (one for stack in parsed.get("Stacks", []) for one in stack.get("Parameters", [])):
        if parameter["ParameterValue"].startswith("["):
            parameter["ParameterValue"] = ",".join(literal_eval(parameter["ParameterValue"]))


FIRST_SEQUENCE_NUMBER = 1100000000017454423009
"""Of the one shard that each of moto's streams has."""


def _refuse_what_is_trimmed(params: Mapping[str, Any], **_: object) -> Any:
    """As DynamoDB does; moto fails an assertion. None lets moto answer."""
    asked = json.loads(params["body"])
    if asked["ShardId"] != "shardId-00000001541626099285-f35f62ef":
        code, message = "ResourceNotFoundException", "Requested resource not found: Shard does not exist"
    elif int(asked.get("SequenceNumber", FIRST_SEQUENCE_NUMBER)) < FIRST_SEQUENCE_NUMBER:
        code, message = "TrimmedDataAccessException", "The operation attempted to read past the oldest stream record"
    else:
        return None
    refused = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return AWSResponse(params["url"], 400, HTTPHeaders(), None), refused


@dataclass(frozen=True, slots=True)
class Stack:
    """What a deploy made: tables by their logical id, and the environment of each function by its folder's name."""

    tables: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]]


@cache
def template() -> dict[str, Any]:
    return read(Path("template.yaml").read_text())


type Asked = Mapping[str, tuple[str | None, Mapping[str, Any]]]
"""Groups of named values that refer to resources of the template. A group is answered if its condition holds."""


def deploy(**parameters: str) -> Stack:
    """Make the template's tables and buckets and the alarm on the bucket's total, with these parameters.

    Buckets send no events. A system that is left out makes nothing.
    """
    source = template()
    stored = {
        name: _without_events(resource)
        for name, resource in source["Resources"].items()
        if resource["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    }
    alarm = source["Resources"]["CapacityTotalAlarm"]
    single = {name: value for name, value in alarm["Properties"].items() if not isinstance(value, list)}
    environments = dict(_environments(source))
    filled = _create(source, stored, environments | {"alarm": (alarm["Condition"], single)}, parameters)
    if "alarm" in filled:
        numbers = {"Period": int, "EvaluationPeriods": int, "Threshold": float}
        put_alarm: Any = boto3.client("cloudwatch").put_metric_alarm
        put_alarm(**{name: numbers.get(name, str)(value) for name, value in filled["alarm"].items()})
    return Stack(
        tables=_made("AWS::DynamoDB::Table"),
        environments={name: filled[name] for name in environments if name in filled},
    )


def keep_versions(bucket: str, properties: Mapping[str, Any]) -> None:
    """Versions, and how long they are locked: what moto does not take from the properties of a template's bucket."""
    client = boto3.client("s3")
    if versioning := properties.get("VersioningConfiguration"):
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    if lock := properties.get("ObjectLockConfiguration"):
        retention = lock["Rule"]["DefaultRetention"]
        rule: Any = {"DefaultRetention": retention | {"Days": int(retention["Days"])}}
        client.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )


def _without_events(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A bucket that needs none of the template's other resources. Tables need none."""
    properties = {name: of for name, of in resource["Properties"].items() if name != "NotificationConfiguration"}
    return {name: of for name, of in resource.items() if name != "DependsOn"} | {"Properties": properties}


def _environments(source: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | None, Mapping[str, Any]]]]:
    """The variables of each function, by its folder's name."""
    for_all = source["Globals"]["Function"]["Environment"]["Variables"]
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            variables = for_all | resource["Properties"]["Environment"]["Variables"]
            yield Path(resource["Properties"]["CodeUri"]).name, (resource.get("Condition"), variables)


def _create(
    source: Mapping[str, Any], stored: Mapping[str, Any], asked: Asked, parameters: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Let CloudFormation make what is stored, and fill in what is asked, as outputs of the stack."""
    buckets: Asked = {
        name: (of.get("Condition"), {"properties": {"Fn::ToJsonString": of["Properties"]}})
        for name, of in stored.items()
        if of["Type"] == "AWS::S3::Bucket"
    }
    names_only = {name: name for name in source["Resources"].keys() - stored}
    asked, stored = _by_name(asked, names_only), _by_name(stored, names_only)
    defaults = {name: str(of["Default"]) for name, of in source["Parameters"].items()}
    values = {**names_only, **defaults, **parameters}
    body = {
        "Parameters": {name: {"Type": "String"} for name in names_only} | dict(_parameters(source)),
        "Conditions": source["Conditions"],
        "Resources": stored,
        "Outputs": source["Outputs"] | dict(_outputs(asked)) | dict(_outputs(buckets)),
    }
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(body),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    filled: dict[str, dict[str, str]] = {}
    for output in client.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]:
        group, _, name = output["OutputKey"].partition(" ")
        filled.setdefault(group, {})[name] = output["OutputValue"]
    for name, bucket in _made("AWS::S3::Bucket").items():
        keep_versions(bucket, json.loads(filled[name]["properties"]))
    return filled


def _by_name(value: Any, names_only: Mapping[str, str]) -> Any:
    """What is not made has no attributes, only its name."""
    match value:
        case {"Fn::GetAtt": [str(name), _]} if name in names_only:
            return {"Ref": name}
        case dict():
            return {key: _by_name(part, names_only) for key, part in value.items()}
        case list() | tuple():
            return type(value)(_by_name(part, names_only) for part in value)
        case _:
            return value


def _parameters(source: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Numbers are text: to moto, no number equals the same digits as text, and conditions compare with text."""
    for name, of in source["Parameters"].items():
        yield name, {"Type": "CommaDelimitedList" if of["Type"] == "CommaDelimitedList" else "String"}


def _outputs(asked: Asked) -> Iterator[tuple[str, dict[str, Any]]]:
    for group, (condition, values) in asked.items():
        for name, value in values.items():
            output = {"Value": value if isinstance(value, dict) else str(value)}
            yield f"{group} {name}", output | ({"Condition": condition} if condition else {})


def _made(kind: str) -> dict[str, str]:
    """The names of the stack's resources of a type, by logical id."""
    made = boto3.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    return {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in made if it["ResourceType"] == kind}
