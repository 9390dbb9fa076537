"""What the tests of the deployed objects system do with it, and see of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from urllib.parse import quote_plus

from holdfast import wiring
from holdfast.adapters.dynamodb_breaker import DynamoBreakerStore
from holdfast.adapters.dynamodb_objects import DynamoCensus, DynamoCopyTable
from holdfast.breaker import run as breaker
from holdfast.objects.model import Kept, Original
from tests import aws
from tests.integration.clock import Clock
from tests.invocation import Functions, Invoked, sample

NAME = "assignment1.txt"
"""The key that the sample events tell of."""

BODY = b"x" * 18
"""What was written, as the sample events tell it."""

DAY = timedelta(days=1)

BEGINNING = datetime(2026, 1, 15, 9, 30, 2, tzinfo=UTC)
"""Two seconds behind the first sample event."""


@dataclass(frozen=True)
class Deployed:
    """A stack that protects the bucket of the sample events."""

    functions: Functions
    clock: Clock
    _told: list[None] = field(default_factory=list)

    def try_out(self, case: str) -> Invoked:
        return self.functions.try_out(case)

    def replicate(self, *events: dict[str, Any]) -> Invoked:
        """Have them arrive, in this order, in one message."""
        return self.functions.invoke(
            "objects_replicate", {"Records": [r for event in events for r in event["Records"]]}
        )

    # The protected bucket, and what S3 would tell of it

    def put(self, name: str = NAME, body: bytes = BODY, **settings: Any) -> dict[str, Any]:
        """Write an object. Returns the event of it."""
        answer: Any = wiring.client("s3").put_object(Bucket=aws.SAMPLE_BUCKET, Key=name, Body=body, **settings)
        of_version = {"versionId": answer["VersionId"]} if "VersionId" in answer else {}
        told = {"size": len(body), "eTag": md5(body).hexdigest(), **of_version}
        return self._event("objects_replicate/s3_put", name, told)

    def delete(self, name: str = NAME) -> dict[str, Any]:
        """Delete an object. Returns the event of it."""
        answer: Any = wiring.client("s3").delete_object(Bucket=aws.SAMPLE_BUCKET, Key=name)
        if answer.get("DeleteMarker"):
            return self._event("objects_replicate/s3_delete_marker", name, {"versionId": answer["VersionId"]})
        return self._event("objects_replicate/s3_delete", name, {})

    def delete_version(self, event: dict[str, Any]) -> dict[str, Any]:
        """Delete the version that an event told of. Returns the event of it."""
        told = event["Records"][0]["s3"]["object"]
        wiring.client("s3").delete_object(Bucket=aws.SAMPLE_BUCKET, Key=told["key"], VersionId=told["versionId"])
        return self._event("objects_replicate/s3_delete", told["key"], {"versionId": told["versionId"]})

    def _event(self, pattern: str, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """A sample event, but of this object, and in its order."""
        self._told.append(None)
        event = sample(pattern)
        entity = event["Records"][0]["s3"]["object"]
        entity |= told | {"key": quote_plus(name, safe="/"), "sequencer": f"006968B5E8{len(self._told):08X}"}
        return event

    def put_and_replicated(self, name: str = NAME, *bodies: bytes) -> None:
        """Write an object, several times, and have each event of it arrive."""
        for body in bodies or (BODY,):
            self.replicate(self.put(name, body))

    # Copies

    @property
    def backup_bucket(self) -> str:
        return self.functions.stack.environments["objects_replicate"]["BACKUP_BUCKET"]

    @property
    def table(self) -> DynamoCopyTable:
        return DynamoCopyTable(wiring.client("dynamodb"), self.functions.stack.tables["CopyTable"], self.clock.now)

    def rows(self, name: str = NAME) -> Kept:
        return self.table.read(Original(aws.SAMPLE_BUCKET, name))

    def stored(self) -> dict[str, bytes]:
        """The objects of the backup bucket."""
        s3 = wiring.client("s3")
        page: Any = s3.list_objects_v2(Bucket=self.backup_bucket)
        names = [found["Key"] for found in page.get("Contents", [])]
        return {name: s3.get_object(Bucket=self.backup_bucket, Key=name)["Body"].read() for name in names}

    def lose(self, *copy_keys: str) -> None:
        """Objects of the backup bucket vanish, and nobody tells."""
        for copy_key in copy_keys:
            wiring.client("s3").delete_object(Bucket=self.backup_bucket, Key=copy_key)

    def copies(self, name: str = NAME) -> list[tuple[str, bytes | None]]:
        """The copies of one object, the oldest first: what its row says of each, and what is stored under its name."""
        stored = self.stored()
        rows = sorted(self.rows(name).copies, key=lambda copy: copy.rank)
        return [(copy.status.value, stored.get(copy.copy_key)) for copy in rows]

    def guarded(self) -> int:
        """How many objects have copies, as the breaker is told."""
        return DynamoCensus(wiring.client("dynamodb"), self.functions.stack.tables["CopyTable"]).counted()

    def resume_the_breaker(self) -> None:
        """What `holdfast breaker resume objects --apply` does."""
        breaker.resume(
            "objects", DynamoBreakerStore(wiring.client("dynamodb"), self.functions.stack.tables["BreakerTable"])
        )


def metrics(invoked: Invoked) -> dict[str, float]:
    """What CloudWatch makes of the line in embedded metric format: the sum of each metric's values.

    All stand under the one dimension by which the alarms of the template find them.
    """
    (line,) = [line for line in invoked.lines if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    dimensions = {dimension: line[dimension] for dimension in directive["Dimensions"][0]}
    assert (directive["Namespace"], dimensions) == ("Holdfast", {"service": "objects"})
    return {metric["Name"]: sum(line[metric["Name"]]) for metric in directive["Metrics"]}
