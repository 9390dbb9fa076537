"""The template as it is written, and as CloudFormation gets it: SAM expanded, every reference a name or an ARN."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.engine import ACCOUNT, REGION
from local.template import Resource, parameter_values, read, resources

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
LAYER = ROOT / "layers" / "holdfast" / "holdfast"
FUNCTIONS = sorted(app.parent.name for app in (ROOT / "functions").glob("*/app.py"))

SOURCE: Mapping[str, Any] = read(TEMPLATE.read_text())

STACK = "holdfast"

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"

COPY_REGION = "eu-central-1"

EVERYTHING: Mapping[str, str] = {
    "AlertEmail": "ops@example.com",
    "ProtectedBuckets": "accounts,media",
    "BackupLockDays": "1",
    "BackupKmsKeyArn": f"{KEY}copies",
    "SourceKmsKeyArns": f"{KEY}accounts,{KEY}media",
    "SourceVersioning": "true",
    "ProtectedTables": "orders,users",
    "ArchiveLayout": "item",
    "PlainTextKeyAsFilename": "true",
    "MultiTenancyColumn": "tenant",
    "WarehouseTaskImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/holdfast:1",
    "WarehouseSlackSecretArn": f"{SECRET}slack",
    "FleetRegions": f"{REGION},us-east-1",
    "FleetImages": "true",
    "FleetCopyRegion": COPY_REGION,
    "FleetCopyKmsKeyArn": f"arn:aws:kms:{COPY_REGION}:{ACCOUNT}:key/copies",
    "FleetSwitchVersioningOn": "true",
    "FleetIntelligentTiering": "true",
    "FleetReplicaBucketArn": "arn:aws:s3:::records-elsewhere",
    "FleetAlertPhone": "+4915112345678",
    "FleetSlackSecretArn": f"{SECRET}slack",
    "FleetPagerDutySecretArn": f"{SECRET}pagerduty",
    "FleetRestoreRoleArns": f"arn:aws:iam::{ACCOUNT}:role/of-*",
    "FleetDrillSchedule": "rate(30 days)",
    "FleetDrillSubnetId": "subnet-0123abcd",
    "FleetDrillDbSubnetGroup": "isolated",
    "FleetCostExplorer": "true",
    "FleetDataEvents": "true",
}
"""Parameters with which all resources are there, and all statements."""

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/51af3dc0-0000-1111-2222-0123456789ab",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}

_ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:",
    "AWS::ECS::Cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/",
    "AWS::ECS::TaskDefinition": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:",
    "AWS::S3::Bucket": "arn:aws:s3:::",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:",
}

_NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::S3::Bucket": "BucketName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}

_REFERRED_BY_ARN = {"AWS::ECS::TaskDefinition", "AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}


@cache
def deployed(**parameters: str) -> Mapping[str, Resource]:
    """The resources that a deploy with these parameters makes. A resource without a name of its own has its logical
    ID for one."""
    made = {resource.name: resource for resource in resources(TEMPLATE, parameters)}
    names = _References(made, {**_PSEUDO, **parameter_values(SOURCE["Parameters"], parameters)})
    return {r.name: Resource(r.name, r.type, names.resolve(r.properties)) for r in made.values()}


def of_type(kind: str, **parameters: str) -> dict[str, Mapping[str, Any]]:
    """The properties of all deployed resources of a type, by logical ID."""
    return {r.name: r.properties for r in deployed(**parameters).values() if r.type == kind}


def logical_id(function: str) -> str:
    """The resource of a function's folder."""
    return "".join(map(str.capitalize, function.split("_"))) + "Function"


def function(folder: str, **parameters: str) -> Mapping[str, Any]:
    """The deployed properties of a function."""
    return deployed(**parameters)[logical_id(folder)].properties


def environment(folder: str, **parameters: str) -> dict[str, str]:
    """What a function is told by its environment."""
    return {name: str(value) for name, value in function(folder, **parameters)["Environment"]["Variables"].items()}


def sections() -> Iterator[tuple[str, str]]:
    """The resources with the banner that each stands under."""
    banner = ""
    for line in TEMPLATE.read_text().partition("\nResources:\n")[2].partition("\nOutputs:\n")[0].splitlines():
        if found := re.fullmatch(r"  # ([^=].*)", line):
            banner = found[1]
        elif found := re.fullmatch(r"  (\w+):", line):
            yield banner, found[1]


@dataclass(frozen=True, slots=True)
class _References:
    made: Mapping[str, Resource]
    values: Mapping[str, Any]

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self._ref(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": told}:
                return self._fill(*([told, {}] if isinstance(told, str) else self.resolve(told)))
            case {"Fn::Join": [str(between), parts]}:
                return between.join(map(str, self.resolve(parts)))
            case {"Fn::Split": [str(at), text]}:
                return self.resolve(text).split(at)
            case {"Fn::GetAZs": _}:
                return [f"{REGION}{zone}" for zone in "abc"]
            case {"Fn::Select": [number, parts]}:
                return self.resolve(parts)[int(number)]
            case dict():
                return {key: self.resolve(part) for key, part in value.items()}
            case list():
                return [self.resolve(part) for part in value]
            case _:
                return value

    def _ref(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        return self._arn(name) if self.made[name].type in _REFERRED_BY_ARN else self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        match attribute:
            case "Arn":
                return self._arn(name)
            case "StreamArn":
                return f"{self._arn(name)}/stream/2026-01-15T09:00:00.000"
            case _:
                return self._name(name)

    def _arn(self, name: str) -> str:
        return _ARNS[self.made[name].type] + self._name(name)

    def _name(self, name: str) -> str:
        resource = self.made[name]
        given = resource.properties.get(_NAMES.get(resource.type, ""))
        if given is not None:
            return str(self.resolve(given))
        return name.lower() if resource.type == "AWS::S3::Bucket" else name

    def _fill(self, text: str, more: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name, _, attribute = found[1].partition(".")
            if name in more:
                return str(more[name])
            return self._attribute(name, attribute) if attribute else str(self._ref(name))

        return re.sub(r"\$\{([^!}]+)}", value, text)
