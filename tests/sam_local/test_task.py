"""The image of the warehouse's task: built from the repository, and run as its task definition has it."""

import contextlib
import io
import json
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
import pip
import pytest

from local import container, deploy
from local.cloud import ROOT, STACK, Cloud
from local.invoke import make_sample_warehouse
from tests.integration.warehouse.deployed import RUN
from tests.invocation import sample
from tests.sam_local.conftest import complete

NAME = "holdfast-warehouse-task:tried"
BASE = "holdfast-warehouse-task-base:tried"
REQUIREMENTS = ROOT / "functions" / "warehouse_task" / "requirements.txt"
ITEM = sample("warehouse_plan/source")
STOP_SECONDS = 20
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def image(containers: Any, stack: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Upon Lambda's own image: it is the one that is there, wherever functions run."""
    base = container.image(stack.engine)
    complete(containers, base)
    has_pip = "python3 -m pip --version && chown --version"
    try:
        containers.containers.run(base, ["-c", has_pip], entrypoint="sh", remove=True)
    except docker.errors.ContainerError:
        base = equipped(containers, base, tmp_path_factory.mktemp("wheels"))
    dockerfile = "functions/warehouse_task/Dockerfile"
    built, _ = containers.images.build(
        path=str(ROOT), dockerfile=dockerfile, tag=NAME, buildargs={"BASE": base}, rm=True
    )
    yield built
    with contextlib.closing(docker.from_env(timeout=PATIENCE_SECONDS)) as patient:
        patient.images.remove(NAME, force=True)


def equipped(containers: Any, base: str, wheels: Path) -> str:
    """An image that was made of this machine's files has no pip, and no network to install from: it gets what it
    would find there."""
    download = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels)]
    subprocess.run([sys.executable, "-m", "pip", *download, "--requirement", str(REQUIREMENTS)], check=True)
    chown = shutil.which("chown")
    assert chown
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as packed:
        packed.add(Path(pip.__file__).parent, "var/lang/lib/python3.13/site-packages/pip")
        packed.add(Path(chown).resolve(), "bin/chown")
        packed.add(wheels, "wheels")
    lacking = containers.containers.create(base)
    lacking.put_archive("/", archive.getvalue())
    repository, tag = BASE.split(":")
    lacking.commit(repository, tag, changes=["ENV PIP_NO_INDEX=1", "ENV PIP_FIND_LINKS=/wheels"])
    lacking.remove()
    return BASE


@pytest.fixture
def told(stack: Cloud) -> dict[str, str]:
    """The variables of the function that plans, which are those of the task."""
    deployed = deploy.physical_names(stack.engine, STACK)["WarehousePlanFunction"]
    configuration = stack.engine.client("lambda").get_function_configuration(FunctionName=deployed)
    variables: dict[str, str] = configuration["Environment"]["Variables"]
    make_sample_warehouse(stack.engine.client("s3"), variables["INVENTORIES"])
    return {**variables, **stack.engine.variables(), "SCRATCH_FOLDER": "/scratch", "DATABASE_MEGABYTES": "512"}


def run(containers: Any, told: Mapping[str, str], endpoint: str) -> Any:
    request = json.dumps({"step": "plan", **ITEM})
    return containers.containers.run(
        NAME,
        environment={**told, "AWS_ENDPOINT_URL": endpoint, "HOLDFAST_REQUEST": request},
        read_only=True,
        detach=True,
    )


def log(running: Any) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in running.logs().decode().splitlines()]


def test_the_container_plans_as_a_plain_user(image: Any, containers: Any, stack: Cloud, told: dict[str, str]) -> None:
    assert image.attrs["Config"]["User"] == "10001:10001"
    host = container._host(containers, container.image(stack.engine))
    with container._reachable(stack.engine.host, stack.engine.port, host) as endpoint:
        running = run(containers, told, endpoint)
        try:
            assert running.wait(timeout=PATIENCE_SECONDS)["StatusCode"] == 0, running.logs().decode()
            assert [line["message"] for line in log(running)] == ["step begun", "step done"]
        finally:
            running.remove(force=True, v=True)
    key = f"warehouse/runs/{RUN}/holdfast-lake%2Fsales/plan.json"
    stored = stack.engine.client("s3").get_object(Bucket=told["BACKUP_BUCKET"], Key=key)
    assert [phase["phase"] for phase in json.loads(stored["Body"].read())["phases"]] == ["data", "logs"]


def test_the_container_stops_when_it_is_asked_to(
    image: Any, containers: Any, stack: Cloud, told: dict[str, str]
) -> None:
    host = container._host(containers, container.image(stack.engine))
    with socket.socket() as silent:
        silent.bind((host if container._is_ours(host) else "0.0.0.0", 0))
        silent.listen()
        silent.settimeout(60)
        running = run(containers, told, f"http://{host}:{silent.getsockname()[1]}")
        try:
            asked, _ = silent.accept()
            running.stop(timeout=STOP_SECONDS)
            assert running.wait(timeout=60)["StatusCode"] == 143
            assert log(running)[-1]["message"] == "stopped; the step can be done again"
            asked.close()
        finally:
            running.remove(force=True, v=True)
