"""Plays a state machine on an interpreter in memory, beside stand-ins for what it calls."""

import importlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3
import yaml
from moto import mock_aws

from local.engine import ACCOUNT, REGION
from tests.template.machine import Machine

PATIENCE_SECONDS = 30

_STATE = "moto.stepfunctions.parser.asl.component.state.exec.state_task"
_CALLERS = [
    f"{_STATE}.lambda_eval_utils",
    *(f"{_STATE}.service.state_task_service_{kind}" for kind in ("aws_sdk", "ecs", "unsupported")),
]
"""The interpreter's modules that make clients."""

type Clients = Callable[[str], Any]
"""The stand-in for the client of a service."""


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and through which states it came."""

    status: str
    error: str | None
    cause: str | None
    output: Any
    states: list[str]


def definition(machine: Machine, **filled: str) -> dict[str, Any]:
    """With its functions called by their logical IDs, and without the long waits."""
    text = machine.text
    values = {name: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name.removesuffix('Arn')}" for name in machine.holes}
    for name, value in (values | filled).items():
        text = text.replace(f"${{{name}}}", value)
    text = re.sub(r"\b(IntervalSeconds|MaxDelaySeconds): \d+", r"\1: 1", text)
    text = text.replace("athena:startQueryExecution.sync", "athena:startQueryExecution")  # it can only start queries
    text = re.sub(r"(ToleratedFailurePercentage): (\d+)\b", r"\1: \2.0", text)  # it reads no whole number there
    text = re.sub(r"^( +Seconds): \d+", r"\1: 0", text, flags=re.MULTILINE)
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@contextmanager
def interpreter() -> Iterator[Any]:
    """A client of the interpreter."""
    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with mock_aws(config=config):
        yield boto3.client("stepfunctions", region_name=REGION)


def play(states: Any, stated: Mapping[str, Any], given: Any, clients: Clients) -> Ended:
    """Run it to its end with this input."""
    role = f"arn:aws:iam::{ACCOUNT}:role/any"
    name = f"played-{len(states.list_state_machines()['stateMachines'])}"
    made = states.create_state_machine(name=name, definition=json.dumps(stated), roleArn=role)
    with ExitStack() as patched:
        for caller in _CALLERS:
            module = importlib.import_module(caller)
            patched.enter_context(patch.object(module, "boto_client_for", lambda *, service, **_: clients(service)))
        execution = states.start_execution(
            stateMachineArn=made["stateMachineArn"], name="once", input=json.dumps(given)
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (told := states.describe_execution(executionArn=execution["executionArn"]))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.02)
    events = states.get_execution_history(executionArn=execution["executionArn"])["events"]
    return Ended(
        told["status"],
        told.get("error"),
        told.get("cause"),
        _read(told.get("output", "null")),
        [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event],
    )


def answered(body: Any) -> dict[str, Any]:
    """As Lambda passes on what a function answers."""
    return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(body).encode())}


def raised(error: str, message: str = "as the test asks") -> dict[str, Any]:
    """As Lambda passes on that a function raised."""
    body = {"errorType": error, "errorMessage": message}
    return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}


def _read(output: str) -> Any:
    """The interpreter tells a text as it is, and everything else as JSON."""
    try:
        return json.loads(output)
    except ValueError:
        return output
