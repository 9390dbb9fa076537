"""The local cloud as it is used: an engine, the stack in it, and the stand-in for the CloudWatch that it lacks."""

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from local import deploy, template
from local.engine import Engine, forget
from local.gaps import Gap, Known
from local.kept import Kept, tail

ROOT = Path(__file__).parents[1]
FOLDER = Path(os.environ.get("HOLDFAST_LOCAL", ROOT / ".local")).absolute()
TEMPLATE = ROOT / "template.yaml"
STACK = "holdfast"


class StandInDied(RuntimeError):
    """The stand-in for CloudWatch has ended: no alarm changes any more."""

    def __init__(self, log: Path) -> None:
        super().__init__(f"the stand-in for CloudWatch has ended. The end of {log}:\n{tail(log)}")


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running one. `gaps` are the differences from AWS that the deployed template meets."""

    engine: Engine
    stand_in: Kept | None
    outputs: Mapping[str, str]
    gaps: tuple[Gap, ...] = ()

    def check(self) -> None:
        """Raise EngineDied, MachinesDied or StandInDied if one of them has ended."""
        self.engine.check()
        if not self.stand_in or not self.stand_in.alive():
            raise StandInDied(self.engine.folder / "cloudwatch.log")

    def stop(self) -> None:
        """End all of it. The logs stay, if the folder does."""
        if self.stand_in:
            self.stand_in.stop()
        self.engine.stop()

    def release(self) -> None:
        """Let it run on when this process ends."""
        for kept in (self.engine.kept, self.engine.machines.kept, self.stand_in):
            if kept:
                kept.release()


def parameters(engine: Engine) -> dict[str, str]:
    """How the stack differs on a laptop: a quick alarm, a limit that three small files reach, short delays, drills."""
    return {
        "ApiEndpoint": engine.apis,
        "Architecture": "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64",
        "CapacityAlarmPeriodSeconds": "10",
        "CapacityLimitBytes": "20",
        "DisownedDelaySeconds": "10",
        "FleetCopyRegion": "eu-central-1",
        "FleetDrillDbSubnetGroup": "default",
        "FleetPollSeconds": "1",
        "MinimumCopyAge": "0",
        "WarehouseKeepRuns": "1",
        "WarehouseRetireAfterDays": "0",
    }


def fill(engine: Engine, overrides: Mapping[str, str] = MappingProxyType({})) -> Cloud:
    """Deploy the template to the engine, or bring its stack up to date, with the stand-in beside it.

    Raises EngineCannot before anything is deployed, DeployFailed, EngineDied and StandInDied.
    """
    values = parameters(engine) | dict(overrides)
    wanted = template.resources(TEMPLATE, values)
    gaps = Known.read().check(wanted)
    with contextlib.ExitStack() as undo:
        stand_in = Kept.find("cloudwatch", engine.folder)
        if not stand_in:
            stand_in = _start_stand_in(engine)
            undo.callback(stand_in.stop)
        deploy.deploy(engine, TEMPLATE, STACK, values)
        deploy.supplement(engine, STACK, wanted)
        filled = Cloud(engine, stand_in, deploy.outputs(engine, STACK), tuple(gaps))
        filled.check()
        undo.pop_all()
    return filled


def find(folder: Path = FOLDER) -> Cloud | None:
    """Return what runs with that folder. Raises EngineDied, once, if the engine should run and does not."""
    engine = Engine.find(folder)
    if not engine:
        return None
    return Cloud(engine, Kept.find("cloudwatch", folder), deploy.outputs(engine, STACK))


def stop(folder: Path = FOLDER) -> None:
    """End all that runs with that folder, whoever started it."""
    for name in ("cloudwatch", "engine", "machines"):
        if kept := Kept.find(name, folder):
            kept.stop()
    forget(folder)


@contextlib.contextmanager
def temporary(overrides: Mapping[str, str] = MappingProxyType({}), folder: Path | None = None) -> Iterator[Cloud]:
    """A cloud of one's own, which is gone at the end; so is its folder, unless it was given."""
    with contextlib.ExitStack() as undo:
        if not folder:
            made = tempfile.TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True)
            folder = Path(undo.enter_context(made))
        engine = Engine.start(folder)
        undo.callback(engine.stop)
        filled = fill(engine, overrides)
        undo.callback(filled.stop)
        yield filled


def _start_stand_in(engine: Engine) -> Kept:
    return Kept.start(
        "cloudwatch",
        [sys.executable, "-m", "local.cloudwatch", "--endpoint", engine.endpoint],
        {**engine.environment(), "PYTHONPATH": str(ROOT)},
        engine.folder,
    )
