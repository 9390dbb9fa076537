"""The usual design: one invocation, one read and two writes for each event. What it does not do is what it saves: no
total is kept, a duplicate counts twice, an older event undoes a newer one, and a crash between its writes loses one."""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import boto3

dynamodb = boto3.client("dynamodb")


def track(event: Mapping[str, Any], _context: object) -> None:
    """Note the object's size, and how it differs from the last one."""
    bucket, name, kind, size, time = _read(event)
    delta = size - _last_size(bucket, name)
    key = {"bucket_name": {"S": bucket}, "object_name": {"S": name}}
    if kind.startswith("ObjectCreated"):
        row = {**key, "size": {"N": str(size)}, "updated_at": {"S": time}}
        dynamodb.put_item(TableName=os.environ["OBJECT_TABLE"], Item=row)
    else:
        dynamodb.delete_item(TableName=os.environ["OBJECT_TABLE"], Key=key)
    change = {
        "bucket_name": {"S": bucket},
        "event_key": {"S": f"{time}#{name}"},
        "object_name": {"S": name},
        "event_type": {"S": kind},
        "size_delta": {"N": str(delta)},
        "time": {"S": time},
    }
    dynamodb.put_item(TableName=os.environ["HISTORY_TABLE"], Item=change)
    print(json.dumps({"bucket_name": bucket, "object_name": name, "size_delta": delta}))


def log(event: Mapping[str, Any], _context: object) -> None:
    """Log how the object's size changed: for a delete it has to be looked up."""
    bucket, name, kind, size, _ = _read(event)
    delta = size if kind.startswith("ObjectCreated") else -_last_size(bucket, name)
    print(json.dumps({"bucket_name": bucket, "object_name": name, "event_type": kind, "size_delta": delta}))


def _read(event: Mapping[str, Any]) -> tuple[str, str, str, int, str]:
    [message] = event["Records"]
    [record] = json.loads(json.loads(message["body"])["Message"])["Records"]
    entity = record["s3"]["object"]
    name = unquote_plus(entity["key"])
    return record["s3"]["bucket"]["name"], name, record["eventName"], entity.get("size", 0), record["eventTime"]


def _last_size(bucket: str, name: str) -> int:
    key = {"bucket_name": {"S": bucket}, "object_name": {"S": name}}
    found = dynamodb.get_item(TableName=os.environ["OBJECT_TABLE"], Key=key)
    return int(found.get("Item", {"size": {"N": "0"}})["size"]["N"])
