"""The stack that a command is about: named by --stack, in the SDK's own account and region."""

from typing import Annotated

import typer
from rich.console import Console

from holdfast import wiring
from holdfast.adapters.stack import Stack

console = Console(highlight=False, soft_wrap=True)

StackName = Annotated[str, typer.Option("--stack", envvar="HOLDFAST_STACK", help="The stack's name.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it. Without, only the plan is printed.")]

DEFAULT_STACK = "holdfast"


def find(name: str) -> Stack:
    return Stack.find(wiring.client("cloudformation"), name)


def not_applied() -> None:
    console.print("\nNothing was changed. Add --apply to do it.")
