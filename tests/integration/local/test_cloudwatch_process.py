"""The stand-in as it is started: a process of its own beside the engine, in real time."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.engine import Engine
from tests.integration.local.account import Account

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "local.cloudwatch", "--poll-seconds", "0.2", "--endpoint"]


@pytest.fixture
def process(account: Account, engine: Engine, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([*COMMAND, engine.endpoint], cwd=ROOT, stderr=log) as child,
    ):
        yield child
        child.kill()


def wait_for(account: Account, state: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while account.state() != state:
        assert time.monotonic() < deadline, f"the alarm did not go to {state}"
        time.sleep(0.1)


def test_a_bucket_that_is_too_big_is_trimmed_and_rests(account: Account, process: subprocess.Popen[bytes]) -> None:
    account.log_group()
    account.metric_filter()
    account.alarm(AlarmActions=[account.function("trim")], OKActions=[account.function("rest")])
    account.write(time.time(), {"total_size": 46})
    wait_for(account, "ALARM", seconds=20)
    time.sleep(10)  # so that the good value lies in a later period
    account.write(time.time(), {"total_size": 18})
    wait_for(account, "OK", seconds=30)
    assert len(account.events_of("rest", 1)) == 1
    assert len(account.events_of("trim", 1)) == 1
    assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(
    account: Account, process: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    account.alarm(TreatMissingData="notBreaching")
    wait_for(account, "OK", seconds=20)
    process.send_signal(number)
    assert process.wait(timeout=10) == 0


def test_it_waits_for_an_engine_that_is_not_there_yet(tmp_path: Path) -> None:
    with subprocess.Popen([*COMMAND, "http://127.0.0.1:9"], cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        assert "cannot watch for now" in child.stderr.readline()
        child.terminate()
        assert child.wait(timeout=10) == 0
        assert "cannot watch" not in child.stderr.read()
