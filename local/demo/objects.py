"""The objects system: an object is overwritten and deleted, its copies outlive that a while, and one is restored."""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.status import Status as Waiting
from rich.text import Text

from holdfast.adapters.dynamodb_objects import DynamoCopyTable
from holdfast.objects.model import Copy, Original, Status
from holdfast.objects.restore.model import stamp
from local.cloud import Cloud, parameters
from local.demo import Story
from local.demo.stage import Stage, now, said

KEY = "report.txt"
BODIES = {number: f"version {number}\n".encode() * number for number in range(1, 8)}
"""What is written, by its version. No two are of one size."""

NUMBERS = {len(body): number for number, body in BODIES.items()}
KEPT = 3


def tell(cloud: Cloud, console: Console) -> Story:
    """Write, overwrite, delete, wait and restore, and show what becomes of the copies."""
    with console.status("waiting for a function's first start") as waiting:
        play = _Play(Stage("objects", cloud, console), waiting)
        console.print(
            f"\n[bold]objects[/bold]  copies of what is written to s3://{play.bucket}: the newest {KEPT}, "
            f"and for {play.delay.seconds} s after a delete\n"
        )
        return play.stage.play(
            [play.write_and_overwrite, play.delete, play.wait_and_clean_up, play.overwrite_and_restore]
        )


@dataclass
class _Play:
    """The acts of the story."""

    stage: Stage
    waiting: Waiting

    def __post_init__(self) -> None:
        cloud = self.stage.cloud
        self._s3 = cloud.engine.client("s3")
        self._functions = cloud.engine.client("lambda")
        self._table = DynamoCopyTable(cloud.engine.client("dynamodb"), cloud.outputs["CopyTableName"], now)
        self._backups = cloud.outputs["ObjectsBackupBucketName"]
        self._cleaner = cloud.outputs["ObjectsCleanFunctionName"]
        self.bucket = cloud.outputs["ObjectsSourceBucketName"]
        self.delay = timedelta(seconds=int(parameters(cloud.engine)["DisownedDelaySeconds"]))

    # The acts

    def write_and_overwrite(self) -> None:
        for number in range(1, 6):
            self._write(number)
        copies = self._copies()
        for copy in copies:
            self.stage.say("kept", _told(copy))
        self.stage.seen["after_writing"] = self._listed(copies)
        newest = [_sha256(BODIES[number]) for number in (3, 4, 5)]
        self.stage.check(f"{KEPT} copies remained", is_so=self._contents("after_writing") == newest)

    def delete(self) -> None:
        self._s3.delete_object(Bucket=self.bucket, Key=KEY)
        self.stage.say("deleted", KEY)
        copies = self.stage.until("the copies disowned", lambda: _if_all_are(Status.DISOWNED, self._copies()))
        for copy in copies:
            self.stage.say("disowned", _told(copy))
        self.stage.seen["after_deleting"] = self._listed(copies)
        one_moment = len({copy.disowned_at for copy in copies}) == 1
        still_there = self._contents("after_deleting") == self._contents("after_writing")
        self.stage.check("the delete disowned them, and deleted none", is_so=one_moment and still_there)

    def wait_and_clean_up(self) -> None:
        """Ask the cleaner before the delay is over, and once it is: by itself it comes every minute."""
        due = datetime.fromisoformat(self.stage.seen["after_deleting"][0]["disowned_at"]) + self.delay
        too_early, there = self._clean(), len(self._stored())
        self.stage.say("cleaner", f"asked at once: {KEPT - there} of {KEPT} copies go")
        if now() < due:  # else this machine is too slow to tell
            self.stage.check("none of them went before its time", is_so=there == KEPT)
        while (left := (due - now()).total_seconds()) > 0:
            self.waiting.update(f"{left:.0f} s left for a second thought")
            time.sleep(min(left, 0.2))
        in_time = self._clean()
        self.stage.until("the copies gone", lambda: None if self._copies() or self._stored() else True)
        self.stage.say("cleaner", f"asked after the delay: {KEPT - len(self._stored())} of {KEPT} copies go")
        self.stage.seen["cleaned"] = {"too_early": too_early, "in_time": in_time}
        self.stage.seen["after_cleaning"] = self._listed(self._copies())
        self.stage.check("then they went", is_so=not self.stage.seen["after_cleaning"])

    def overwrite_and_restore(self) -> None:
        """What was there before the last write comes back, by the command that an operator has."""
        self._write(6)
        before = stamp(now())
        self._write(7)
        command = ["objects", "restore", KEY, "--at", before, "--to", f"{self.bucket}/restored/", "--apply"]
        self.stage.say("restoring", f"$ holdfast {' '.join(command)}")
        done = self.stage.command(*command)
        sha256, expected = self._restored(), _sha256(BODIES[6])
        self.stage.say("restored", f"SHA-256 {_short(sha256)}, version 6 had {_short(expected)}")
        self.stage.seen["restored"] = {
            "command": command,
            "said": said(done),
            "sha256": sha256,
            "expected_sha256": expected,
        }
        self.stage.check("version 6 came back, byte for byte", is_so=sha256 == expected and done.returncode == 0)

    def _write(self, number: int) -> None:
        """Write a version, and wait for its copy: an event that came behind the next write would find that instead."""
        before = self._copies()
        self._s3.put_object(Bucket=self.bucket, Key=KEY, Body=BODIES[number])
        self.stage.say("uploaded", f"version {number}")
        copies = self.stage.until(f"a copy of version {number}", lambda: _if_at_rest(self._copies(), number))
        self.stage.say("copied", _told(copies[-1]))
        for copy in before:
            if copy not in copies:
                self.stage.say("evicted", f"version {_number(copy)}: {KEPT} newer versions have copies")

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
        return [copy["sha256"] for copy in self.stage.seen[seen]]

    def _restored(self) -> str | None:
        try:
            return self._sha256_of(self.bucket, f"restored/{KEY}")
        except self._s3.exceptions.NoSuchKey:
            return None

    def _sha256_of(self, bucket: str, key: str) -> str:
        return _sha256(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def _clean(self) -> dict[str, Any]:
        answer = self._functions.invoke(FunctionName=self._cleaner)
        payload: dict[str, Any] = json.load(answer["Payload"])
        return payload


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
