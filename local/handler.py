"""Runs one handler in this process: `python handler.py functions/<name> <event file>`.

As with `sam local invoke`, its answer goes to stdout, and all that it prints on the way to stderr.
"""

import contextlib
import json
import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler of the call."""

    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    invoked_function_arn: str = field(default_factory=lambda: os.environ["_LAMBDA_FUNCTION_ARN"])
    memory_limit_in_mb: int = field(default_factory=lambda: int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]))
    deadline: float = field(default_factory=lambda: time.monotonic() + float(os.environ["_LAMBDA_TIMEOUT"]))
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self.deadline - time.monotonic()) * 1000))


def main(function: Path, event: Path) -> None:
    sys.path[0] = str(function)
    with contextlib.redirect_stdout(sys.stderr):
        import app  # type: ignore[import-not-found]  # noqa: PLC0415 the function's own module

        answer = app.lambda_handler(json.loads(event.read_text()), Context())
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
