"""EC2 and RDS of the local cloud: moto's server beside the engine, which lacks the calls that backups need.

No machine runs behind it, and it checks no policies: what is asked for is there at once, and described as AWS would.
"""

import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.kept import Kept, tail

ROOT = Path(__file__).parents[2]
READY_SECONDS = 30


class MachinesDied(RuntimeError):
    """The server has ended by itself, or never answered."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"the local EC2 and RDS have ended. The end of {log}:\n{tail(log)}")


@dataclass(frozen=True, slots=True)
class Machines:
    """The running server."""

    host: str
    port: int
    kept: Kept

    @property
    def endpoint(self) -> str:
        return address(self.host, self.port)

    @classmethod
    def start(cls, folder: Path, host: str, port: int, environment: Mapping[str, str]) -> Self:
        """Begin to start it; `wait_until_ready` tells when it answers."""
        command = [sys.executable, "-m", "local.machines", "--host", host, "--port", str(port)]
        return cls(host, port, Kept.start("machines", command, {**environment, "PYTHONPATH": str(ROOT)}, folder))

    def wait_until_ready(self) -> None:
        """Raises MachinesDied."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                opener.open(f"{self.endpoint}/moto-api/", timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise MachinesDied(self.kept.log)

    def check(self) -> None:
        """Raises MachinesDied if it has ended."""
        if not self.kept.alive():
            raise MachinesDied(self.kept.log)


def address(host: str, port: int) -> str:
    return f"http://{host}:{port}"


def variables(endpoint: str) -> dict[str, str]:
    """What leads the calls of these services there, past the engine."""
    return {f"AWS_ENDPOINT_URL_{service}": endpoint for service in ("EC2", "RDS")}
