"""One account and stack for the tests of a module: each test has buckets and systems of its own names."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from local.engine import Engine
from tests import aws

_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module's tests run in one process: its account and stack are made once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


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
def answers() -> Iterator[Any]:
    """S3, answering as it is told: a client of a session of its own, that mends nothing."""
    session = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(session.client("s3")) as stubber:
        yield stubber


@pytest.fixture
def bucket_name() -> str:
    """A bucket that no other test has used."""
    return f"watched-{next(_numbers)}"


@pytest.fixture(scope="module")
def copy_table_in_moto(stack: aws.Stack) -> tuple[Any, str]:
    """A client, and the name of CopyTable."""
    return boto3.client("dynamodb"), stack.tables["CopyTable"]


@pytest.fixture(scope="session")
def copy_table_in_engine(engine: Engine) -> tuple[Any, str]:
    """A client, and the name of CopyTable."""
    stated = aws.template()["Resources"]["CopyTable"]["Properties"]
    heeded = {"AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"}
    client = engine.client("dynamodb")
    client.create_table(TableName="CopyTable", **{name: stated[name] for name in heeded})
    return client, "CopyTable"
