"""`python -m local`, as `make up` and its siblings call it: what it says, and that it leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import cloud
from local.engine import Engine
from local.kept import Kept

type Finished = subprocess.CompletedProcess[str]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    cloud.stop(tmp_path)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Shells start what runs in the background deaf to Ctrl-C, and a child inherits that. What has a handler it
    does not inherit."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def command(folder: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local", *words],
        env={**os.environ, "HOLDFAST_LOCAL": str(folder), "AWS_PROFILE": "production", **variables},
        cwd=cloud.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *words: str, **variables: str) -> Finished:
    process = command(folder, *words, **variables)
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


def runs(folder: Path) -> set[str]:
    return {name for name in ("engine", "cloudwatch") if Kept.find(name, folder)}


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} does not appear"
        time.sleep(0.02)


def test_up_runs_until_down(folder: Path) -> None:
    first = run(folder, "up")
    assert first.returncode == 0, first.stderr
    assert runs(folder) == {"engine", "cloudwatch"}
    engine = Engine.find(folder)
    assert engine
    assert f"export AWS_ENDPOINT_URL={engine.endpoint}\n" in first.stdout
    assert "CapacityBucketName" in first.stdout

    status = run(folder, "status")
    assert status.returncode == 0
    assert engine.endpoint in status.stdout

    again = run(folder, "up", "--parameter", "CapacityLimitBytes=30", "--parameter", 'CapacityKeepPrefixes=a b/,"c"')
    assert again.returncode == 0, again.stderr
    assert f"already runs at {engine.endpoint}" in again.stdout
    [stack] = engine.client("cloudformation").describe_stacks(StackName=cloud.STACK)["Stacks"]
    deployed = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack["Parameters"]}
    assert deployed["CapacityLimitBytes"] == "30"
    assert deployed["CapacityKeepPrefixes"] == 'a b/,"c"'

    elsewhere = run(folder, "up", "--port", str(engine.port + 1))
    assert elsewhere.returncode == 1
    assert f"already runs at {engine.endpoint}: make down stops it" in elsewhere.stderr

    down = run(folder, "down")
    assert down.returncode == 0
    assert runs(folder) == set()
    assert not (folder / "tmp").exists()
    assert "Nothing runs" in run(folder, "status").stdout
    assert "Nothing runs" in run(folder, "down").stdout


def test_the_time_to_live_that_the_engine_drops_is_set(folder: Path) -> None:
    with cloud.temporary(folder=folder) as filled:
        described = filled.engine.client("dynamodb").describe_time_to_live(TableName=filled.outputs["HistoryTableName"])
    assert described["TimeToLiveDescription"] == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}


def test_a_busy_port_is_told_and_nothing_runs(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = run(folder, "up", "--port", str(port))
    assert up.returncode == 1
    assert up.stderr.startswith(f"holdfast: port {port} of 127.0.0.1 cannot be used")
    assert runs(folder) == set()


def test_a_parameter_without_value_is_told_and_nothing_runs(folder: Path) -> None:
    up = run(folder, "up", "--parameter", "CapacityLimitBytes")
    assert up.returncode == 2
    assert "is not NAME=VALUE" in up.stderr
    assert runs(folder) == set()


def test_a_deploy_that_fails_tells_why_and_leaves_nothing(folder: Path) -> None:
    up = run(folder, "up", "--parameter", "CapacityLimitBytes=0")
    assert up.returncode == 1
    assert "CapacityLimitBytes" in up.stderr
    assert str(folder / "deploy.log") in up.stderr
    assert runs(folder) == set()


@pytest.mark.parametrize("moment", ["engine.json", "deploy.log"])
@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_whoever_interrupts_up_finds_nothing_running(
    how: signal.Signals, status: int, moment: str, folder: Path
) -> None:
    up = command(folder, "up")
    wait_for(folder / moment)
    up.send_signal(how)
    up.communicate(timeout=30)
    assert up.returncode == status
    deadline = time.monotonic() + 30
    while runs(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert runs(folder) == set()


@pytest.mark.parametrize("words", [["status"], ["down"]])
def test_an_engine_that_died_is_told_and_tidied_up(words: list[str], folder: Path) -> None:
    assert run(folder, "up").returncode == 0
    engine = Kept.find("engine", folder)
    assert engine
    os.killpg(engine.pid, signal.SIGKILL)
    told = run(folder, *words)
    assert "the local engine has ended by itself" in told.stderr
    assert str(folder / "engine.log") in told.stderr
    assert runs(folder) == set()
    assert "Nothing runs" in run(folder, "status").stdout


def test_up_starts_anew_after_a_death(folder: Path) -> None:
    (folder / "engine.json").write_text('{"host": "127.0.0.1", "port": 1}')
    (folder / "engine.log").write_text("killed by the kernel\n")
    up = run(folder, "up")
    assert up.returncode == 0
    assert "killed by the kernel" in up.stderr
    assert runs(folder) == {"engine", "cloudwatch"}


def test_invoke_without_containers_runs_the_handler_against_an_engine_of_its_own(folder: Path) -> None:
    invoke = run(folder, "invoke", "objects_replicate", "s3_put", DOCKER_HOST="unix:///nowhere")
    assert invoke.returncode == 0, invoke.stderr
    assert json.loads(invoke.stdout) == {"events": [{"key": "assignment1.txt", "verdict": "copied"}]}
    assert "No container engine answers" in invoke.stderr
    assert '"message":"replicated"' in invoke.stderr
    assert runs(folder) == set()


def test_logs_without_an_engine_says_how_to_get_one(folder: Path) -> None:
    logs = run(folder, "logs", "capacity_track")
    assert logs.returncode == 1
    assert "make up" in logs.stderr


def test_an_unknown_function_is_told_before_anything_starts(folder: Path) -> None:
    invoke = run(folder, "invoke", "capacity_trak", "s3_put")
    assert invoke.returncode == 1
    assert "choose one of capacity_" in invoke.stderr
    assert not (folder / "engine.lock").exists()
