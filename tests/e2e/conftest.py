"""A cloud of the tests' own: a private engine, the stack deployed to it, and the stand-in for CloudWatch beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import cloud
from local.cloud import Cloud

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

OWN_BUCKET = "there-before-the-stack"
OWN_TABLE = "there-before-the-stack"
FLOOR = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is end to end. What uses the shared cloud goes to one worker, so that there is only one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            if "stack" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The deployed stack, shared by the whole run: tests use keys of their own, or put back what they find.

    Its breakers do not mind how much all the tests together remove in an hour.
    """
    with cloud.temporary({"BreakerFloor": "1000"}, tmp_path_factory.mktemp("cloud")) as filled:
        yield filled


@pytest.fixture(scope="session")
def s3(stack: Cloud) -> "S3Client":
    client: S3Client = stack.engine.client("s3")
    return client


@pytest.fixture(scope="session")
def dynamodb(stack: Cloud) -> "DynamoDBClient":
    client: DynamoDBClient = stack.engine.client("dynamodb")
    return client


@pytest.fixture(scope="session")
def functions(stack: Cloud) -> "LambdaClient":
    client: LambdaClient = stack.engine.client("lambda")
    return client


@pytest.fixture(scope="session")
def logs(stack: Cloud) -> "CloudWatchLogsClient":
    client: CloudWatchLogsClient = stack.engine.client("logs")
    return client


@pytest.fixture(scope="session")
def sqs(stack: Cloud) -> "SQSClient":
    client: SQSClient = stack.engine.client("sqs")
    return client


@pytest.fixture(scope="session")
def cloudwatch(stack: Cloud) -> "CloudWatchClient":
    client: CloudWatchClient = stack.engine.client("cloudwatch")
    return client


@pytest.fixture(scope="session")
def protecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A stack for buckets and tables of one's own, whose breaker minds what is removed."""
    parameters = {
        "ArchiveLayout": "item",
        "BreakerFloor": str(FLOOR),
        "BreakerSharePercent": "1",
        "DisownedDelaySeconds": "86400",
        "EnableCapacity": "false",
        "MultiTenancyColumn": "tenant",
        "PlainTextKeyAsFilename": "true",
        "ProtectedBuckets": f"{OWN_BUCKET},another",
        "ProtectedTables": OWN_TABLE,
        "SourceVersioning": "true",
    }
    with cloud.temporary(parameters, tmp_path_factory.mktemp("protecting")) as filled:
        s3 = filled.engine.client("s3")
        for name in (OWN_BUCKET, "another"):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
        yield filled
