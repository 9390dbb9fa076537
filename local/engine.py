"""The embedded AWS: ministack as a child process, on one port of this machine, with nothing of the user's in reach; and
beside it the server that has EC2 and RDS."""

import functools
import json
import os
import shutil
import socket
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3
import botocore.session
from botocore.config import Config

from local import machines
from local.kept import AlreadyRunning, Kept, tail
from local.machines import Machines

REGION = "eu-west-1"  # not the SDK's usual default, so that a region fixed in the code shows
ACCOUNT = "123456789012"
READY_SECONDS = 30

_KEY = "local"


class PortBusy(RuntimeError):
    """Something listens on the wanted port, or it may not be used."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"port {port} of {host} cannot be used ({reason}). Choose another: make up PORT=...")


class EngineDied(RuntimeError):
    """The engine has ended by itself, or never answered."""

    def __init__(self, what: str, log: Path) -> None:
        super().__init__(f"the local engine {what}. The end of {log}:\n{tail(log)}")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine: where it is reached, and the folder with its state and logs."""

    folder: Path
    host: str
    port: int
    kept: Kept
    machines: Machines

    @classmethod
    def start(cls, folder: Path, port: int | None = None, host: str = "127.0.0.1") -> Self:
        """Start one on that port, or on a free one, and wait until it answers.

        It ends with this process unless its `kept` is released. Raises PortBusy, EngineDied, and AlreadyRunning when
        one runs with this folder.
        """
        if Kept.find("engine", folder):
            raise AlreadyRunning(f"a local engine already runs with {folder}")
        port = _usable(host, port)
        for place in ("home", "tmp"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        for empty in ("aws", "samconfig.toml"):
            (folder / empty).write_text("")
        beside = _usable(host, None)
        settings = _settings(folder, host, port, beside)
        kept = Kept.start("engine", [sys.executable, "-m", "ministack"], settings, folder)
        try:
            engine = cls(folder, host, port, kept, Machines.start(folder, host, beside, settings))
        except BaseException:
            kept.stop()
            raise
        try:
            _state(folder).write_text(json.dumps({"host": host, "port": port, "machines": beside}))
            engine._wait_until_ready()
            engine.machines.wait_until_ready()
        except BaseException:
            engine.stop()
            raise
        return engine

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Return the engine that runs with that folder, if one does. Raises EngineDied, once, if one should."""
        kept, beside = Kept.find("engine", folder), Kept.find("machines", folder)
        if not _state(folder).exists():
            return None
        if not kept or not beside:
            for one in (kept, beside):
                if one:
                    one.stop()
            forget(folder)
            raise EngineDied("has ended by itself", folder / ("engine.log" if not kept else "machines.log"))
        told = json.loads(_state(folder).read_text())
        return cls(folder, told["host"], told["port"], kept, Machines(told["host"], told["machines"], beside))

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def apis(self) -> str:
        """Where API Gateway's APIs are reached: id, stage and path follow."""
        return f"{self.endpoint}/_aws/execute-api"

    def variables(self) -> dict[str, str]:
        """What points an AWS tool at this engine."""
        return _variables(self.endpoint, self.machines.endpoint)

    def environment(self) -> dict[str, str]:
        """A whole environment for a child process, in which nothing leads to the user's profile or proxy."""
        return _environment(self.folder, self.endpoint, self.machines.endpoint)

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of this engine, whatever the user's profile and proxy are."""
        variable = f"AWS_ENDPOINT_URL_{service.upper()}"
        endpoint = machines.variables(self.machines.endpoint).get(variable, self.endpoint)
        blind = Config(proxies={})
        return sdk().client(service, region, endpoint_url=endpoint, config=blind)  # type: ignore[call-overload]

    def check(self) -> None:
        """Raise EngineDied or MachinesDied if one of them has ended."""
        if not self.kept.alive():
            raise EngineDied("has ended by itself", self.kept.log)
        self.machines.check()

    def stop(self) -> None:
        """End it with all its functions, and forget what it held. Its log stays."""
        self.kept.stop()
        self.machines.kept.stop()
        forget(self.folder)

    def _wait_until_ready(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if not self.kept.alive():
                raise EngineDied("ended while it started", self.kept.log)
            try:
                opener.open(f"{self.endpoint}/_ministack/ready", timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise EngineDied(f"did not answer within {READY_SECONDS} seconds", self.kept.log)


@functools.cache
def sdk() -> boto3.Session:
    """An SDK session with the engine's credentials, blind to the user's profile and files."""
    nowhere = (None, None, os.devnull, None)
    blind = {"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    return boto3.Session(
        botocore_session=botocore.session.Session(session_vars=blind),
        aws_access_key_id=_KEY,
        aws_secret_access_key=_KEY,
        region_name=REGION,
    )


def forget(folder: Path) -> None:
    """Remove what an engine that has ended left in its folder, save its logs."""
    _state(folder).unlink(missing_ok=True)
    shutil.rmtree(folder / "tmp", ignore_errors=True)


def _variables(endpoint: str, beside: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        **machines.variables(beside),
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def _environment(folder: Path, endpoint: str, beside: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "AWS_CONFIG_FILE": str(folder / "aws"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws"),
        **_variables(endpoint, beside),
    }


def _settings(folder: Path, host: str, port: int, beside: int) -> dict[str, str]:
    """The engine's own environment, which its functions inherit."""
    return {
        **_environment(folder, f"http://{host}:{port}", machines.address(host, beside)),
        "BIND_HOST": host,
        "MINISTACK_HOST": host,
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "AUTH": "true",  # a function may do what its policies allow, and no more
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/none",  # it would tidy away containers that it takes for its own
    }


def _usable(host: str, port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port or 0))
        except (OSError, OverflowError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else str(problem)
            raise PortBusy(host, port or 0, reason or str(problem)) from None
        number: int = probe.getsockname()[1]
        return number


def _state(folder: Path) -> Path:
    return folder / "engine.json"
