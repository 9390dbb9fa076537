"""Buckets of the warehouse system, in memory, in moto and in the local engine, and what users do with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import md5
from itertools import count
from typing import Any, Protocol

import pytest

from holdfast.adapters.memory_warehouse import MemoryBucket, MemoryCopier, MemoryVault, MemoryWarehouse
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_warehouse import S3Vault, S3WarehouseBucket, S3WarehouseCopier
from holdfast.warehouse.model import Listed, kind_of
from holdfast.warehouse.ports import Bucket, Copier, Vault
from tests.contract.buckets import a_client, in_bulk

ANYWHERE = ["memory", "moto", "engine"]

_numbers = count(1)


class User(Protocol):
    """Somebody who works in a bucket."""

    def put(self, key: str, body: bytes, storage_class: str = "STANDARD") -> Listed:
        """Returns the object as an inventory lists it."""

    def remove(self, key: str) -> None: ...

    def remove_version(self, key: str, version_id: str) -> None: ...


@dataclass(frozen=True)
class S3User:
    client: Any
    bucket: str

    def put(self, key: str, body: bytes, storage_class: str = "STANDARD", **more: str) -> Listed:
        answer = self.client.put_object(Bucket=self.bucket, Key=key, Body=body, StorageClass=storage_class, **more)
        modified = self.client.head_object(Bucket=self.bucket, Key=key)["LastModified"]
        return Listed(key, answer.get("VersionId"), etag(body), len(body), modified, kind_of(key))

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def remove_version(self, key: str, version_id: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)


@dataclass(frozen=True)
class Place:
    """A source bucket with its user, the backup bucket, and what copies from one to the other."""

    user: User
    source: Bucket
    backup: Bucket
    copier: Copier
    vault: Vault
    """Of the source bucket."""

    def content(self, copy_key: str) -> bytes:
        return self.backup.read(copy_key)

    def copies(self) -> list[str]:
        return keys(list(self.backup.listing("")))


def a_place(request: pytest.FixtureRequest, where: str, *, storage_class: str = "STANDARD") -> Place:
    """`where`: memory, moto or engine; `in bulk` or `in parts`, and `versioned` may follow, behind commas."""
    where, *ways = where.split(", ")
    number = next(_numbers)
    source, backup = f"lake-{number}", f"vault-{number}"
    if where == "memory":
        return _in_memory(source, backup, storage_class, versioned="versioned" in ways)
    client = a_client(request, where)
    for bucket in (source, backup):
        region = client.meta.region_name
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        client.create_bucket(Bucket=bucket, **elsewhere)
    if "versioned" in ways:
        client.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    copier = S3Copier(client, backup, storage_class)
    if "in bulk" in ways:
        copy_object = in_bulk(client)
        request.addfinalizer(copy_object.close)
        copier = replace(copier, copy_object=copy_object)
    if "in parts" in ways:
        copier = replace(copier, copied_at_once=0)
    return Place(
        user=S3User(client, source),
        source=S3WarehouseBucket(client, source),
        backup=S3WarehouseBucket(client, backup),
        copier=S3WarehouseCopier.from_bucket(source, copier),
        vault=S3Vault(client, source),
    )


def _in_memory(source: str, backup: str, storage_class: str, *, versioned: bool) -> Place:
    account = MemoryWarehouse(thawing=timedelta(0))
    lake, vault = account.bucket(source, versioned=versioned), account.bucket(backup)
    return Place(lake, lake, vault, MemoryCopier(lake, vault, storage_class), MemoryVault(lake))


def in_memory(place: Place) -> MemoryBucket:
    """The source bucket of a place in memory."""
    assert isinstance(place.source, MemoryBucket)
    return place.source


def etag(body: bytes) -> str:
    return md5(body).hexdigest()


def keys(found: Sequence[Any]) -> list[str]:
    return [one.key for one in found]
