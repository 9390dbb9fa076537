"""A lake in S3 that a stack backs up, as the warehouse commands find it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast import wiring
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_warehouse import S3WarehouseBucket, S3WarehouseCopier
from holdfast.adapters.stack import Stack
from holdfast.cli.warehouse import deployed
from tests.integration.command.shell import Shell
from tests.unit.warehouse.restore.lake import BEGAN, Lake
from tests.warehouses import a_warehouse

BUCKETS = ("lake", "backup", "inventories", "new")


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
    """An operator's desk, the lake, and the clock by which it is backed up."""

    lake: Lake
    time: Time

    @property
    def client(self) -> Any:
        return wiring.client("s3")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return [found.key for found in S3WarehouseBucket(self.client, bucket).listing(prefix)]

    def copies(self) -> Sequence[str]:
        """Keys of data files in the backup."""
        return [key for key in self.keys("backup", "warehouse/copies/") if "_delta_log" not in key]


def a_desk(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """With empty buckets that are there already."""
    client, time = wiring.client("s3"), Time()
    outputs = {
        "WarehouseBackupBucketName": "backup",
        "WarehouseInventoryPlace": "s3://inventories/daily",
    }
    monkeypatch.setattr(deployed, "find", lambda name: Stack(name, outputs, {"WarehousePrefix": "warehouse"}))
    for name in ("lake", "scratch"):
        (folder / name).mkdir()

    def bucket_of(name: str) -> S3WarehouseBucket:
        return S3WarehouseBucket(client, name)

    lake = Lake(
        folder=folder / "lake",
        warehouse=a_warehouse(folder / "scratch", bucket_of, lambda: time.now),
        user=S3User(client),
        bucket=bucket_of("lake"),
        copier=lambda storage_class: S3WarehouseCopier.from_bucket("lake", S3Copier(client, "backup", storage_class)),
        forward=time.forward,
    )
    return Desk(monkeypatch, capsys, lake, time)
