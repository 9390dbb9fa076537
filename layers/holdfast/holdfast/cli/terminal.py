"""What commands show and take alike: lines, tables, progress, moments."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from holdfast.cli.stack import console
from holdfast.moment import ACCEPTED, moment

WIDEST = 1000
"""Characters of a line, at most."""


class Advance(Protocol):
    """Called with how many more were dealt with, from any thread."""

    def __call__(self, count: int = 1) -> None: ...


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show on a terminal how many were dealt with; yields what to tell of them."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
    shown.disable = not shown.console.is_terminal
    with shown:
        task = shown.add_task(what, total=total)

        def advance(count: int = 1) -> None:
            shown.advance(task, count)

        yield advance


def print_lines(lines: Iterable[str]) -> None:
    """As they are: what looks like markup is not."""
    for one in lines:
        console.print(one, markup=False)


def print_whole(table: Table) -> None:
    """In a narrow terminal too, nothing of it is cut: what it shows is copied from there into the next command."""
    wide = Console(width=WIDEST)
    Console(width=max(console.width, wide.measure(table).maximum)).print(table)


def moment_of(text: str, now: datetime) -> datetime:
    """The moment that an option names."""
    try:
        return moment(text, now)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{text!r} is not {ACCEPTED}") from None
