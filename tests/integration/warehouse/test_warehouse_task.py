"""The task as a plain process: the same code as in its container, beside the local engine."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.engine import REGION, Engine
from local.invoke import make_sample_warehouse
from tests.integration.warehouse.deployed import RUN
from tests.invocation import sample

ITEM = sample("warehouse_plan/source")
TOLD = {
    "INVENTORIES": "s3://listings/inventories",
    "BACKUP_BUCKET": "vault",
    "BACKUP_PREFIX": "warehouse",
    "STORAGE_CLASS": "GLACIER",
    "DIRECT_OBJECTS": "10",
    "RETIRE_AFTER_DAYS": "90",
    "GRACE_DAYS": "30",
    "DATABASE_MEGABYTES": "256",
    "DATABASE_THREADS": "1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "warehouse_task",
}
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """With the warehouse of the sample events, its inventory, and an empty backup bucket."""
    engine = Engine.start(tmp_path_factory.mktemp("engine"))
    s3 = engine.client("s3")
    for bucket in ("listings", "vault"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    make_sample_warehouse(s3, TOLD["INVENTORIES"])
    yield engine
    engine.stop()


def task(request: object, engine: Engine, scratch: Path, **more: str) -> subprocess.Popen[str]:
    scratch.mkdir(exist_ok=True)
    asked = {"HOLDFAST_REQUEST": request if isinstance(request, str) else json.dumps(request)}
    return subprocess.Popen(
        [sys.executable, "functions/warehouse_task/task.py"],
        env={**engine.environment(), **TOLD, "SCRATCH_FOLDER": str(scratch), **asked, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[Mapping[str, Any]]]:
    """Its exit code and its log, which is JSON."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert err == ""
    return process.returncode, [json.loads(line) for line in out.splitlines()]


def test_a_plan_is_what_the_function_would_have_planned(engine: Engine, tmp_path: Path) -> None:
    code, lines = ended(task({"step": "plan", **ITEM}, engine, tmp_path / "scratch"))
    assert [line["message"] for line in lines] == ["step begun", "step done"]
    assert code == 0
    assert [phase["phase"] for phase in lines[-1]["answer"]["phases"]] == ["data", "logs"]
    assert {line["service"] for line in lines} == {"warehouse_task"}
    key = f"warehouse/runs/{RUN}/holdfast-lake%2Fsales/plan.json"
    stored = engine.client("s3").get_object(Bucket="vault", Key=key)
    planned = json.loads(stored["Body"].read())["phases"]
    assert planned == [sample(f"warehouse_copy/{phase}")["phase"] for phase in ("data", "logs")]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_step_that_fails_says_why_and_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    lost = ITEM | {"source": "s3://holdfast-lake/other", "inventory": None}
    code, lines = ended(task({"step": "plan", **lost}, engine, tmp_path / "scratch"))
    assert code == 1
    assert (lines[-1]["message"], lines[-1]["error"]) == ("step failed", "InventoryMissing")
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("request_", ["", "{", "[]", '{"step": "unknown"}'])
def test_what_is_no_request_is_refused(engine: Engine, tmp_path: Path, request_: str) -> None:
    code, lines = ended(task(request_, engine, tmp_path / "scratch"))
    assert code == 2
    assert [line["message"] for line in lines] == ["HOLDFAST_REQUEST is not a request"]


def test_a_task_that_is_asked_to_stop_does_so_at_once_and_tidies_up(engine: Engine, tmp_path: Path) -> None:
    """An AWS that never answers keeps it busy."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = task({"step": "plan", **ITEM}, engine, tmp_path / "scratch", AWS_ENDPOINT_URL=endpoint)
        silent.settimeout(PATIENCE_SECONDS)
        asked, _ = silent.accept()
        assert len(list((tmp_path / "scratch").iterdir())) == 1
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code, lines = ended(process)
        asked.close()
    assert code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
    assert lines[-1]["message"] == "stopped; the step can be done again"
    assert list((tmp_path / "scratch").iterdir()) == []
