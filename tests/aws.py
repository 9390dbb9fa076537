"""AWS in memory, with what template.yaml stores in it: so that no test can drift from the deployment."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

REGION = "us-east-1"
STACK = "holdfast"
SAMPLE_BUCKET = "holdfast-sample"
"""The watched bucket of the sample events. Like a user's own, it is there before the stack."""


@contextmanager
def account() -> Iterator[None]:
    """An empty account. Nothing that a developer's shell says of AWS reaches it. Its functions do nothing."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = patch.dict(os.environ, {**shell, "AWS_DEFAULT_REGION": REGION}, clear=True)
    with environment, mock_aws(config={"lambda": {"use_docker": False}}):
        yield


@dataclass(frozen=True, slots=True)
class Stack:
    """What a deploy made: tables by their logical id, and the environment of each function by its folder's name."""

    tables: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]]


@cache
def template() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse(Path("template.yaml").read_text())
    return parsed


def deploy(**parameters: str) -> Stack:
    """Make the template's tables and buckets and the alarm on the bucket's total, with these parameters."""
    source = template()
    functions = {
        Path(resource["Properties"]["CodeUri"]).name: resource["Properties"]["Environment"]["Variables"]
        for resource in source["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    alarm = source["Resources"]["CapacityTotalAlarm"]["Properties"]
    single = {name: value for name, value in alarm.items() if not isinstance(value, list)}
    asked = {**functions, "alarm": single, "all": source["Globals"]["Function"]["Environment"]["Variables"]}
    filled = _create(source, asked, parameters)
    numbers = {"Period": int, "EvaluationPeriods": int, "Threshold": float}
    put_alarm: Any = boto3.client("cloudwatch").put_metric_alarm
    put_alarm(**{name: numbers.get(name, str)(value) for name, value in filled["alarm"].items()})
    resources = boto3.client("cloudformation").list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    tables = (resource for resource in resources if resource["ResourceType"] == "AWS::DynamoDB::Table")
    return Stack(
        tables={table["LogicalResourceId"]: table["PhysicalResourceId"] for table in tables},
        environments={name: filled["all"] | filled[name] for name in functions},
    )


def _create(
    source: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Let CloudFormation make what is stored, and fill in what is asked, as outputs of the stack."""
    stored = {
        logical_id: resource
        for logical_id, resource in source["Resources"].items()
        if resource["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
    }
    names_only = {
        logical_id: {"Type": "String", "Default": logical_id} for logical_id in source["Resources"].keys() - stored
    }
    outputs = {
        f"{group} {name}": {"Value": value if isinstance(value, dict) else str(value)}
        for group, some in asked.items()
        for name, value in some.items()
    }
    body = {
        "Parameters": source["Parameters"] | names_only,
        "Conditions": source["Conditions"],
        "Resources": stored,
        "Outputs": outputs,
    }
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(body),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    filled: dict[str, dict[str, str]] = {group: {} for group in asked}
    for output in client.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]:
        group, name = output["OutputKey"].split()
        filled[group][name] = output["OutputValue"]
    return filled
