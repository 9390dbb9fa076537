"""How much is stored, as AWS tells it, and what it has billed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from holdfast.adapters.cost_explorer import CostExplorer
from holdfast.adapters.stored_sizes import MeasuredSizes
from holdfast.fleet.cost.run import SpendUnknown

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


def measured() -> MeasuredSizes:
    return MeasuredSizes(lambda region: boto3.client("cloudwatch", region_name=region), boto3.client("dynamodb"))


def put(bucket: str, storage_type: str, at: datetime, size: float) -> None:
    dimensions: Any = [{"Name": "BucketName", "Value": bucket}, {"Name": "StorageType", "Value": storage_type}]
    datum: Any = {"MetricName": "BucketSizeBytes", "Dimensions": dimensions, "Timestamp": at, "Value": size}
    boto3.client("cloudwatch", region_name="eu-west-1").put_metric_data(Namespace="AWS/S3", MetricData=[datum])


def test_a_bucket_is_as_large_as_the_newest_measurement_says_by_the_class_that_bills_it(account: None) -> None:
    put("b", "StandardStorage", NOW - timedelta(days=2), 7)
    put("b", "StandardStorage", NOW - timedelta(days=1), 10)
    put("b", "GlacierStorage", NOW - timedelta(days=1), 100)
    put("b", "GlacierObjectOverhead", NOW - timedelta(days=1), 32)
    put("b", "GlacierS3ObjectOverhead", NOW - timedelta(days=1), 8)
    put("other", "StandardStorage", NOW - timedelta(days=1), 1000)
    assert measured().bucket("b", "eu-west-1", NOW) == {"STANDARD": 18, "GLACIER": 132}


def test_a_bucket_that_nobody_measures_holds_nothing(account: None) -> None:
    assert measured().bucket("none", "eu-west-1", NOW) == {}


def test_a_table_is_as_large_as_it_and_its_indexes_are() -> None:
    class Client:
        exceptions = boto3.client("dynamodb", region_name="eu-west-1").exceptions

        def describe_table(self, **_: object) -> dict[str, Any]:
            return {"Table": {"TableSizeBytes": 10, "GlobalSecondaryIndexes": [{"IndexSizeBytes": 5}]}}

    client: Any = Client()
    assert MeasuredSizes(lambda _: client, client).table("t") == 15


def test_a_table_that_is_gone_holds_nothing(account: None) -> None:
    assert measured().table("none") == 0


class Explorer:
    """In the place of a client of Cost Explorer."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: dict[str, Any] = {}

    def get_cost_and_usage(self, **asked: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.asked = asked
        one = {"Keys": ["Amazon S3"], "Metrics": {"UnblendedCost": {"Amount": "1.5", "Unit": "USD"}}}
        return {"ResultsByTime": [{"Groups": [one]}, {"Groups": [one]}]}


@pytest.mark.parametrize(
    ("today", "period"),
    [
        (NOW, {"Start": "2026-11-01", "End": "2026-11-21"}),
        (NOW.replace(day=1), {"Start": "2026-10-01", "End": "2026-11-01"}),
    ],
    ids=["in a month", "on its first day"],
)
def test_what_was_billed_this_month_is_told_by_service(today: datetime, period: dict[str, str]) -> None:
    explorer = Explorer()
    assert CostExplorer(explorer).this_month(today) == {"Amazon S3": 3.0}
    assert explorer.asked["TimePeriod"] == period


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetCostAndUsage"),
        EndpointConnectionError(endpoint_url="https://ce"),
    ],
)
def test_what_cannot_be_asked_is_unknown(error: Exception) -> None:
    with pytest.raises(SpendUnknown):
        CostExplorer(Explorer(error)).this_month(NOW)
