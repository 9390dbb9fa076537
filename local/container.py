"""One function and one of its sample events, in a container: the real `sam local invoke` of what `sam build` made."""

import contextlib
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse

from local import deploy, machines
from local.cloud import ROOT, parameters
from local.engine import Engine
from local.invoke import Invocation, variables

_SAM = Path(sys.executable).parent / "sam"
_BUILT = ROOT / ".aws-sam" / "local" / "build"  # beside .aws-sam/build, which is for the processor that AWS shall use


def find() -> Any | None:
    """A client of the container engine at DOCKER_HOST or the default socket, if one answers there."""
    try:
        client = docker.from_env(timeout=5)
        client.ping()
    except docker.errors.DockerException:
        return None
    return client


def build(folder: Path, architecture: str, *options: str) -> int:
    """Put what `sam build` makes for that processor into a folder, and return sam's status."""
    path = os.pathsep.join([str(_SAM.parent), os.environ.get("PATH", os.defpath)])  # the Python to build with is first
    return subprocess.run(
        [_SAM, "build", "--build-dir", folder, "--parameter-overrides", f"Architecture={architecture}", *options],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"},
        stdout=sys.stderr,  # stdout is for a function's answer
        check=False,
    ).returncode


@dataclass(frozen=True, slots=True)
class Application:
    """What `build` made, ready to run in containers. They reach the engine, and EC2 and RDS beside it, at `endpoint`
    and `machines`."""

    engine: Engine
    containers: Any
    template: Path
    endpoint: str
    machines: str

    @classmethod
    @contextlib.contextmanager
    def open(cls, engine: Engine, containers: Any, built: Path) -> "Iterator[Application]":
        host, beside = _host(containers, image(engine)), engine.machines
        with (
            _reachable(engine.host, engine.port, host) as endpoint,
            _reachable(beside.host, beside.port, host) as other,
        ):
            yield cls(engine, containers, _with_endpoints(built), endpoint, other)

    def sam_local(self, words: Iterable[str | Path], environments: Mapping[str, Mapping[str, str]]) -> list[str | Path]:
        """The command `sam local WORDS`. `environments` has the variables of functions, by logical ID."""
        told = self.engine.folder / "variables.json"
        told.write_text(json.dumps({function: self._reached(those) for function, those in environments.items()}))
        return [
            *(_SAM, "local", *words),
            *("--template-file", self.template),
            *("--env-vars", told),
            *("--parameter-overrides", *(f"{name}={value}" for name, value in parameters(self.engine).items())),
            *("--layer-cache-basedir", self.engine.folder / "layers"),
            *(["--skip-pull-image"] if _has(self.containers, image(self.engine)) else []),
        ]

    def environment(self) -> dict[str, str]:
        """The environment for that command."""
        settings = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
        return {**deploy.sam_environment(self.engine), **settings}

    def _reached(self, variables: Mapping[str, str]) -> dict[str, str]:
        reached = {name: value.replace(self.engine.endpoint, self.endpoint) for name, value in variables.items()}
        return {**reached, "AWS_ENDPOINT_URL": self.endpoint, **machines.variables(self.machines)}


def invoke(engine: Engine, invocation: Invocation, containers: Any) -> int:
    """Build the application and invoke. Returns sam's status, which is 0 even when the handler raises."""
    status = build(_BUILT, parameters(engine)["Architecture"])
    if status:
        return status
    with Application.open(engine, containers, _BUILT) as application:
        command = application.sam_local(
            ["invoke", invocation.logical_id, "--event", invocation.event],
            {invocation.logical_id: variables(engine, invocation)},
        )
        return subprocess.run(command, env=application.environment(), cwd=ROOT, check=False).returncode


def image(engine: Engine) -> str:
    """The name of Lambda's own image for this machine's processor."""
    return f"public.ecr.aws/lambda/python:3.13-{parameters(engine)['Architecture']}"


def _with_endpoints(built: Path) -> Path:
    """The built template with the endpoints among the variables: `--env-vars` sets only what a template declares."""
    template = yaml_parse((built / "template.yaml").read_text())
    endpoints = ("AWS_ENDPOINT_URL", *machines.variables(""))
    template["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys(endpoints, "")
    declared = built / "with-endpoint.json"
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
def _reachable(listener: str, port: int, host: str) -> Iterator[str]:
    """Where containers reach what may listen to this machine alone: then what they say is passed on."""
    if listener == host or not _is_ours(host):
        yield f"http://{host}:{port}"
        return
    with _Relay((host, 0), _Passing) as relay:
        relay.listener = (listener, port)
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        try:
            yield f"http://{host}:{relay.server_address[1]}"
        finally:
            relay.shutdown()


class _Relay(socketserver.ThreadingTCPServer):
    daemon_threads = True
    listener: tuple[str, int]


class _Passing(socketserver.BaseRequestHandler):
    server: _Relay

    def handle(self) -> None:
        with socket.create_connection(self.server.listener) as listener:
            threading.Thread(target=_pass, args=(listener, self.request), daemon=True).start()
            _pass(self.request, listener)


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
