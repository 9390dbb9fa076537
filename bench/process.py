"""Whole processes, and what they use."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Failed(RuntimeError):
    """A process that is measured has failed."""


@dataclass(frozen=True, slots=True)
class Spent:
    """By one process, from its start to its end: seconds, seconds of processor time; and when it began, in Unix
    seconds, what it said, and the most memory that it had, in bytes."""

    wall: float
    processor: float
    began: float
    output: str
    memory: int


def run(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path | None = None) -> Spent:
    """Run a program in a folder, and wait for its end. Raises Failed, with the end of what it said."""
    with tempfile.TemporaryFile() as output:
        at, began = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode:
        raise Failed(f"{command[0]} failed: {said[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Spent(wall, used.ru_utime + used.ru_stime, at, said, used.ru_maxrss * unit)
