"""One function and one of its sample events, in a container: the real `sam local invoke` of what `sam build` made."""

import contextlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse

from local import deploy
from local.cloud import ROOT, parameters
from local.engine import Engine
from local.invoke import Invocation, deployed

_SAM = Path(sys.executable).parent / "sam"
_BUILT = ROOT / ".aws-sam" / "build"


def find() -> Any | None:
    """A client of the container engine at DOCKER_HOST or the default socket, if one answers there."""
    try:
        client = docker.from_env(timeout=5)
        client.ping()
    except docker.errors.DockerException:
        return None
    return client


def invoke(engine: Engine, invocation: Invocation, containers: Any) -> int:
    """Build the application and invoke. Returns sam's status, which is 0 even when the handler raises."""
    values = parameters(engine)
    image = f"public.ecr.aws/lambda/python:3.13-{values['Architecture']}"
    built = subprocess.run([_SAM, "build"], cwd=ROOT, check=False)
    if built.returncode:
        return built.returncode
    with _reachable(engine, _host(containers, image)) as endpoint:
        variables = deployed(engine, invocation.logical_id)["Environment"]["Variables"]
        reached = {name: value.replace(engine.endpoint, endpoint) for name, value in variables.items()}
        told = engine.folder / "variables.json"
        told.write_text(json.dumps({invocation.logical_id: {**reached, "AWS_ENDPOINT_URL": endpoint}}))
        command: list[str | Path] = [
            *(_SAM, "local", "invoke", invocation.logical_id),
            *("--template-file", _with_endpoint()),
            *("--event", invocation.event),
            *("--env-vars", told),
            *("--parameter-overrides", *(f"{name}={value}" for name, value in values.items())),
            *("--layer-cache-basedir", engine.folder / "layers"),
            *(["--skip-pull-image"] if _has(containers, image) else []),
        ]
        settings = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        environment = {**deploy.sam_environment(engine), **settings}
        return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


def _with_endpoint() -> Path:
    """The built template with AWS_ENDPOINT_URL among the variables: `--env-vars` sets only what a template declares."""
    template = yaml_parse((_BUILT / "template.yaml").read_text())
    template["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = ""
    declared = _BUILT / "with-endpoint.json"
    declared.write_text(json.dumps(template))
    return declared


def _has(containers: Any, image: str) -> bool:
    try:
        containers.images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def _host(containers: Any, image: str) -> str:
    """The number at which containers reach this machine. A name would not do: S3 clients put the bucket before it."""
    gateway: str = containers.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    if _is_ours(gateway):
        return gateway
    ask = "import socket; print(socket.gethostbyname('host.docker.internal'))"
    answer: bytes = containers.containers.run(image, ["-c", ask], entrypoint="python3", remove=True)
    return answer.decode().strip()


def _is_ours(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _reachable(engine: Engine, host: str) -> Iterator[str]:
    """Where containers reach the engine, which may listen to this machine alone: then what they say is passed on."""
    if engine.host == host or not _is_ours(host):
        yield f"http://{host}:{engine.port}"
        return
    with _Relay((host, 0), _Passing) as relay:
        relay.engine = (engine.host, engine.port)
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield f"http://{host}:{relay.server_address[1]}"
        relay.shutdown()


class _Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True
    engine: tuple[str, int]


class _Passing(socketserver.BaseRequestHandler):
    server: _Relay

    def handle(self) -> None:
        with socket.create_connection(self.server.engine) as engine:
            threading.Thread(target=_pass, args=(engine, self.request), daemon=True).start()
            _pass(self.request, engine)


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
