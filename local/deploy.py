"""The real `sam deploy`, of the source template to a local engine.

No `sam build`: the engine runs the functions with this interpreter, which has their packages, so function and layer
folders go up as they are.
"""

import contextlib
import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from local.engine import REGION, Engine
from local.template import Resource

_ARTIFACTS = "holdfast-artifacts"
_YEAR_2100 = 4102444800

_ON_NOTHING = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListTagsOfResource",
}
"""Of these calls the engine does not see what they are on, and allows them only to who may do so on everything."""


class DeployFailed(RuntimeError):
    """`sam deploy` has failed, for these reasons."""

    def __init__(self, reasons: Iterable[str], log: Path) -> None:
        super().__init__("\n".join(["the deploy to the local engine failed:", *reasons, f"All that sam said: {log}"]))


def deploy(engine: Engine, template: Path, stack: str, parameters: Mapping[str, str]) -> None:
    """Create or update the stack. Raises DeployFailed with what went wrong in which resource."""
    s3 = engine.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=_ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    log = engine.folder / "deploy.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [
                Path(sys.executable).parent / "sam",
                "deploy",
                *("--template-file", template),
                *("--config-file", engine.folder / "samconfig.toml"),  # an empty one: the project's may name a profile
                *("--stack-name", stack),
                *("--s3-bucket", _ARTIFACTS),
                *("--capabilities", "CAPABILITY_IAM"),
                *("--parameter-overrides", *(f"{name}={_quoted(value)}" for name, value in parameters.items())),
                "--no-confirm-changeset",
                "--no-fail-on-empty-changeset",
                "--no-progressbar",
            ],
            cwd=template.parent,
            env=sam_environment(engine),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        engine.check()
        raise DeployFailed(_failures(engine, stack) or _errors(log), log)


def outputs(engine: Engine, stack: str) -> dict[str, str]:
    """The stack's outputs. None while there is no stack yet."""
    cloudformation = engine.client("cloudformation")
    try:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def physical_names(engine: Engine, stack: str) -> dict[str, str]:
    """What each logical name of the template has become."""
    described = engine.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}


def supplement(engine: Engine, stack: str, resources: Iterable[Resource]) -> None:
    """Set through the API what the engine's CloudFormation drops and a test or the demo needs."""
    names, dynamodb = physical_names(engine, stack), engine.client("dynamodb")
    for resource in resources:
        if specification := resource.properties.get("TimeToLiveSpecification"):
            dynamodb.update_time_to_live(TableName=names[resource.name], TimeToLiveSpecification=specification)
        if resource.type == "AWS::StepFunctions::StateMachine":
            _define_in_json(engine, names[resource.name])
        if resource.type == "AWS::IAM::Role":
            _allow_on_everything(engine, names[resource.name], resource.properties)


def _define_in_json(engine: Engine, state_machine: str) -> None:
    """The engine keeps a definition as it was written, and runs it only if that is JSON."""
    states = engine.client("stepfunctions")
    written = states.describe_state_machine(stateMachineArn=state_machine)["definition"]
    states.update_state_machine(stateMachineArn=state_machine, definition=json.dumps(yaml_parse(written)))


def _allow_on_everything(engine: Engine, role: str, stated: Mapping[str, Any]) -> None:
    """Whatever of these actions a role allows on something. What it allows in AWS, the template's own tests read."""
    allowed = {
        action
        for policy in stated.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    if actions := sorted(allowed & _ON_NOTHING):
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        engine.client("iam").put_role_policy(
            RoleName=role,
            PolicyName="on-everything",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )


def sam_environment(engine: Engine) -> dict[str, str]:
    """Environment for a `sam` that talks to the engine and nowhere else, and writes only into the engine's folder."""
    home = engine.folder / "sam"
    home.mkdir(exist_ok=True)
    # A check that is not due: or sam asks the package index whether there is a newer version of itself.
    (home / "metadata.json").write_text(json.dumps({"lastVersionCheck": _YEAR_2100}))
    return {
        **engine.environment(),
        "__SAM_CLI_APP_DIR": str(home),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.2",
    }


def _quoted(value: str) -> str:
    """As sam wants it: without quotes it would end at the first space."""
    return '"' + value.replace('"', '\\"') + '"'


def _failures(engine: Engine, stack: str) -> list[str]:
    cloudformation = engine.client("cloudformation")
    try:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    except cloudformation.exceptions.ClientError:
        return []  # it came to no stack: the template was refused
    latest = list(itertools.takewhile(lambda event: not _begins(event), events))
    return [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"
        for event in reversed(latest)
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
    ]


def _begins(event: Mapping[str, Any]) -> bool:
    return event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"] in {
        "CREATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
    }


def _errors(log: Path) -> list[str]:
    lines = [f"  {line.strip()}" for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return [line for line in lines if line.startswith("  Error")] or lines[-10:]
