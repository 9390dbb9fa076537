"""How long a cold start takes before a function does its work: its imports, its settings and its clients."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from tempfile import TemporaryDirectory

from bench import stack
from bench.handlers import takes_log
from bench.report import Report
from local.cloud import ROOT

ROUNDS = 9
PLAIN = "plain boto3 with an S3 and a DynamoDB client"
MOST = dict.fromkeys(stack.FUNCTIONS, 1.2) | {"capacity_plot": 2.6}
"""How many times the plain start each may take."""

_NO_OPENSSL = "import sys; sys.modules['OpenSSL'] = None"
"""Lambda has no pyOpenSSL. Where it is, botocore loads it, and takes a third longer."""

_TIMED = "from time import process_time; began = process_time(); {}; print(process_time() - began)"
_PLAIN = "import boto3; boto3.client('s3'); boto3.client('dynamodb')"
_HANDLER = "import app; from holdfast import wiring; wiring.{}({})"

_NOWHERE = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def report(system: str, rounds: int = ROUNDS) -> Report:
    """Start each function of a system in turn, in processes of their own, and compare it with a plain start of the same
    round.

    It is processor time that is measured: other work on the machine hardly shows in it.
    """
    functions = [name for name in stack.FUNCTIONS if name.startswith(f"{system}_")]
    started = [dict(_starts(functions)) for _ in range(rounds + 1)][1:]  # the first one may have had to compile
    return Report(
        "Cold starts: processor time of imports and clients",
        ["", "ms", "of plain boto3", "at most"],
        [
            [
                name,
                1000 * median(times[name] for times in started),
                median(times[name] / times[PLAIN] for times in started),
                MOST.get(name),
            ]
            for name in started[0]
        ],
        [f"Medians of {rounds} rounds, each with every start once."],
    )


def _starts(functions: Sequence[str]) -> Iterator[tuple[str, float]]:
    yield PLAIN, _start(_PLAIN, {})
    for function in functions:
        place = {"PYTHONPATH": str(ROOT / "functions" / function)}
        log = "app.logger.info" if takes_log(function) else ""
        yield function, _start(_HANDLER.format(function, log), {**stack.environment(function), **place})


def _start(code: str, environment: Mapping[str, str]) -> float:
    """Seconds of processor time, with nothing cached but bytecode."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    with TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, "-c", f"{_NO_OPENSSL}; {_TIMED.format(code)}"],
            env={**shell, **_NOWHERE, **environment, "HOME": empty, "MPLCONFIGDIR": empty},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return float(done.stdout)
