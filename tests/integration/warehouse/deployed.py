"""What the tests of the deployed warehouse system do with it, and see of it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from holdfast import wiring
from local.invoke import SAMPLE_INVENTORY, SAMPLE_LAKE, fill_sample_warehouse
from tests.integration.clock import Clock
from tests.invocation import Functions, Invoked, sample

RUN: str = sample("warehouse_report/report")["run"]
"""The run of the sample events."""

DATA, LOG = "sales/part-00000.parquet", "sales/_delta_log/00000000000000000000.json"

BEGINNING = SAMPLE_INVENTORY + timedelta(hours=2)
"""Two hours behind the sample inventory."""


@dataclass(frozen=True)
class Deployed:
    """A stack whose one source is the warehouse of the sample events."""

    functions: Functions
    clock: Clock

    def try_out(self, *cases: str) -> Invoked:
        """Invoke functions with sample events, one after the other. Returns what came of the last."""
        return [self.functions.try_out(case) for case in cases][-1]

    @property
    def told(self) -> Any:
        return self.functions.stack.environments["warehouse_discover"]

    @property
    def bucket(self) -> str:
        name: str = self.told["BACKUP_BUCKET"]
        return name

    def make_lake(self) -> None:
        wiring.client("s3").create_bucket(Bucket=SAMPLE_LAKE)
        fill_sample_warehouse(wiring.client("s3"), self.told["INVENTORIES"])

    def keys(self, prefix: str = "") -> list[str]:
        """What the backup holds below a prefix, without it."""
        prefix = f"warehouse/{prefix}"
        page = wiring.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"].removeprefix(prefix) for found in page.get("Contents", [])]

    def document(self, name: str) -> Any:
        """What a run wrote down."""
        key = f"warehouse/runs/{RUN}/{name}"
        return json.loads(wiring.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def storage_class(self, key: str) -> str:
        """Of a copy."""
        found: dict[str, str] = wiring.client("s3").head_object(
            Bucket=self.bucket, Key=f"warehouse/copies/{RUN}/{SAMPLE_LAKE}/{key}"
        )
        return found.get("StorageClass", "STANDARD")

    def tags(self, key: str) -> dict[str, str]:
        """Of a copy."""
        told = wiring.client("s3").get_object_tagging(
            Bucket=self.bucket, Key=f"warehouse/copies/{RUN}/{SAMPLE_LAKE}/{key}"
        )
        return {tag["Key"]: tag["Value"] for tag in told["TagSet"]}


def metrics(invoked: Invoked) -> dict[str, float]:
    """What CloudWatch makes of the line in embedded metric format, under the one dimension of the alarms."""
    (line,) = [line for line in invoked.lines if "_aws" in line]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    dimensions = {dimension: line[dimension] for dimension in directive["Dimensions"][0]}
    assert (directive["Namespace"], dimensions) == ("Holdfast", {"service": "warehouse"})
    return {metric["Name"]: sum(line[metric["Name"]]) for metric in directive["Metrics"]}
