"""What every story is told with: a clock, lines, checks, and the command that operators have."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from local.cloud import Cloud
from local.demo import Story

PATIENCE_SECONDS = 30


class NotInTime(RuntimeError):
    """What should have happened has not."""


@dataclass
class Stage:
    """Where a story is told. `seen`: what there was after its acts; `checks`: what was so, of what should be."""

    system: str
    cloud: Cloud
    console: Console
    seen: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    begun: float = field(default_factory=time.time)

    def say(self, what: str, rest: str | Text) -> None:
        self.console.print(Text(f"  {time.time() - self.begun:5.1f} s  {what:<10}").append(rest))

    def check(self, what: str, *, is_so: bool) -> None:
        self.checks[what] = is_so

    def until[T](self, what: str, look: Callable[[], T | None]) -> T:
        """What is seen, once it is there. Raises NotInTime."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := look()) is None:
            self.cloud.check()
            if time.monotonic() > deadline:
                raise NotInTime(f"{what} within {PATIENCE_SECONDS} s")
            time.sleep(0.05)
        return found

    def command(self, *arguments: str, is_shown: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `holdfast` as an operator would, and show what it says."""
        done = subprocess.run(
            [Path(sys.executable).with_name("holdfast"), *arguments],
            env=self.cloud.engine.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        for line in said(done) if is_shown else []:
            self.console.print(f"{'':21}{line}", style="dim", markup=False)
        return done

    def play(self, acts: Sequence[Callable[[], None]]) -> Story:
        """Every act, one behind the other, and what was as expected of it."""
        try:
            for act in acts:
                act()
        except NotInTime as late:
            self.check(str(late), is_so=False)
        wrong = [what for what, is_so in self.checks.items() if not is_so]
        self.console.print()
        if wrong:
            self.console.print(f"  [red]not as expected[/red]: {'; '.join(wrong)}: no")
        else:
            self.console.print(f"  [green]as expected[/green]: {'; '.join(self.checks)}")
        return Story(self.system, not wrong, {**self.seen, "checks": self.checks})


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of a command."""
    return (done.stdout + done.stderr).splitlines()


def now() -> datetime:
    return datetime.now(UTC)
