"""What the tests of the deployed tables system do with it, and see of it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast import wiring
from holdfast.adapters.dynamodb_tables import to_boto
from holdfast.adapters.s3_tables import S3ItemObjects, S3Store
from holdfast.tables import naming
from holdfast.tables.archive import Archive
from holdfast.tables.model import Change, Image, State
from holdfast.tables.view import FOR_EVER, View
from tests.integration.clock import Clock
from tests.invocation import Functions, Invoked, sample

SAMPLE_TABLE = "holdfast-sample"
"""The table that the sample events tell of."""

WRITTEN_AT = 1_768_469_400
"""When the first of the sample events was written: 2026-01-15T09:30:00Z."""

BEGINNING = datetime(2026, 1, 15, 9, 35, tzinfo=UTC)
"""Five minutes behind the first sample event."""


@dataclass(frozen=True)
class Deployed:
    """A stack that protects the table of the sample events."""

    functions: Functions
    clock: Clock

    def try_out(self, *cases: str) -> Invoked:
        """Invoke functions with sample events, one after the other. Returns what came of the last."""
        return [self.functions.try_out(case) for case in cases][-1]

    def archive_together(self, *cases: str) -> Invoked:
        """Have sample events of tables_archive arrive in one batch."""
        records = [record for case in cases for record in sample(f"tables_archive/{case}")["Records"]]
        return self.functions.invoke("tables_archive", {"Records": records})

    # The archive

    @property
    def bucket(self) -> str:
        return self.functions.stack.environments["tables_archive"]["BACKUP_BUCKET"]

    def archive(self, table: str = SAMPLE_TABLE, prefix: str = "tables") -> Archive:
        return Archive(table, S3Store(wiring.client("s3"), self.bucket, naming.folder(prefix, table)))

    @property
    def view(self) -> View:
        return View(self.archive(), S3ItemObjects(wiring.client("s3"), self.bucket), map)

    def changes(self) -> list[Change]:
        """All that segments tell, in its order."""
        archive = self.archive()
        found = [change for segment in archive.segments(0, FOR_EVER) for change in archive.changes(segment)]
        return sorted(found, key=lambda change: change.moment)

    def state(self, at: int = FOR_EVER) -> State:
        return self.view.at(at)

    def items(self, at: int = FOR_EVER) -> list[Image]:
        """The table as the archive has it."""
        return [image for change in self.state(at).items.values() if (image := self.view.image(change))]

    def objects(self, prefix: str = "") -> dict[str, Any]:
        """The current objects of the bucket, but for segments, read as JSON."""
        s3 = wiring.client("s3")
        page: Any = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        names = [found["Key"] for found in page.get("Contents", []) if not found["Key"].endswith(".gz")]
        return {name: json.loads(s3.get_object(Bucket=self.bucket, Key=name)["Body"].read()) for name in names}

    def versions(self, key: str) -> list[Any]:
        """What an object was, the oldest first."""
        s3 = wiring.client("s3")
        told = reversed(s3.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"])
        versions = [s3.get_object(Bucket=self.bucket, Key=key, VersionId=one["VersionId"]) for one in told]
        return [json.loads(version["Body"].read()) for version in versions]


def create_sample_table(*, stream: bool = True) -> None:
    """A table as the sample events tell of it."""
    create: Any = wiring.client("dynamodb").create_table
    view: Any = {"StreamViewType": "NEW_AND_OLD_IMAGES"} if stream else {}
    create(
        TableName=SAMPLE_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        StreamSpecification={"StreamEnabled": stream, **view},
    )


def put(*found: Image) -> None:
    """Write items to the sample table."""
    for image in found:
        wiring.client("dynamodb").put_item(TableName=SAMPLE_TABLE, Item=to_boto(image))


def images(case: str) -> list[Image]:
    """The new images of a sample event."""
    return [record["dynamodb"]["NewImage"] for record in sample(f"tables_archive/{case}")["Records"]]


def metrics(invoked: Invoked) -> dict[str, float]:
    """What CloudWatch makes of the line in embedded metric format: the sum of each metric's values.

    All stand under the one dimension by which the alarms of the template find them.
    """
    (line,) = [line for line in invoked.lines if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    dimensions = {dimension: line[dimension] for dimension in directive["Dimensions"][0]}
    assert (directive["Namespace"], dimensions) == ("Holdfast", {"service": "tables"})
    return {metric["Name"]: sum(line[metric["Name"]]) for metric in directive["Metrics"]}
