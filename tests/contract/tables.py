"""Archives, tables and streams, in memory, in moto and in the local engine."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import boto3
import pytest

from holdfast.adapters.dynamodb_tables import DynamoTable
from holdfast.adapters.memory_tables import MemoryTable
from holdfast.tables.model import Description, Image
from holdfast.tables.ports import LiveTable

NOW = 1_800_000_000
_numbers = count(1)

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
    ],
}
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}

EVERY_TYPE: Mapping[str, Any] = {
    "text": {"S": "h\u00e9 \N{GRINNING FACE}\n\"'"},
    "empty text": {"S": ""},
    "38 digits": {"N": "0.12345678901234567890123456789012345678"},
    "negative": {"N": "-150"},
    "bytes": {"B": "AP+A"},
    "no bytes": {"B": ""},
    "texts": {"SS": ["", "a", "b"]},
    "numbers": {"NS": ["-1", "0.5", "12345678901234567890123456789012345678"]},
    "some bytes": {"BS": ["AA==", "Yg=="]},
    "list": {"L": [{"NULL": True}, {"L": []}, {"B": "Yg=="}]},
    "map": {"M": {" ": {"M": {}}, "in.it#": {"L": [{"M": {"deep": {"BS": ["AA=="]}, "n": {"N": "1"}}}]}}},
    "no": {"BOOL": False},
    "yes": {"BOOL": True},
    "null": {"NULL": True},
    "size": {"S": "a reserved word"},
}


def a_name(kind: str) -> str:
    """One that no other test has used."""
    return f"{kind}-{next(_numbers)}"


def a_client(request: pytest.FixtureRequest, where: str, service: str) -> Any:
    """`where`: moto or engine."""
    if where == "engine":
        client = request.getfixturevalue("engine").client(service)
    else:
        request.getfixturevalue("moto_account")
        client = boto3.client(service)  # type: ignore[call-overload]
    return client


def a_bucket(client: Any, *, versioned: bool = False) -> str:
    bucket = a_name("archive")
    elsewhere = client.meta.region_name != "us-east-1"
    place = {"CreateBucketConfiguration": {"LocationConstraint": client.meta.region_name}} if elsewhere else {}
    client.create_bucket(Bucket=bucket, **place)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def keys(pk: str, sk: int = 0) -> Image:
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def an_item(pk: str, sk: int = 0, **attributes: Any) -> Image:
    return {**keys(pk, sk), **attributes}


def a_table(request: pytest.FixtureRequest, where: str, **settings: Any) -> LiveTable:
    """An empty one."""
    name = a_name("table")
    if where == "memory":
        description = Description(NOW, {"TableName": name, **KEYS, **settings}, {"TimeToLiveStatus": "DISABLED"})
        return MemoryTable(name, description, now=lambda: NOW)
    client = a_client(request, where, "dynamodb")
    client.create_table(TableName=name, **{"BillingMode": "PAY_PER_REQUEST", **KEYS, **settings})
    return DynamoTable(client, name)


def no_table(request: pytest.FixtureRequest, where: str) -> LiveTable:
    """One that is not there."""
    name = a_name("table")
    if where == "memory":
        return MemoryTable(name, None, now=lambda: NOW)
    return DynamoTable(a_client(request, where, "dynamodb"), name)
