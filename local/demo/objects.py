"""The objects system: an object is overwritten and deleted, its copies outlive that a while, and one is restored."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status as Waiting
from rich.text import Text

from holdfast.adapters.dynamodb_objects import DynamoCopyTable
from holdfast.objects.model import Copy, Original, Status
from holdfast.objects.restore.model import stamp
from local.cloud import Cloud, parameters
from local.demo import Story

KEY = "report.txt"
BODIES = {number: f"version {number}\n".encode() * number for number in range(1, 8)}
"""What is written, by its version. No two are of one size."""

NUMBERS = {len(body): number for number, body in BODIES.items()}
KEPT = 3
PATIENCE_SECONDS = 30


class NotInTime(RuntimeError):
    """What should have happened has not."""


def tell(cloud: Cloud, console: Console) -> Story:
    """Write, overwrite, delete, wait and restore, and show what becomes of the copies."""
    with console.status("waiting for a function's first start") as waiting:
        play = _Play(cloud, console, waiting)
        console.print(
            f"\n[bold]objects[/bold]  copies of what is written to s3://{play.bucket}: the newest {KEPT}, "
            f"and for {play.delay.seconds} s after a delete\n"
        )
        try:
            play.write_and_overwrite()
            play.delete()
            play.wait_and_clean_up()
            play.overwrite_and_restore()
        except NotInTime as late:
            play.check(str(late), is_so=False)
    wrong = [what for what, is_so in play.checks.items() if not is_so]
    console.print()
    if wrong:
        console.print(f"  [red]not as expected[/red]: {'; '.join(wrong)}: no")
    else:
        console.print(f"  [green]as expected[/green]: {'; '.join(play.checks)}")
    return Story("objects", not wrong, {**play.seen, "checks": play.checks})


@dataclass
class _Play:
    """The acts of the story. `seen`: what there was after them; `checks`: what was so, of what should be."""

    cloud: Cloud
    console: Console
    waiting: Waiting
    seen: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    begun: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self._s3 = self.cloud.engine.client("s3")
        self._functions = self.cloud.engine.client("lambda")
        dynamodb = self.cloud.engine.client("dynamodb")
        self._table = DynamoCopyTable(dynamodb, self.cloud.outputs["CopyTableName"], _now)
        self._backups = self.cloud.outputs["ObjectsBackupBucketName"]
        self.bucket = self.cloud.outputs["ObjectsSourceBucketName"]
        self.delay = timedelta(seconds=int(parameters(self.cloud.engine)["DisownedDelaySeconds"]))

    # The acts

    def write_and_overwrite(self) -> None:
        for number in range(1, 6):
            self._write(number)
        copies = self._copies()
        for copy in copies:
            self._say("kept", _told(copy))
        self.seen["after_writing"] = self._listed(copies)
        newest = [_sha256(BODIES[number]) for number in (3, 4, 5)]
        self.check(f"{KEPT} copies remained", is_so=self._contents("after_writing") == newest)

    def delete(self) -> None:
        self._s3.delete_object(Bucket=self.bucket, Key=KEY)
        self._say("deleted", KEY)
        copies = self._until("the copies disowned", lambda: _if_all_are(Status.DISOWNED, self._copies()))
        for copy in copies:
            self._say("disowned", _told(copy))
        self.seen["after_deleting"] = self._listed(copies)
        one_moment = len({copy.disowned_at for copy in copies}) == 1
        still_there = self._contents("after_deleting") == self._contents("after_writing")
        self.check("the delete disowned them, and deleted none", is_so=one_moment and still_there)

    def wait_and_clean_up(self) -> None:
        """Ask the cleaner before the delay is over, and once it is: by itself it comes every minute."""
        due = datetime.fromisoformat(self.seen["after_deleting"][0]["disowned_at"]) + self.delay
        too_early, there = self._clean(), len(self._stored())
        self._say("cleaner", f"asked at once: {KEPT - there} of {KEPT} copies go")
        if _now() < due:  # else this machine is too slow to tell
            self.check("none of them went before its time", is_so=there == KEPT)
        while (left := (due - _now()).total_seconds()) > 0:
            self.waiting.update(f"{left:.0f} s left for a second thought")
            time.sleep(min(left, 0.2))
        in_time = self._clean()
        self._until("the copies gone", lambda: None if self._copies() or self._stored() else True)
        self._say("cleaner", f"asked after the delay: {KEPT - len(self._stored())} of {KEPT} copies go")
        self.seen["cleaned"] = {"too_early": too_early, "in_time": in_time}
        self.seen["after_cleaning"] = self._listed(self._copies())
        self.check("then they went", is_so=not self.seen["after_cleaning"])

    def overwrite_and_restore(self) -> None:
        """What was there before the last write comes back, by the command that an operator has."""
        self._write(6)
        before = stamp(_now())
        self._write(7)
        command = ["holdfast", "objects", "restore", KEY, "--at", before, "--to", f"{self.bucket}/restored/", "--apply"]
        self._say("restoring", f"$ {' '.join(command)}")
        done = subprocess.run(
            [Path(sys.executable).with_name(command[0]), *command[1:]],
            env=self.cloud.engine.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stdout + done.stderr).splitlines()
        for line in said:
            self.console.print(f"{'':21}{line}", style="dim", markup=False)
        sha256, expected = self._restored(), _sha256(BODIES[6])
        self._say("restored", f"SHA-256 {_short(sha256)}, version 6 had {_short(expected)}")
        self.seen["restored"] = {"command": command, "said": said, "sha256": sha256, "expected_sha256": expected}
        self.check("version 6 came back, byte for byte", is_so=sha256 == expected and done.returncode == 0)

    def _write(self, number: int) -> None:
        """Write a version, and wait for its copy: an event that came behind the next write would find that instead."""
        before = self._copies()
        self._s3.put_object(Bucket=self.bucket, Key=KEY, Body=BODIES[number])
        self._say("uploaded", f"version {number}")
        copies = self._until(f"a copy of version {number}", lambda: _if_at_rest(self._copies(), number))
        self._say("copied", _told(copies[-1]))
        for copy in before:
            if copy not in copies:
                self._say("evicted", f"version {_number(copy)}: {KEPT} newer versions have copies")

    # What is seen

    def _copies(self) -> list[Copy]:
        """The rows of the object's copies, the oldest first."""
        return sorted(self._table.read(Original(self.bucket, KEY)).copies, key=lambda copy: copy.rank)

    def _stored(self) -> list[str]:
        """The object's copies in the backup bucket."""
        listed = self._s3.list_objects_v2(Bucket=self._backups, Prefix=f"{self.bucket}/{KEY}/")
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def _listed(self, copies: list[Copy]) -> list[dict[str, Any]]:
        """Rows, each with the checksum of what is stored of it, if anything is."""
        stored = self._stored()
        return [
            {
                "copy_key": copy.copy_key,
                "written_at": stamp(copy.version.written_at),
                "size": copy.version.size,
                "status": copy.status,
                "disowned_at": stamp(copy.disowned_at) if copy.disowned_at else None,
                "sha256": self._sha256_of(self._backups, copy.copy_key) if copy.copy_key in stored else None,
            }
            for copy in copies
        ]

    def _contents(self, seen: str) -> list[str | None]:
        return [copy["sha256"] for copy in self.seen[seen]]

    def _restored(self) -> str | None:
        try:
            return self._sha256_of(self.bucket, f"restored/{KEY}")
        except self._s3.exceptions.NoSuchKey:
            return None

    def _sha256_of(self, bucket: str, key: str) -> str:
        return _sha256(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def _clean(self) -> dict[str, Any]:
        answer = self._functions.invoke(FunctionName=self.cloud.outputs["ObjectsCleanFunctionName"])
        payload: dict[str, Any] = json.load(answer["Payload"])
        return payload

    def _until[T](self, what: str, look: Callable[[], T | None]) -> T:
        """What is seen, once it is there. Raises NotInTime."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := look()) is None:
            self.cloud.check()
            if time.monotonic() > deadline:
                raise NotInTime(f"{what} within {PATIENCE_SECONDS} s")
            time.sleep(0.05)
        return found

    def _say(self, what: str, rest: str | Text) -> None:
        self.console.print(Text(f"  {time.time() - self.begun:5.1f} s  {what:<10}").append(rest))

    def check(self, what: str, *, is_so: bool) -> None:
        self.checks[what] = is_so


def _if_at_rest(copies: list[Copy], newest: int) -> list[Copy] | None:
    """The copies, once the newest is of this version and nothing more is to come of it."""
    active = _if_all_are(Status.ACTIVE, copies)
    return active if active and _number(active[-1]) == newest and len(active) <= KEPT else None


def _if_all_are(status: Status, copies: list[Copy]) -> list[Copy] | None:
    return copies if copies and all(copy.status is status for copy in copies) else None


def _number(copy: Copy) -> int:
    return NUMBERS[copy.version.size]


def _told(copy: Copy) -> Text:
    written = stamp(copy.version.written_at)[11:-1]
    line = Text(f"version {_number(copy)}  {copy.version.size:>2} bytes  written {written}  ")
    return line.append(copy.status, "green" if copy.status is Status.ACTIVE else "yellow")


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _short(sha256: str | None) -> str:
    return f"{sha256[:16]}…" if sha256 else "of nothing"


def _now() -> datetime:
    return datetime.now(UTC)
