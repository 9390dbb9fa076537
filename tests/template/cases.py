"""For each function a case that takes it through all of its calls."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

from holdfast import wiring
from tests.template import fleet_cases, objects_cases, tables_cases, warehouse_cases
from tests.template.calls import Account, account
from tests.template.stack import environment

BUCKET = environment("capacity_track")["BUCKET"]
OVER_THE_LIMIT = {"source": "aws.cloudwatch", "alarmData": {"state": {"value": "ALARM"}}}
BY_SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event"}
NOW = datetime.now(UTC)


def batch(*events: dict[str, Any]) -> dict[str, Any]:
    """SQS messages, each an S3 notification that SNS passed on."""
    bodies = [json.dumps({"Message": json.dumps({"Records": [event]})}) for event in events]
    attributes = {"ApproximateReceiveCount": "1"}
    records = [{"messageId": f"m{n}", "body": body, "attributes": attributes} for n, body in enumerate(bodies)]
    return {"Records": [{**record, "eventSource": "aws:sqs"} for record in records]}


def event(kind: str, key: str, **entity: object) -> dict[str, Any]:
    return {
        "eventName": kind,
        "eventTime": NOW.isoformat(),
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "sequencer": f"{len(kind):04X}", **entity}},
    }


def created(key: str, size: int) -> dict[str, Any]:
    return event("ObjectCreated:Put", key, size=size, eTag="e")


def put(key: str, size: int, **more: Any) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x" * size, **more)


def version_the_bucket() -> None:
    boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def tracks(aws: Account) -> None:
    put("there", 1)
    gone = event("ObjectRemoved:Delete", "gone", versionId="v")
    aws.answer("capacity_track", batch(created("there", 1), gone))


def logs(aws: Account) -> None:
    aws.answer("capacity_log", batch(event("ObjectRemoved:Delete", "gone")))


def beats(aws: Account) -> None:
    aws.answer("capacity_heartbeat", BY_SCHEDULE)


def trims(aws: Account) -> None:
    version_the_bucket()
    put("large", 3)
    aws.answer("capacity_track", batch(created("large", 3)))
    for event in (OVER_THE_LIMIT, BY_SCHEDULE):
        aws.answer("capacity_trim", event, LIMIT_BYTES="3")
    put("without a copy", 4)
    aws.answer("capacity_track", batch(created("without a copy", 4)))
    aws.answer("capacity_trim", OVER_THE_LIMIT, LIMIT_BYTES="3", PROTECTED_BUCKETS=BUCKET)


def reconciles(aws: Account) -> None:
    put("untracked", 1)
    boto3.client("s3").create_multipart_upload(Bucket=BUCKET, Key="parts")
    aws.answer("capacity_reconcile", {})
    version_the_bucket()
    aws.answer("capacity_reconcile", {})


def drives(aws: Account) -> None:
    with aws.told("capacity_drive"):
        ports = wiring.capacity_drive().keywords
        uploads, history = ports["uploads"], ports["history"]
        uploads.put("assignment1.txt", b"x")
        uploads.names()
        uploads.delete("assignment1.txt")
        list(history.points(BUCKET, NOW - timedelta(hours=1), NOW))
        history.last_before(BUCKET, NOW)
        ports["alarm"].is_on()
        with suppress(ClientError):  # there is no function to call
            ports["heart"].beat()


def plots(aws: Account) -> None:
    aws.answer("capacity_plot", {"httpMethod": "GET", "path": "/plot", "multiValueQueryStringParameters": None})


CASES: dict[str, Callable[[Account], None]] = {
    "capacity_drive": drives,
    "capacity_heartbeat": beats,
    "capacity_log": logs,
    "capacity_plot": plots,
    "capacity_reconcile": reconciles,
    "capacity_track": tracks,
    "capacity_trim": trims,
    **dict.fromkeys(fleet_cases.FUNCTIONS, fleet_cases.goes_through_all),
    "objects_clean": objects_cases.cleans,
    "objects_reconcile": objects_cases.reconciles,
    "objects_replicate": objects_cases.replicates,
    "tables_archive": tables_cases.archives,
    "tables_check": tables_cases.checks,
    "tables_restore": tables_cases.restores,
    **dict.fromkeys(warehouse_cases.FUNCTIONS, warehouse_cases.backs_up),
}


def played(name: str, **parameters: str) -> Account:
    """What has been noted of all functions that the case of this one ran, in a stack with these parameters."""
    return _played(CASES[name], **parameters)


@cache
def _played(case: Callable[[Account], None], **parameters: str) -> Account:
    with account(**parameters) as aws:
        case(aws)
    return aws
