"""A child process that never outlives its owner, nor leaves anything of its own behind.

The owner starts a keeper (this file as a script), and the keeper starts the command, in a process group of their own.
The group is ended when the command ends, when the keeper is told to stop, and when the owner is gone without a word:
then the pipe between them closes. `release` cuts that leash, for a group that shall live on after its owner.

Both keeper and command hold a lock on `<name>.lock`, which names the keeper. So a lock that is free means that nothing
runs, whatever an old file says, and a number that the system has given to some other process is never signalled.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

GRACE_SECONDS = 1
_RELEASE = b"r"


class AlreadyRunning(RuntimeError):
    """The lock of that name is held."""


class WouldNotStop(RuntimeError):
    """The group has outlived a SIGKILL for several seconds."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A running group. `log` gets all that it prints."""

    lock: Path
    log: Path
    pid: int
    keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Self:
        """Start `command` in `folder`, under `<name>.lock` and with `<name>.log` there.

        Raises AlreadyRunning.
        """
        lock, log = folder / f"{name}.lock", folder / f"{name}.log"
        with lock.open("a+b") as held, log.open("wb") as output:
            if not _locked(held.fileno()):
                raise AlreadyRunning(f"{name} already runs: {lock} is held")
            keeper = subprocess.Popen(
                [sys.executable, "-I", __file__, str(held.fileno()), *command],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[held.fileno()],
                start_new_session=True,
            )
            held.truncate(0)
            held.write(str(keeper.pid).encode())
        return cls(lock, log, keeper.pid, keeper)

    @classmethod
    def find(cls, name: str, folder: Path) -> Self | None:
        """Return the group that runs under that name in that folder, if one does."""
        lock = folder / f"{name}.lock"
        if not _is_held(lock):
            return None
        return cls(lock, folder / f"{name}.log", int(lock.read_text()))

    def alive(self) -> bool:
        return _is_held(self.lock)

    def release(self) -> None:
        """Let the group live on when this process ends."""
        if self.keeper and self.keeper.stdin:
            self.keeper.stdin.write(_RELEASE)
            self.keeper.stdin.close()

    def stop(self) -> None:
        """Ask the group to end, then end it. It is gone when this returns. Raises WouldNotStop."""
        for end, seconds in ((self._ask, GRACE_SECONDS + 1), (self._kill, 5)):
            if self.alive():
                with contextlib.suppress(ProcessLookupError):
                    end()
            if _within(seconds, lambda: not self.alive()):
                self._wait_for_the_killed()
                return
        raise WouldNotStop(f"process group {self.pid} does not end: kill -9 -- -{self.pid}")

    def _ask(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def _kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)

    def _wait_for_the_killed(self) -> None:
        if self.keeper:
            self.keeper.wait()
            if self.keeper.stdin:
                self.keeper.stdin.close()
        _within(0.2, self._is_empty)  # who has lost its parent may stay listed, where nobody asks how it ended

    def _is_empty(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return True
        return False


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _locked(file: int) -> bool:
    """Take the lock, unless another holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("r+b") as file:
            return not _locked(file.fileno())
    except FileNotFoundError:
        return False


def _keep(lock: int, command: Sequence[str]) -> None:
    child: subprocess.Popen[bytes] | None = None

    def end_all(*_: object) -> None:
        os.killpg(0, signal.SIGKILL)

    def end(*_: object) -> None:
        if child:
            child.terminate()
        signal.alarm(GRACE_SECONDS)

    def watch_the_owner() -> None:
        if sys.stdin.buffer.read(1) != _RELEASE:
            os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGALRM, end_all)
    signal.signal(signal.SIGTERM, end)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[lock])
    threading.Thread(target=watch_the_owner, daemon=True).start()
    sys.stderr.write(f"{command[0]} ended with status {child.wait()}\n")
    sys.stderr.flush()
    end_all()


if __name__ == "__main__":
    _keep(int(sys.argv[1]), sys.argv[2:])
