"""A step of the workflow in a process of its own, for what no function can hold: the same code, more memory and disk.

HOLDFAST_REQUEST has what a function would be asked, and which step it is: `{"step": "plan", "run": ...}`.
Exit codes: 0 done, 1 failed, 2 not a request, 143 asked to stop. Whatever it left off can be done again.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType
from typing import Any

from aws_lambda_powertools import Logger

from holdfast import wiring

DONE, FAILED, NOT_A_REQUEST, STOPPED = 0, 1, 2, 128 + signal.SIGTERM

type Request = Mapping[str, Any]

logger = Logger()


class Stopped(Exception):
    """Somebody asked this process to stop."""


def stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


def always() -> bool:
    """Here no time runs out."""
    return True


STEPS = ("plan", "commit", "verify", "retire")


def do_step(request: Request) -> dict[str, Any]:
    match request["step"]:
        case "plan":
            return wiring.warehouse_plan(logger.info)(request)
        case "commit":
            return wiring.warehouse_commit(logger.info)(request)
        case "verify":
            return wiring.warehouse_verify(logger.info)(request, time_left=always)
        case _:
            return wiring.warehouse_retire(logger.info)(request, time_left=always)


def read_request(text: str) -> Request:
    """Raises ValueError."""
    request = json.loads(text)
    if not isinstance(request, dict) or request.get("step") not in STEPS:
        raise ValueError(f"a step is wanted, one of {', '.join(STEPS)}")
    return request


def do(request: Request, ended: "SimpleQueue[int]") -> None:
    """One step to its end."""
    told: dict[str, Any] = {name: request.get(name) for name in ("step", "run", "source")}
    logger.info("step begun", **told)
    try:
        answer = do_step(request)
    except Exception as error:
        logger.exception("step failed", error=type(error).__name__, **told)
        ended.put(FAILED)
    else:
        logger.info("step done", answer=answer, **told)
        ended.put(DONE)


def wait(ended: "SimpleQueue[int]") -> int:
    """Until the step has ended, or somebody asks to stop. A wait without an end would hear no signal."""
    while True:
        try:
            return ended.get(timeout=1)
        except Empty:
            continue


def main() -> int:
    """The step runs in a thread: a query that runs here would keep this one from hearing that it is to stop."""
    try:
        request = read_request(os.environ.get("HOLDFAST_REQUEST", ""))
    except ValueError as error:
        logger.warning("HOLDFAST_REQUEST is not a request", reason=str(error))
        return NOT_A_REQUEST
    scratch = tempfile.mkdtemp(prefix="task-", dir=os.environ.get("SCRATCH_FOLDER"))
    os.environ["SCRATCH_FOLDER"] = scratch
    ended: SimpleQueue[int] = SimpleQueue()
    try:
        signal.signal(signal.SIGTERM, stop)
        Thread(target=do, args=(request, ended), daemon=True).start()
        return wait(ended)
    except Stopped:
        logger.warning("stopped; the step can be done again", step=request["step"])
        return STOPPED
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # whatever the thread is in the middle of
