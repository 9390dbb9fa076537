"""One account and stack for the tests of a module: each test has buckets and systems of its own names."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import boto3
import pytest

from local.engine import Engine
from tests import aws

_numbers = count(1)


@pytest.fixture(scope="module")
def stack() -> Iterator[aws.Stack]:
    with aws.account():
        yield aws.deploy()


@pytest.fixture(scope="module")
def moto_account() -> Iterator[None]:
    """An empty account, for tests of what no stack makes."""
    with aws.account():
        yield


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The local engine: slower than moto, and true to S3 where moto is not."""
    engine = Engine.start(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture
def bucket_name() -> str:
    """A bucket that no other test has used."""
    return f"watched-{next(_numbers)}"


# CopyTable


@pytest.fixture(scope="module")
def copy_table_in_moto(stack: aws.Stack) -> tuple[Any, str]:
    """A client, and the name of the table."""
    return _copy_table(boto3.client("dynamodb"))


@pytest.fixture(scope="session")
def copy_table_in_engine(engine: Engine) -> tuple[Any, str]:
    return _copy_table(engine.client("dynamodb"))


def _copy_table(client: Any) -> tuple[Any, str]:
    client.create_table(TableName="CopyTable", **_SCHEMA)
    return client, "CopyTable"


_SCHEMA = {
    "AttributeDefinitions": [
        {"AttributeName": "original_key", "AttributeType": "S"},
        {"AttributeName": "copy_key", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
        {"AttributeName": "disowned_at", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "original_key", "KeyType": "HASH"},
        {"AttributeName": "copy_key", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "status-disowned_at-index",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "disowned_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
