"""The cases of the warehouse system's functions, whatever parameters the stack has."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import boto3

from holdfast import wiring
from holdfast.adapters.s3_warehouse import S3WarehouseBucket
from holdfast.warehouse import planning
from holdfast.warehouse.model import Item, Kind, Listed, Source
from holdfast.warehouse.write_inventory import InventoryWriter, Place
from local.invoke import SAMPLE_BODY, sample_log
from tests.template.calls import Account
from tests.template.stack import environment

STEPS = ("discover", "validate", "plan", "copy", "commit", "verify", "retire", "report")
FUNCTIONS = tuple(f"warehouse_{step}" for step in STEPS)

TABLE = {"sales/_delta_log/00000000000000000000.json": sample_log(), "sales/part-00000.parquet": SAMPLE_BODY}
NOBODYS = "sales/left-over.parquet"
"""In no version of the table."""

FIRST = datetime(2026, 1, 15, 3, tzinfo=UTC)
DAYS = (0, 100, 140)
"""When runs are. What is gone in the second is marked then, and expires in the third."""


def backs_up(aws: Account) -> None:
    """Three runs, between the first of which a file vanishes."""
    with ExitStack() as opened:
        scratch = {"SCRATCH_FOLDER": opened.enter_context(TemporaryDirectory())}
        opened.enter_context(patch("holdfast.adapters.slack.post", lambda *_: 200))
        for day in DAYS:
            now = FIRST + timedelta(days=day)
            write(aws, TABLE if day else TABLE | {NOBODYS: SAMPLE_BODY}, now)
            with patch.object(wiring, "now", lambda now=now: now):
                run(aws, now, scratch)
        with patch.object(wiring, "now", lambda: FIRST + timedelta(days=DAYS[-1], hours=1)):
            goes_the_other_ways(aws, scratch)
        copies_versions_and_parts(aws, scratch)


def run(aws: Account, now: datetime, scratch: Mapping[str, str]) -> None:
    """As the state machine asks for it."""
    told: dict[str, Any] = {"started": now.isoformat(), "execution": f"{now:%Y%m%d}", "sources": []}
    [item] = aws.answer("warehouse_discover", told)["sources"]
    aws.answer("warehouse_validate", item | {"since": now.isoformat()})
    for phase in aws.answer("warehouse_plan", item, **scratch)["phases"]:
        order = item | {"phase": phase, "job": None}
        aws.answer("warehouse_copy", order, **scratch)
        aws.answer("warehouse_commit", order, **scratch)
    aws.answer("warehouse_verify", item, **scratch)
    aws.answer("warehouse_retire", item, **scratch)
    failed = {"step": "failed", "error": {"Error": "ManifestCorrupt", "Cause": "its MD5"}}
    for asked in (item | failed, {"step": "report", "run": item["run"]}, {"step": "watch"}):
        aws.answer("warehouse_report", asked, **scratch)


def goes_the_other_ways(aws: Account, scratch: Mapping[str, str]) -> None:
    """A plan that Athena makes, and a commit of a job whose copy may not be of what was listed."""
    told: dict[str, Any] = {"started": FIRST.isoformat(), "execution": "another", "sources": []}
    [item] = aws.answer("warehouse_discover", told)["sources"]
    aws.answer("warehouse_plan", item | {"engine": "athena"}, **scratch)
    s3, backup = boto3.client("s3"), environment("warehouse_plan", **aws.parameters)["BACKUP_BUCKET"]
    with aws.told("warehouse_plan", **scratch):
        warehouse = wiring.warehouse_plan(lambda *_, **__: None).warehouse
        asked = warehouse.load(warehouse.folder(Item.of(item)) + planning.ASKED)
        s3.put_object(Bucket=backup, Key=f"{asked['folder']}copies/answer", Body=b"no answer of Athena")
    with suppress(Exception):
        aws.answer("warehouse_plan", item, **scratch)
    [item] = aws.answer("warehouse_discover", told | {"execution": "a third"})["sources"]
    phase = aws.answer("warehouse_plan", item, **scratch)["phases"][-1] | {"engine": "batch"}
    aws.answer("warehouse_copy", item | {"phase": phase}, **scratch)
    for key, body in TABLE.items():
        s3.put_object(Bucket=backup, Key=f"{phase['target']}/{key}", Body=b"x" * len(body))
    aws.answer("warehouse_commit", item | {"phase": phase, "job": {"id": "1", "status": "Complete"}}, **scratch)


def copies_versions_and_parts(aws: Account, scratch: Mapping[str, str]) -> None:
    """What the table above has nothing of."""
    bucket = source(aws).bucket
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = s3.put_object(Bucket=bucket, Key="sales/version.parquet", Body=SAMPLE_BODY)
    etag = put["ETag"].strip('"')
    for failing in (None, "UploadPartCopy"):
        with aws.told("warehouse_copy", failing, **scratch):
            copier: Any = wiring.warehouse_copy(lambda *_, **__: None).copier_of(bucket, "GLACIER")
            in_parts = replace(copier, copier=replace(copier.copier, copied_at_once=0))
            for each in (copier, in_parts):
                for version_id in (put["VersionId"], None):
                    listed = Listed("sales/version.parquet", version_id, etag, len(SAMPLE_BODY), FIRST, Kind.DATA)
                    with suppress(Exception):
                        each(listed, f"warehouse/copies/R/{bucket}/{listed.key}")


def source(aws: Account) -> Source:
    return Source.parse(environment("warehouse_discover", **aws.parameters)["SOURCES"])


def write(aws: Account, objects: Mapping[str, bytes], now: datetime) -> None:
    """Have exactly these objects in the source, and an inventory of them."""
    lake, told = source(aws), environment("warehouse_discover", **aws.parameters)
    s3 = boto3.client("s3")
    s3.delete_object(Bucket=lake.bucket, Key=NOBODYS)
    for key, body in objects.items():
        s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    bucket, _, folder = told["INVENTORIES"].removeprefix("s3://").partition("/")
    place = Place(S3WarehouseBucket(s3, bucket), f"{folder}/", lake.bucket, lake.inventory_id)
    listed = list(S3WarehouseBucket(s3, lake.bucket).listing(""))
    with TemporaryDirectory() as scratch:
        InventoryWriter(place, Path(scratch), lambda: f"{now:%Y%m%d}").write([listed], now - timedelta(hours=2))
