"""What the tests of the deployed capacity system do with it, and see of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast import wiring
from holdfast.adapters.dynamodb import DynamoLedger
from holdfast.adapters.dynamodb_history import DynamoHistory
from holdfast.capacity.model import HistoryPoint, ObjectRow
from tests import aws
from tests.invocation import Functions, Invoked


@dataclass(frozen=True)
class Deployed:
    """A stack that watches the bucket of the sample events."""

    functions: Functions

    def try_out(self, case: str) -> Invoked:
        return self.functions.try_out(case)

    # The bucket

    def put(self, **sizes: int) -> None:
        for name, size in sizes.items():
            wiring.client("s3").put_object(Bucket=aws.SAMPLE_BUCKET, Key=name, Body=b"x" * size)

    def holding(self, **sizes: int) -> "Deployed":
        """The same, with these objects in the bucket and in the table."""
        self.put(**sizes)
        self.try_out("capacity_reconcile/by_hand")
        return self

    def stored(self) -> list[tuple[str, int]]:
        """Everything that is paid for, versions that are hidden too."""
        page: Any = wiring.client("s3").list_object_versions(Bucket=aws.SAMPLE_BUCKET)
        return sorted((version["Key"], version["Size"]) for version in page.get("Versions", []))

    def names(self) -> list[str]:
        page = wiring.client("s3").list_objects_v2(Bucket=aws.SAMPLE_BUCKET)
        return [found["Key"] for found in page.get("Contents", [])]

    # The tables

    @property
    def ledger(self) -> DynamoLedger:
        tables = self.functions.stack.tables
        return DynamoLedger(wiring.client("dynamodb"), tables["ObjectTable"], tables["HistoryTable"])

    @property
    def total(self) -> int:
        return self.ledger.read(aws.SAMPLE_BUCKET, [])[0].total_size

    def rows(self) -> list[ObjectRow]:
        return list(self.ledger.rows(aws.SAMPLE_BUCKET, ""))

    def tracked(self) -> dict[str, int]:
        return {row.name: row.size for row in self.rows() if row.size is not None}

    def history(self) -> list[HistoryPoint]:
        history = DynamoHistory(wiring.client("dynamodb"), self.functions.stack.tables["HistoryTable"])
        return list(
            history.points(aws.SAMPLE_BUCKET, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
        )

    # The alarm and its metric

    def set_alarm(self, state: Any) -> None:
        name = self.functions.stack.environments["capacity_trim"]["ALARM_NAME"]
        wiring.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")


def metric(invoked: Invoked) -> list[tuple[dict[str, str], int]]:
    """The values that the template's metric filter takes from a log, with their dimensions."""
    stated = aws.template()["Resources"]["CapacityTotalMetric"]["Properties"]
    assert stated["FilterPattern"] == "{ $.total_size = * }"
    (transformation,) = stated["MetricTransformations"]
    value, dimensions = transformation["MetricValue"], transformation["Dimensions"]
    return [
        ({d["Key"]: line[d["Value"].removeprefix("$.")] for d in dimensions}, line[value.removeprefix("$.")])
        for line in invoked.lines
        if "total_size" in line
    ]
