"""`S3Copier` in bulk, over HTTP against the local engine: what lies in the backup bucket after it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import random
from typing import Any
from urllib.parse import quote

import pytest

from holdfast.adapters.s3_bulk import CopyObject
from holdfast.adapters.s3_objects import S3Copier
from holdfast.objects.model import CopyKey, Original, Stored, Version
from holdfast.objects.ports import SourceChanged, SourceGone
from local.engine import Engine, sdk
from tests.unit.capacity.domain import HOSTILE_NAMES

COPY = CopyKey("source/copy")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
_numbers = count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    running = Engine.start(tmp_path_factory.mktemp("engine"))
    yield running
    running.stop()


@dataclass(frozen=True)
class Buckets:
    """A source bucket, a backup bucket, and what copies from one into the other."""

    client: Any
    source: str
    backup: str
    copy_object: CopyObject
    copier: S3Copier

    def put(self, key: str, body: bytes, **properties: Any) -> Version:
        done = self.client.put_object(Bucket=self.source, Key=key, Body=body, **properties)
        return Version(Original(self.source, key), done["ETag"].strip('"'), len(body), NOW, done.get("VersionId"))

    def stored(self, key: str) -> bytes | None:
        try:
            body: bytes = self.client.get_object(Bucket=self.backup, Key=key)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None
        return body

    def keep_versions(self, *buckets: str) -> None:
        for bucket in buckets:
            self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture
def buckets(engine: Engine) -> Iterator[Buckets]:
    client, number = engine.client("s3"), next(_numbers)
    source, backup = f"source-{number}", f"backup-{number}"
    for bucket in (source, backup):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name})
    copy_object = CopyObject(client, sdk(), now=lambda: datetime.now(UTC), sleep=time.sleep, chance=random)
    yield Buckets(client, source, backup, copy_object, S3Copier(client, backup, "STANDARD_IA", copy_object=copy_object))
    copy_object.close()


def test_a_copy_is_what_its_source_is(buckets: Buckets) -> None:
    version = buckets.put(
        "a", b"body", ContentType="text/x-odd", CacheControl="no-store", Metadata={"who": "me"}, Tagging="k=v&l=w"
    )
    assert buckets.copier.copy(version, COPY) == Stored(version.etag)
    assert buckets.stored(COPY) == b"body"
    found = buckets.client.head_object(Bucket=buckets.backup, Key=COPY)
    kept = {name: found[name] for name in ("ContentType", "CacheControl", "Metadata", "StorageClass")}
    assert kept == {
        "ContentType": "text/x-odd",
        "CacheControl": "no-store",
        "Metadata": {"who": "me"},
        "StorageClass": "STANDARD_IA",
    }
    tags = buckets.client.get_object_tagging(Bucket=buckets.backup, Key=COPY)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"k": "v", "l": "w"}


@pytest.mark.parametrize("key", HOSTILE_NAMES, ids=lambda key: quote(key[:20]))
def test_any_key_is_copied_to_any_key(buckets: Buckets, key: str) -> None:
    version = buckets.put(key, b"of that key")
    buckets.copier.copy(version, CopyKey(key))
    assert buckets.stored(key) == b"of that key"


def test_a_version_is_copied_though_there_is_a_newer_one(buckets: Buckets) -> None:
    buckets.keep_versions(buckets.source)
    old = buckets.put("a", b"old")
    buckets.put("a", b"new")
    buckets.copier.copy(old, COPY)
    assert buckets.stored(COPY) == b"old"


def test_a_version_is_copied_though_the_object_is_deleted(buckets: Buckets) -> None:
    buckets.keep_versions(buckets.source)
    old = buckets.put("a", b"old")
    buckets.client.delete_object(Bucket=buckets.source, Key="a")
    buckets.copier.copy(old, COPY)
    assert buckets.stored(COPY) == b"old"


def test_another_object_under_the_key_is_not_copied(buckets: Buckets) -> None:
    old = buckets.put("a", b"old")
    buckets.put("a", b"new")
    with pytest.raises(SourceChanged):
        buckets.copier.copy(old, COPY)
    assert buckets.stored(COPY) is None


def test_what_is_gone_is_not_copied(buckets: Buckets) -> None:
    version = buckets.put("a", b"body")
    buckets.client.delete_object(Bucket=buckets.source, Key="a")
    with pytest.raises(SourceGone):
        buckets.copier.copy(version, COPY)
    assert buckets.stored(COPY) is None


def test_a_version_that_is_gone_is_not_copied(buckets: Buckets) -> None:
    buckets.keep_versions(buckets.source)
    old = buckets.put("a", b"old")
    buckets.put("a", b"new")
    buckets.client.delete_object(Bucket=buckets.source, Key="a", VersionId=old.version_id)
    with pytest.raises(SourceGone):
        buckets.copier.copy(old, COPY)
    assert buckets.stored(COPY) is None


def test_the_version_that_a_copy_became_is_told(buckets: Buckets) -> None:
    buckets.keep_versions(buckets.backup)
    stored = buckets.copier.copy(buckets.put("a", b"body"), COPY)
    assert stored.version_id
    assert stored.version_id == buckets.client.head_object(Bucket=buckets.backup, Key=COPY)["VersionId"]


def test_many_threads_copy_over_connections_that_last(buckets: Buckets) -> None:
    versions = [buckets.put(f"{number}", b"%d" % number) for number in range(100)]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda version: buckets.copier.copy(version, CopyKey(version.original.key)), versions))
    assert [buckets.stored(version.original.key) for version in versions] == [b"%d" % n for n in range(100)]
    [pattern] = buckets.copy_object.patterns.values()
    assert 1 <= len(pattern.host.idle) <= 16


def test_other_copies_of_the_client_that_was_asked_how_it_copies_are_made(buckets: Buckets) -> None:
    copy, events = buckets.client.copy_object, buckets.client.meta.events
    source = {"Bucket": buckets.source, "Key": buckets.put("a", b"body").original.key}

    def meanwhile(**_: object) -> None:
        events.unregister("provide-client-params.s3.CopyObject", meanwhile)
        wanted = {"Bucket": buckets.backup, "Key": "meanwhile", "CopySource": source}
        thread = threading.Thread(target=copy, kwargs=wanted)
        thread.start()
        thread.join()

    events.register("provide-client-params.s3.CopyObject", meanwhile)
    buckets.copier.copy(buckets.put("b", b"other"), COPY)
    copy(Bucket=buckets.backup, Key="after", CopySource=source)
    assert [buckets.stored(key) for key in ("meanwhile", COPY, "after")] == [b"body", b"other", b"body"]
