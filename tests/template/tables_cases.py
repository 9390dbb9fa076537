"""The cases of the tables system's functions, whatever parameters the stack has."""

import json
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3

from tests.template.calls import TABLES, Account
from tests.template.stack import ROOT, environment

RESTORE = {"table": "TablesSampleTable", "to": "restored", "run": "run"}


def tables(aws: Account) -> list[str]:
    return environment("tables_check", **aws.parameters)["TABLES"].split(",")


def sample(case: str, table: str) -> Any:
    """A sample event, as if it were of this table."""
    event = json.loads((ROOT / "events" / "tables_archive" / f"{case}.json").read_text())
    for record in event["Records"]:
        record["eventSourceARN"] = f"{TABLES}{table}/stream/2026-01-15T09:00:00.000"
    return event


def archives(aws: Account) -> None:
    for table in tables(aws):
        for case in ("insert", "tenant_change", "remove", "poison_among_good"):
            aws.answer("tables_archive", sample(case, table))


def checks(aws: Account) -> None:
    check(aws, *tables(aws))


def check(aws: Account, *names: str) -> None:
    for table in names:
        large = sample("insert", table)
        large["Records"][0]["dynamodb"]["NewImage"]["notes"] = {"S": "x" * 100_000}
        aws.answer("tables_archive", large, ARCHIVE_LAYOUT="item")  # a version to read, whatever the layout is now
        boto3.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "new"}, "sk": {"S": "new"}})
    with patch("time.sleep"):
        aws.answer("tables_check", {}, TABLES=",".join(names))


def restores(aws: Account) -> None:
    boto3.client("dynamodb").update_time_to_live(
        TableName="TablesSampleTable", TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True}
    )
    check(aws, "TablesSampleTable")
    told = RESTORE | {"at": datetime.now(UTC).isoformat()}
    for _ in range(2):  # the second time it looks whose the table is that is there
        prepared = aws.answer("tables_restore", told | {"step": "prepare"})
    for prefix in prepared["prefixes"]:
        aws.answer("tables_restore", told | {"step": "partition", "prefix": prefix})
    aws.answer("tables_restore", told | {"step": "verify"})
