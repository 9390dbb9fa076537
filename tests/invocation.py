"""A function as Lambda runs it: its folder's app.py, cold, in the environment that the template gives it."""

import json
import os
import runpy
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests import aws


def sample(case: str) -> dict[str, Any]:
    """The sample event `events/<case>.json`; a case is written `<function>/<case>`."""
    event: dict[str, Any] = json.loads(Path("events", f"{case}.json").read_text())
    return event


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler of the call."""

    function_name: str
    seconds_left: float
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    tenant_id: str | None = None

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{aws.REGION}:123456789012:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return "2026/01/15/[$LATEST]0123456789abcdef0123456789abcdef"

    def get_remaining_time_in_millis(self) -> int:
        return round(self.seconds_left * 1000)


@dataclass(frozen=True, slots=True)
class Invoked:
    """What a function answered, and the lines of its log."""

    answer: Any
    lines: tuple[Mapping[str, Any], ...]

    def said(self, message: str, *fields: str) -> list[tuple[Any, ...]]:
        """These fields of the lines with this message."""
        return [tuple(line.get(name) for name in fields) for line in self.lines if line.get("message") == message]


@dataclass(frozen=True, slots=True)
class Functions:
    """The functions of a deployed stack."""

    stack: aws.Stack

    def invoke(self, name: str, event: Mapping[str, Any], *, seconds_left: float = 300) -> Invoked:
        """Invoke one with an event, as JSON in both directions. A line of its log that is not JSON is an error."""
        with patch.dict(os.environ, self.stack.environments[name]), redirect_stdout(StringIO()) as log:
            app = runpy.run_path(f"functions/{name}/app.py")
            app["logger"].registered_handler.stream = log  # a logger outlives the module that asked for it
            context = Context(f"{aws.STACK}-{name}", seconds_left)
            answer = app["lambda_handler"](json.loads(json.dumps(event)), context)
        lines = tuple(json.loads(line) for line in log.getvalue().splitlines())
        return Invoked(json.loads(json.dumps(answer)), lines)

    def try_out(self, case: str) -> Invoked:
        """Invoke a function with one of its sample events, `<function>/<case>`."""
        return self.invoke(case.partition("/")[0], sample(case))
