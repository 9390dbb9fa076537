"""The cases of the objects system's functions, whatever parameters the stack has."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partialmethod
from itertools import count
from typing import Any, Literal
from unittest.mock import patch

import boto3

from holdfast.adapters.dynamodb_objects import DynamoCopyTable
from holdfast.adapters.s3_objects import S3Copier
from holdfast.events.model import Sequencer
from holdfast.objects import naming
from holdfast.objects.model import Copy, CopyKey, Original, Status, Stored, Version
from tests.template.calls import Account
from tests.template.stack import environment

client = cache(boto3.client)

BACKUPS = environment("objects_replicate")["BACKUP_BUCKET"]
NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Source:
    """A bucket whose objects get copies, and the events that it sends to objects_replicate."""

    aws: Account
    name: str
    ticks: Iterator[int] = field(default_factory=lambda: count(1))

    def keep_versions(self, status: Literal["Enabled", "Suspended"]) -> None:
        client("s3").put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def put(self, key: str) -> dict[str, Any]:
        """Put an object with a tag and a content of its own; returns what its event would say of it."""
        put: Any = client("s3").put_object
        body = f"{next(self.ticks):016X}"
        answer = put(Bucket=self.name, Key=key, Body=body, Tagging="kind=sample")
        version = {"versionId": answer["VersionId"]} if "VersionId" in answer else {}
        return {"size": len(body), "eTag": answer["ETag"].strip('"'), **version}

    def write(self, key: str, *, failing: str | None = None) -> None:
        self.tell("ObjectCreated:Put", key, failing=failing, **self.put(key))

    def tell(self, kind: str, key: str, *, failing: str | None = None, **entity: Any) -> None:
        record = {
            "eventName": kind,
            "eventTime": NOW.isoformat(),
            "s3": {
                "bucket": {"name": self.name},
                "object": {"key": key, "sequencer": f"{next(self.ticks):016X}", **entity},
            },
        }
        self.aws.answer("objects_replicate", {"Records": [record]}, failing=failing, COPIES_TO_KEEP="1")

    def reconcile(self, *, failing: str | None = None) -> None:
        settings = {"BUCKETS": self.name, "COPIES_TO_KEEP": "1"}
        self.aws.answer("objects_reconcile", {}, failing=failing, **settings)

    def copy_key(self, key: str) -> CopyKey:
        return naming.copy_key(Original(self.name, key), BEFORE, Sequencer("0"), "x")

    def announced(self, key: str) -> Copy:
        """A copy whose row is two hours old."""
        version = Version(Original(self.name, key), etag="e", size=1, written_at=BEFORE)
        return Copy(version, self.copy_key(key), Sequencer("0"), created_at=BEFORE)

    def left_over(self, key: str) -> None:
        """There is a copy that was never activated."""
        table().announce(self.announced(key))
        store(self.copy_key(key))


def sources(aws: Account) -> list[Source]:
    return [Source(aws, name) for name in environment("objects_reconcile", **aws.parameters)["BUCKETS"].split(",")]


def table() -> DynamoCopyTable:
    return DynamoCopyTable(client("dynamodb"), "CopyTable", lambda: NOW)


def store(copy_key: CopyKey) -> None:
    client("s3").put_object(Bucket=BACKUPS, Key=copy_key, Body=b"x")


@contextmanager
def in_parts() -> Iterator[None]:
    """However small an object is, it is copied in parts."""
    with patch.object(S3Copier, "__init__", partialmethod(S3Copier.__init__, copied_at_once=0)):
        yield


def replicates(aws: Account) -> None:
    for source in sources(aws):
        source.keep_versions("Suspended")
        source.tell("ObjectCreated:Put", "gone", size=1, eTag="e")
        _write_and_delete(source)
        source.keep_versions("Enabled")
        _write_and_delete(source)
        source.left_over("left over")
        source.write("left over")
        source.write("of a name that is cut" * 48)


def _write_and_delete(source: Source) -> None:
    source.write("overwritten")
    source.write("overwritten")
    source.tell("ObjectRemoved:Delete", "overwritten", versionId="v")
    with in_parts():
        source.write("large")
        with suppress(ExceptionGroup):
            source.write("larger", failing="UploadPartCopy")


def cleans(aws: Account) -> None:
    source = sources(aws)[0]
    store(source.copy_key("stored"))
    for keys in (["stored"], ["one"], ["two", "three"]):
        for key in keys:
            table().adopt(replace(source.announced(key), status=Status.DISOWNED, disowned_at=BEFORE))
        aws.answer("objects_clean", {}, DISOWNED_DELAY_SECONDS="3600")


def reconciles(aws: Account) -> None:
    for source in sources(aws):
        source.keep_versions("Suspended")
        _put_and_reconcile(source)
        source.keep_versions("Enabled")
        _put_and_reconcile(source)
        source.put("left over")
        source.left_over("left over")
        source.put("lost")
        lost = source.announced("lost")
        table().announce(lost)
        table().activate(lost, Stored("e"))
        store(source.copy_key("orphan"))
        source.reconcile()


def _put_and_reconcile(source: Source) -> None:
    source.put("untold")
    source.reconcile()
    source.put("untold")
    with in_parts():
        source.reconcile()
        source.put("large")
        with suppress(ExceptionGroup):
            source.reconcile(failing="UploadPartCopy")
