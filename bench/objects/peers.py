"""The programs that the objects system is measured against, and the S3 server that all are measured on.

They are no part of the project's environment: `make bench-peers` installs them beside it.
"""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.cloud import ROOT
from local.kept import Kept, tail

PEERS = ROOT / ".tools" / "peers"
HOST = "127.0.0.1"
REGION = "us-east-1"
KEY, SECRET = "bench", "bench-secret"
READY_SECONDS = 30


class Missing(RuntimeError):
    """A program that is measured against is not installed."""


class ServerDied(RuntimeError):
    """The S3 server has ended, or never answered."""


def weed() -> Path:
    return program("weed", "bin/weed")


def rclone() -> Path:
    return program("rclone", "bin/rclone")


def s5cmd() -> Path:
    """The program itself: what is in bin/ starts it from Python, which would be measured too."""
    return program("s5cmd", "lib/python*/site-packages/s5cmd/bin/s5cmd")


def program(name: str, pattern: str) -> Path:
    """Raises Missing."""
    found = next(PEERS.glob(pattern), None)
    if found is None:
        raise Missing(f"{name} is not installed. The programs that are measured against: make bench-peers")
    return found


@dataclass(frozen=True, slots=True)
class Server:
    """A running SeaweedFS. `folder` holds its data, its log and what else is left there."""

    endpoint: str
    folder: Path

    def client(self, connections: int = 10) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(proxies={}, max_pool_connections=connections),
        )

    def environment(self) -> dict[str, str]:
        """A whole environment for a child process, which knows of this server and nothing else."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run SeaweedFS on free ports of this machine, with its data in a folder. Raises Missing, ServerDied."""
    identity = {"accessKey": KEY, "secretKey": SECRET}
    known = {"identities": [{"name": "bench", "credentials": [identity], "actions": ["Admin"]}]}
    (folder / "s3.json").write_text(json.dumps(known))
    ports = iter(_free_ports(8))
    pairs = [f"-{part}port{kind}={next(ports)}" for part in ("master.", "volume.", "filer.") for kind in ("", ".grpc")]
    port = next(ports)
    command = [
        *(weed(), "server", "-filer", "-s3", f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}"),
        *(*pairs, f"-s3.port={port}", f"-s3.port.grpc={next(ports)}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.config=s3.json", "-master.telemetry=false"),
        *(f"-s3.localSocket={folder}/s3", f"-filer.localSocket={folder}/filer"),
        *("-master.volumeSizeLimitMB=256", "-volume.max=0"),
    ]
    server = Server(f"http://{HOST}:{port}", folder)
    kept = Kept.start("seaweedfs", [str(part) for part in command], server.environment(), folder)
    try:
        _wait_until_ready(server, kept)
        yield server
    finally:
        kept.stop()


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as open_ones:
        return [open_ones.enter_context(socket.create_server((HOST, 0))).getsockname()[1] for _ in range(number)]


def _wait_until_ready(server: Server, kept: Kept) -> None:
    client = server.client()
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and kept.alive():
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return
    raise ServerDied(f"SeaweedFS does not run. The end of its log:\n{tail(kept.log)}")
