"""The usual design: copy, put, count, delete the oldest; query, mark; query, delete. What it does not do is what it
saves: an event that comes twice makes two copies, an older one undoes a newer one, two quick writes give the second
body twice, and a crash between two calls leaves a copy that no row tells of, or a row without a copy."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import boto3

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")


def replicate(event: Mapping[str, Any], _context: object) -> None:
    """Copy what was created, and mark the copies of what was deleted."""
    [record] = event["Records"]
    bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    if record["eventName"].startswith("ObjectCreated"):
        _copy(bucket, key)
    else:
        _disown(key)
    print(json.dumps({"bucket_name": bucket, "object_name": key, "event_type": record["eventName"]}))


def _copy(bucket: str, key: str) -> None:
    now = _milliseconds()
    copy_key = f"{key}.{now}"
    backups = os.environ["BACKUP_BUCKET"]
    s3.copy_object(Bucket=backups, Key=copy_key, CopySource={"Bucket": bucket, "Key": key})
    row = {
        "original_key": {"S": key},
        "copy_key": {"S": copy_key},
        "created_at": {"N": str(now)},
        "status": {"S": "active"},
    }
    dynamodb.put_item(TableName=os.environ["COPY_TABLE"], Item=row)
    active = [copy for copy in _copies(key) if copy["status"]["S"] == "active"]
    if len(active) > int(os.environ["COPIES_TO_KEEP"]):
        oldest = min(active, key=lambda copy: int(copy["created_at"]["N"]))
        _delete(oldest)


def _disown(key: str) -> None:
    now = str(_milliseconds())
    for copy in _copies(key):
        dynamodb.update_item(
            TableName=os.environ["COPY_TABLE"],
            Key=_key(copy),
            UpdateExpression="SET #status = :disowned, disowned_at = :now",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":disowned": {"S": "disowned"}, ":now": {"N": now}},
        )


def clean(_event: Mapping[str, Any], _context: object) -> None:
    """Delete the copies that were disowned longer than the delay ago, and their rows."""
    until = _milliseconds() - 1000 * int(os.environ["DISOWNED_DELAY_SECONDS"])
    pages = dynamodb.get_paginator("query").paginate(
        TableName=os.environ["COPY_TABLE"],
        IndexName="status-disowned_at-index",
        KeyConditionExpression="#status = :disowned AND disowned_at <= :until",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":disowned": {"S": "disowned"}, ":until": {"N": str(until)}},
    )
    due = [copy for page in pages for copy in page["Items"]]
    for copy in due:
        _delete(copy)
    print(json.dumps({"cleaned": len(due)}))


def _copies(key: str) -> list[Any]:
    found = dynamodb.query(
        TableName=os.environ["COPY_TABLE"],
        KeyConditionExpression="original_key = :key",
        ExpressionAttributeValues={":key": {"S": key}},
    )
    return found["Items"]


def _delete(copy: Any) -> None:
    s3.delete_object(Bucket=os.environ["BACKUP_BUCKET"], Key=copy["copy_key"]["S"])
    dynamodb.delete_item(TableName=os.environ["COPY_TABLE"], Key=_key(copy))


def _key(copy: Any) -> dict[str, Any]:
    return {"original_key": copy["original_key"], "copy_key": copy["copy_key"]}


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
