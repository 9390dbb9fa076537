"""`holdfast warehouse restore` over HTTP, as deltalake needs it: what it says, and what a reader finds afterwards."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from deltalake import DeltaTable

from holdfast import wiring
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_warehouse import S3WarehouseBucket, S3WarehouseCopier, delta_options
from holdfast.adapters.stack import Stack
from holdfast.cli.warehouse import deployed
from local.engine import REGION, Engine
from tests.conftest import forget_wiring
from tests.delta_tables import rows_of
from tests.integration.command.shell import NOT_APPLIED, Answer, Shell
from tests.unit.warehouse.restore.lake import BEGAN, Lake, a_warehouse


@dataclass(frozen=True)
class S3User:
    client: Any

    def put(self, key: str, body: bytes, /) -> None:
        self.client.put_object(Bucket="lake", Key=key, Body=body)

    def remove(self, key: str, /) -> None:
        self.client.delete_object(Bucket="lake", Key=key)


@dataclass
class Time:
    now: datetime = BEGAN

    def forward(self, time: timedelta) -> None:
        self.now += time


@dataclass(frozen=True)
class Desk(Shell):
    lake: Lake

    def restore(self, *words: str, to: str = "s3://new/again") -> Answer:
        return self.run("warehouse", "restore", *words, "--to", to)

    @property
    def client(self) -> Any:
        return wiring.client("s3")

    def rows(self, prefix: str = "again", bucket: str = "new") -> list[tuple[int, str]]:
        options = delta_options(self.client, REGION)
        return rows_of(DeltaTable(f"s3://{bucket}/{prefix}", storage_options=options))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [found.key for found in S3WarehouseBucket(self.client, bucket).listing(prefix)]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """What answers deltalake, which knows no AWS in memory."""
    engine = Engine.start(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.stop()


@pytest.fixture
def desk(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in engine.variables().items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()
    forget_wiring()
    client = wiring.client("s3")
    for bucket in ("lake", "backup", "inventories", "new"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    outputs = {
        "WarehouseBackupBucketName": "backup",
        "WarehouseInventoryPlace": "s3://inventories/daily",
    }
    monkeypatch.setattr(deployed, "find", lambda name: Stack(name, outputs, {"WarehousePrefix": "warehouse"}))
    time = Time()
    for name in ("lake", "scratch"):
        (tmp_path / name).mkdir()

    def bucket_of(name: str) -> S3WarehouseBucket:
        return S3WarehouseBucket(client, name)

    lake = Lake(
        folder=tmp_path / "lake",
        warehouse=a_warehouse(tmp_path / "scratch", bucket_of, lambda: time.now),
        user=S3User(client),
        bucket=bucket_of("lake"),
        copier=lambda storage_class: S3WarehouseCopier.from_bucket("lake", S3Copier(client, "backup", storage_class)),
        forward=time.forward,
    )
    yield Desk(monkeypatch, capsys, lake)
    for bucket in ("lake", "backup", "inventories", "new"):
        for key in S3WarehouseBucket(client, bucket).listing(""):
            client.delete_object(Bucket=bucket, Key=key.key)
        client.delete_bucket(Bucket=bucket)
    forget_wiring()


def test_a_lost_table_is_read_as_it_was(desk: Desk) -> None:
    table = desk.lake.table()
    table.append(*range(8))
    table.append(8, 9)
    rows = table.rows()
    desk.lake.back_up()
    table.drop()
    desk.lake.sync()
    plan = desk.restore("shop/orders")
    assert plan.status == 0, plan.err
    assert plan.out.endswith(NOT_APPLIED)
    assert desk.keys("new") == []
    done = desk.restore("shop/orders", "--apply")
    assert done.status == 0, done.err
    print(done.out)
    assert desk.rows() == rows
