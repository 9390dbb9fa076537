"""Source buckets and the backup bucket, in memory, in moto and in the local engine, and what users do with them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from itertools import count
from random import random
from typing import Any, Protocol

import boto3
import pytest

from holdfast.adapters.memory_objects import MemoryBackups, MemorySources
from holdfast.adapters.s3_bulk import CopyObject
from holdfast.adapters.s3_objects import S3Backups, S3Copier, S3Sources
from holdfast.events.model import Sequencer
from holdfast.objects import naming
from holdfast.objects.model import BackupObject, CopyKey, Original, Version
from holdfast.objects.ports import Backups, Copier, Sources
from local.engine import sdk
from tests.unit.capacity.domain import HOSTILE_NAMES, at

HOSTILE_KEYS = [*HOSTILE_NAMES, "__DELETED__", "~" + "0" * 64, " ", "//", "~" + "k" * 1020]

IN_UTF8_ORDER = ["A", "a", "a/b", "ab", "é", "日", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}"]
"""In UTF-16 the last would come before the one but last."""

_numbers = count(1)


class User(Protocol):
    """Somebody who works in a source bucket. Version ids are None in one without versions."""

    def put(self, key: str, body: bytes) -> str | None: ...

    def remove(self, key: str) -> str | None:
        """Returns the id of the delete marker."""

    def remove_version(self, key: str, version_id: str) -> None: ...


@dataclass(frozen=True)
class MemoryUser:
    sources: MemorySources
    bucket: str

    def put(self, key: str, body: bytes) -> str | None:
        original = Original(self.bucket, key)
        self.sources.put(original, etag(body), len(body))
        head = self.sources.head(original)
        assert head
        return head.version_id

    def remove(self, key: str) -> str | None:
        original = Original(self.bucket, key)
        self.sources.remove(original)
        return self.sources.keys[original][0].id if self.sources.versioned else None

    def remove_version(self, key: str, version_id: str) -> None:
        self.sources.remove_version(Original(self.bucket, key), version_id)


@dataclass(frozen=True)
class S3User:
    client: Any
    bucket: str

    def put(self, key: str, body: bytes, **settings: Any) -> str | None:
        answer = self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **settings)
        version_id: str | None = answer.get("VersionId")
        return version_id

    def remove(self, key: str) -> str | None:
        version_id: str | None = self.client.delete_object(Bucket=self.bucket, Key=key).get("VersionId")
        return version_id

    def remove_version(self, key: str, version_id: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)


@dataclass(frozen=True)
class Place:
    """A source bucket and its user, and a backup bucket that copies go to."""

    user: User
    bucket: str
    versioned: bool
    sources: Sources
    copier: Copier
    backups: Backups

    def head(self, key: str) -> Version:
        found = self.sources.head(Original(self.bucket, key))
        assert found
        return found

    def listing(self, prefix: str = "", after: str = "") -> list[Version]:
        return list(self.sources.listing(self.bucket, prefix, after))

    def listed(self) -> list[BackupObject]:
        return list(self.backups.listing("", ""))


def a_place(
    request: pytest.FixtureRequest,
    where: str,
    *,
    versioned: bool = False,
    backups_versioned: bool = False,
    lockable: bool = False,
) -> Place:
    """`where`: memory, moto or engine. A backup bucket that is `lockable` is versioned."""
    number = next(_numbers)
    bucket, backup_bucket = f"source-{number}", f"backup-{number}"
    if where == "memory":
        sources = MemorySources(versioned)
        backups = MemoryBackups(sources)
        return Place(MemoryUser(sources, bucket), bucket, versioned, sources, backups, backups)
    client = a_client(request, where)
    _create(client, bucket, versioned=versioned)
    _create(client, backup_bucket, versioned=backups_versioned, lockable=lockable)
    return Place(
        user=S3User(client, bucket),
        bucket=bucket,
        versioned=versioned,
        sources=S3Sources(client),
        copier=S3Copier(client, backup_bucket, "STANDARD"),
        backups=S3Backups(client, backup_bucket, versioned=backups_versioned or lockable),
    )


def _create(client: Any, bucket: str, *, versioned: bool, lockable: bool = False) -> None:
    elsewhere = client.meta.region_name != "us-east-1"
    place = {"CreateBucketConfiguration": {"LocationConstraint": client.meta.region_name}} if elsewhere else {}
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=lockable, **place)
    if versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def a_client(request: pytest.FixtureRequest, where: str) -> Any:
    if where == "engine":
        return request.getfixturevalue("engine").client("s3")
    request.getfixturevalue("moto_account")
    return boto3.client("s3")


def in_bulk(client: Any) -> CopyObject:
    """For the local engine."""
    return CopyObject.like(client, sdk(), sleep=time.sleep, chance=random)


def etag(body: bytes) -> str:
    return md5(body).hexdigest()


def a_copy_key(original: Original, token: str = "1") -> CopyKey:
    return naming.copy_key(original, at(0), Sequencer("01"), token)


def content(place: Place, copy_key: CopyKey) -> str:
    """The eTag of what a copy holds, read back."""
    if isinstance(place.backups, S3Backups):
        answer = place.backups.client.get_object(Bucket=place.backups.bucket, Key=copy_key)
        return etag(answer["Body"].read())
    assert isinstance(place.backups, MemoryBackups)
    return place.backups.objects[copy_key][0].etag


def keys(versions: Sequence[Version]) -> list[str]:
    return [version.original.key for version in versions]
