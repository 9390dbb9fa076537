"""A kept group ends with its command, on demand, and with its owner; and only then."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kept import AlreadyRunning, Kept, tail

# A command whose own child holds a lock and is deaf to SIGTERM. It ends when there is a file called `end`.
FAMILY = """
import pathlib, subprocess, sys, time
child = '''
import fcntl, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
time.sleep(60)
'''
subprocess.Popen([sys.executable, "-c", child, sys.argv[1]])
print("started", flush=True)
while not pathlib.Path("end").exists():
    time.sleep(0.02)
"""

OWNER = """
import sys, time
from pathlib import Path
from local.kept import Kept
kept = Kept.start("family", sys.argv[3:], {}, Path(sys.argv[1]))
if sys.argv[2] == "release":
    kept.release()
print(kept.pid, flush=True)
time.sleep(60)
"""


def family(folder: Path) -> list[str]:
    return [sys.executable, "-c", FAMILY, str(folder / "grandchild")]


def lives(folder: Path) -> bool:
    """Whether the grandchild does: it holds its lock."""
    try:
        with (folder / "grandchild").open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def becomes(expected: bool, folder: Path, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while lives(folder) is not expected and time.monotonic() < deadline:
        time.sleep(0.02)
    return lives(folder) is expected


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept.start("family", family(tmp_path), {}, tmp_path)
    assert becomes(True, tmp_path)
    yield kept
    kept.stop()


def owned(folder: Path, leash: str) -> subprocess.Popen[bytes]:
    """Another process that owns the group, whose leash it keeps or releases."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), leash, *family(folder)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert owner.stdout
    owner.stdout.readline()
    assert becomes(True, folder)
    return owner


def test_stop_ends_even_a_grandchild_that_is_deaf_to_sigterm(kept: Kept, tmp_path: Path) -> None:
    kept.stop()
    assert not lives(tmp_path)
    assert not kept.alive()
    assert Kept.find("family", tmp_path) is None


def test_stopping_twice_is_no_problem(kept: Kept) -> None:
    kept.stop()
    kept.stop()
    assert not kept.alive()


def test_when_the_command_ends_so_do_its_children(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "end").touch()
    assert becomes(False, tmp_path)
    kept.stop()
    assert tail(kept.log).splitlines() == ["started", f"{sys.executable} ended with status 0"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_group_ends_with_its_owner(how: signal.Signals, tmp_path: Path) -> None:
    owner = owned(tmp_path, leash="keep")
    owner.send_signal(how)
    owner.communicate()
    assert becomes(False, tmp_path)


def test_a_released_group_outlives_its_owner_and_is_found_again(tmp_path: Path) -> None:
    owner = owned(tmp_path, leash="release")
    owner.kill()
    owner.communicate()
    time.sleep(0.3)  # as long as an unreleased one needs to notice
    kept = Kept.find("family", tmp_path)
    assert kept
    assert lives(tmp_path)
    kept.stop()
    assert not lives(tmp_path)


def test_a_group_whose_keeper_was_killed_is_still_found_and_ended(kept: Kept, tmp_path: Path) -> None:
    os.kill(kept.pid, signal.SIGKILL)
    found = Kept.find("family", tmp_path)
    assert found
    found.stop()
    assert not lives(tmp_path)


def test_one_name_runs_once(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning, match="family already runs"):
        Kept.start("family", family(tmp_path), {}, tmp_path)
    assert kept.alive()


def test_an_old_lock_file_is_nobody(tmp_path: Path) -> None:
    (tmp_path / "family.lock").write_text(str(os.getpid()))
    assert Kept.find("family", tmp_path) is None
    assert Kept.find("never", tmp_path) is None


def test_the_environment_is_what_is_given_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    show = "import os; print(sorted(set(os.environ) - {'LC_CTYPE'}))"
    kept = Kept.start("show", [sys.executable, "-c", show], {"GIVEN": "1"}, tmp_path)
    while kept.alive():
        time.sleep(0.02)
    kept.stop()
    assert tail(kept.log).splitlines()[0] == "['GIVEN']"
