"""Items past the SDK's conversions: as DynamoDB has them, for these calls alone."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto import mock_aws

from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.tables.model import Image
from holdfast.tables.ports import TableMissing

TABLE = "orders"
IMAGE: Image = {"pk": {"S": "a"}, "raw": {"B": "AAE="}, "all": {"L": [{"BS": ["AAE=", "/w=="]}, {"N": "1.50"}]}}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    with mock_aws():
        made: Any = boto3.client("dynamodb", "eu-west-1", config=Config(retries={"total_max_attempts": 1}))
        made.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield made


def answering(client: Any, status: int, told: Any) -> list[Any]:
    """Have the next writes answered so. Returns what they send."""
    sent: list[Any] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        sent.append(json.loads(request.body))
        headers = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, status, headers, Raw(json.dumps(told).encode()))  # type: ignore[arg-type]

    client.meta.events.register_first("before-send.dynamodb.BatchWriteItem", answer)
    return sent


class Raw(BytesIO):
    """A body, as urllib3 has it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


def test_what_is_sent_is_the_image_as_it_is(client: Any) -> None:
    sent = answering(client, 200, {"UnprocessedItems": {}})
    assert DynamoTable(client, TABLE).put_all([IMAGE]) == []
    assert sent == [{"RequestItems": {TABLE: [{"PutRequest": {"Item": IMAGE}}]}}]


def test_what_dynamodb_does_not_get_to_comes_back_as_it_was(client: Any) -> None:
    answering(client, 200, {"UnprocessedItems": {TABLE: [{"PutRequest": {"Item": IMAGE}}]}})
    assert DynamoTable(client, TABLE).put_all([IMAGE, {"pk": {"S": "b"}}]) == [IMAGE]


def test_an_error_is_the_sdks(client: Any) -> None:
    answering(client, 400, {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "no"})
    with pytest.raises(TableMissing):
        DynamoTable(client, TABLE).put_all([IMAGE])


def test_whoever_else_uses_the_client_notices_nothing(client: Any) -> None:
    table = DynamoTable(client, TABLE)
    table.put_all([IMAGE])
    assert table.scan(0, 1, None, 10).items == [IMAGE]
    [found] = client.scan(TableName=TABLE)["Items"]
    assert found["raw"] == {"B": b"\x00\x01"}
    client.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": {"pk": {"S": "b"}, "raw": {"B": b"\x02"}}}}]})
    assert client.get_item(TableName=TABLE, Key={"pk": {"S": "b"}})["Item"]["raw"] == {"B": b"\x02"}
