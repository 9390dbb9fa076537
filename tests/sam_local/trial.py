"""One event, tried by the real `sam local invoke`."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.container import Application
from local.invoke import Invocation, variables


@dataclass(frozen=True, slots=True)
class Tried:
    """What sam printed: the function's answer, and what the function logged."""

    answer: Any
    logged: tuple[Mapping[str, Any], ...]


def invoke(application: Application, invocation: Invocation, settings: Mapping[str, str]) -> Tried:
    """Try it with the environment that `make invoke` gives, and with these settings. sam's status would say nothing."""
    environment = variables(application.engine, invocation) | dict(settings)
    sam = subprocess.run(
        application.sam_local(
            ["invoke", invocation.logical_id, "--event", invocation.event], {invocation.logical_id: environment}
        ),
        env=application.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    print(sam.stdout[:2000], sam.stderr)
    lines = [json.loads(line) for line in sam.stderr.splitlines() if line.startswith("{")]
    return Tried(json.loads(sam.stdout), tuple(line for line in lines if {"service", "message"} <= line.keys()))
