"""The local cloud from the command line. The Makefile's targets are the same words."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from local import cloud, container, deploy, invoke
from local.cloud import Cloud, StandInDied
from local.demo import Teller
from local.demo.capacity import DriveFailed
from local.demo.capacity import tell as tell_capacity
from local.demo.fleet import tell as tell_fleet
from local.demo.objects import tell as tell_objects
from local.demo.tables import tell as tell_tables
from local.demo.warehouse import tell as tell_warehouse
from local.deploy import DeployFailed
from local.engine import Engine, EngineDied, PortBusy
from local.gaps import EngineCannot, Gap, Known
from local.invoke import NoSuchCase
from local.kept import AlreadyRunning, WouldNotStop
from local.machines import MachinesDied

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)
aside = Console(highlight=False, soft_wrap=True, stderr=True)

TELLERS: tuple[Teller, ...] = (tell_capacity, tell_objects, tell_tables, tell_warehouse, tell_fleet)

FunctionName = Annotated[str, typer.Argument(metavar="FUNCTION", help="Its folder's name, such as capacity_track.")]


class NothingRuns(RuntimeError):
    """There is no local engine to ask."""

    def __init__(self) -> None:
        super().__init__("no local engine runs: make up starts one")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what can go wrong into a sentence and an exit status."""
    try:
        yield
    except (
        *(AlreadyRunning, DeployFailed, DriveFailed, EngineCannot, EngineDied, NoSuchCase, NothingRuns),
        *(MachinesDied, PortBusy, StandInDied, WouldNotStop),
    ) as problem:
        aside.print(f"holdfast: {problem}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        aside.print("holdfast: interrupted")
        raise typer.Exit(130) from None


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the engine; a free one by default.")] = None,
    parameter: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, of a parameter of the template.")] = None,
) -> None:
    """Start an engine and deploy the stack to it; or bring the stack of the running one up to date."""
    overrides = dict(_pair(stated) for stated in parameter or [])
    with told(), contextlib.ExitStack() as undo:
        engine = _running_engine()
        if not engine:
            engine = Engine.start(cloud.FOLDER, port)
            undo.callback(engine.stop)
            console.print(f"The engine runs at {engine.endpoint}")
        elif port in {None, engine.port}:
            console.print(f"The engine already runs at {engine.endpoint}: bringing its stack up to date")
        else:
            raise AlreadyRunning(f"the engine already runs at {engine.endpoint}: make down stops it")
        with console.status("Deploying template.yaml"):
            filled = cloud.fill(engine, overrides)
        filled.release()
        undo.pop_all()
        _show_gaps(filled.gaps)
        _show(filled)


@app.command()
def demo(*, as_json: Annotated[bool, typer.Option("--json", help="Print what was seen as JSON.")] = False) -> None:
    """Play the main job of each system on a private engine, and check it: status 1 if it is not as expected."""
    shown = aside if as_json else console
    with told(), contextlib.ExitStack() as undo:
        with shown.status("Starting an AWS of its own and deploying template.yaml to it"):
            filled = undo.enter_context(cloud.temporary())
        stories = [tell(filled, shown) for tell in TELLERS]
    if as_json:
        print(json.dumps([asdict(story) for story in stories], indent=2))
    raise typer.Exit(not all(story.as_expected for story in stories))


@app.command()
def down() -> None:
    """Stop the engine, its functions and the stand-in, and forget all that they held."""
    with told():
        engine = _running_engine()
        cloud.stop()
        console.print(f"Stopped what ran at {engine.endpoint}" if engine else "Nothing runs")


@app.command()
def status() -> None:
    """Say what runs, and where."""
    with told():
        found = cloud.find() if _running_engine() else None
        if found:
            _show(found)
            found.check()
        else:
            console.print("Nothing runs: make up starts it")


@app.command("invoke")
def invoke_one(
    function: FunctionName,
    case: Annotated[str, typer.Argument(help="Its event: the name of a file in events/FUNCTION.")],
) -> None:
    """Run one function with one of its sample events: in a container, or without an engine for them in process."""
    with told(), contextlib.ExitStack() as undo:
        invocation = invoke.Invocation.named(function, case)
        containers = container.find()
        engine = _running_engine()
        if not engine:
            aside.print("No local engine runs: this gets one of its own")
            engine = undo.enter_context(cloud.temporary()).engine
        if containers:
            status_ = container.invoke(engine, invocation, containers)
        else:
            aside.print("No container engine answers: running the handler in a process of this machine")
            status_ = invoke.in_process(engine, invocation)
    raise typer.Exit(status_)


@app.command()
def logs(function: FunctionName) -> None:
    """Follow a function's log in the local engine, by `sam logs --tail`."""
    with told():
        name = invoke.logical_id(function)
        engine = _running_engine()
        if not engine:
            raise NothingRuns
        sam = ["sam", "logs", "--stack-name", cloud.STACK, "--name", name, "--tail"]
        environment = deploy.sam_environment(engine)
    os.execvpe(sam[0], sam, environment)  # noqa: S606 it takes this process's place, and its Ctrl-C


@app.command(hidden=True)
def containers() -> None:
    """Succeed if a container engine answers."""
    raise typer.Exit(0 if container.find() else 1)


@app.command()
def gaps() -> None:
    """Print where the engine differs from AWS, as docs/explanation/local-and-cloud.md has it."""
    print(Known.read().table())


def _pair(stated: str) -> tuple[str, str]:
    name, equals, value = stated.partition("=")
    if not equals:
        raise typer.BadParameter(f"{stated!r} is not NAME=VALUE")
    return name, value


def _running_engine() -> Engine | None:
    """The engine that runs. If it has died meanwhile, say so and tidy up."""
    try:
        return Engine.find(cloud.FOLDER)
    except EngineDied as death:
        aside.print(f"holdfast: {death}", markup=False)
        cloud.stop()
        return None


def _show(running: Cloud) -> None:
    console.print(f"\nStack {cloud.STACK} at {running.engine.endpoint}\n")
    width = max(map(len, running.outputs), default=0)
    for name, value in running.outputs.items():
        console.print(f"  {name:<{width}}  {value}", markup=False)
    console.print("\nFor aws and sam in this shell:\n")
    for name, value in running.engine.variables().items():
        console.print(f"  export {name}={value}", markup=False)
    console.print(f"\nLogs: {running.engine.folder}/*.log", markup=False)


def _show_gaps(met: Collection[Gap]) -> None:
    console.print("Other than in AWS:")
    for gap in met:
        if gap.verdict == "made good":
            console.print(f"  {', '.join(gap.types)}: {gap.happens}. Made good {gap.why}.", markup=False)
    harmless = sum(gap.verdict == "harmless" for gap in met)
    console.print(f"  {harmless} more, without effect here: docs/explanation/local-and-cloud.md")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    app(prog_name="python -m local")
