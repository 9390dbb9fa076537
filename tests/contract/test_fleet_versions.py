"""Versions of objects, as a restore of a prefix reads and copies them: in memory and in S3."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import boto3
import pytest

from holdfast.adapters.memory_fleet import MemoryFleet
from holdfast.adapters.memory_fleet_restore import MemoryVersions
from holdfast.adapters.s3_objects import S3Copier
from holdfast.adapters.s3_versions import S3Versions
from holdfast.fleet.restore.ports import TargetChanged, Unreadable, Versions
from tests import aws
from tests.contract.test_objects_targets import honour_conditions

AT = datetime(2026, 11, 21, 2, tzinfo=UTC)
HOSTILE = "a/ü +%2B,\"'\n"


class Site(Protocol):
    """A replica, and a bucket to restore to."""

    versions: Versions

    def put(self, key: str, body: str, bucket: str = "replica") -> None: ...
    def delete(self, key: str) -> None: ...
    def tag(self, tags: dict[str, str]) -> None: ...
    def held(self) -> dict[str, int]: ...


class InMemory(Site):
    def __init__(self) -> None:
        self.memory = MemoryVersions(MemoryFleet(now=lambda: AT))
        self.versions = self.memory

    def put(self, key: str, body: str, bucket: str = "replica") -> None:
        self.memory.put(bucket, key, body, AT)

    def delete(self, key: str) -> None:
        self.memory.delete("replica", key, AT)

    def tag(self, tags: dict[str, str]) -> None:
        self.memory.tagged["target"] = tags

    def held(self) -> dict[str, int]:
        return {entry.key: entry.size for entry in self.memory.buckets.get("target", [])}


class InS3(Site):
    def __init__(self) -> None:
        self.client: Any = boto3.client("s3")
        for bucket in ("replica", "target"):
            self.client.create_bucket(Bucket=bucket)
            self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        honour_conditions(self.client)
        self.versions = S3Versions(self.client, lambda bucket: S3Copier(self.client, bucket, "STANDARD"))

    def put(self, key: str, body: str, bucket: str = "replica") -> None:
        self.client.put_object(Bucket=bucket, Key=key, Body=body.encode())

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket="replica", Key=key)

    def tag(self, tags: dict[str, str]) -> None:
        told: Any = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
        self.client.put_bucket_tagging(Bucket="target", Tagging=told)

    def held(self) -> dict[str, int]:
        found = self.client.list_objects_v2(Bucket="target").get("Contents", [])
        return {one["Key"]: one["Size"] for one in found}


@pytest.fixture(params=["memory", "moto"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    if request.param == "memory":
        yield InMemory()
        return
    with aws.account():
        yield InS3()


def listed(site: Site, prefix: str = "", after: str = "") -> list[tuple[str, int, bool]]:
    return [(one.key, one.size, one.is_marker) for one in site.versions.entries("replica", prefix, after)]


def test_versions_come_by_key_and_newest_first(site: Site) -> None:
    site.put("b", "1")
    site.put("a", "1")
    site.put("a", "22")
    site.delete("b")
    site.put(HOSTILE, "333")
    assert listed(site) == [("a", 2, False), ("a", 1, False), (HOSTILE, 3, False), ("b", 0, True), ("b", 1, False)]
    assert listed(site, "a/") == [(HOSTILE, 3, False)]
    assert listed(site, after="a") == [(HOSTILE, 3, False), ("b", 0, True), ("b", 1, False)]


def test_a_bucket_tells_its_tags(site: Site) -> None:
    assert site.versions.tags("target") == {}
    site.tag({"holdfast:stack": "ours"})
    assert site.versions.tags("target") == {"holdfast:stack": "ours"}


def test_an_older_version_is_copied(site: Site) -> None:
    site.put(HOSTILE, "1")
    site.put(HOSTILE, "22")
    older = list(site.versions.entries("replica", "", ""))[1]
    itself = site.versions.head("replica", HOSTILE, older.version)
    assert itself
    assert (itself.size, itself.etag, itself.is_plain) == (1, older.etag, True)
    assert site.versions.head("target", "b") is None
    site.versions.copy("replica", older, "target", "b", None)
    assert site.held() == {"b": 1}
    there = site.versions.head("target", "b")
    assert there
    assert (there.size, there.etag) == (1, older.etag)


def test_what_somebody_writes_meanwhile_is_not_written_over(site: Site) -> None:
    site.put("a", "1")
    entry = next(iter(site.versions.entries("replica", "", "")))
    site.put("a", "theirs", "target")
    with pytest.raises(TargetChanged, match="target/'a' was written since it was looked at"):
        site.versions.copy("replica", entry, "target", "a", None)
    seen = site.versions.head("target", "a")
    site.put("a", "theirs again", "target")
    with pytest.raises(TargetChanged):
        site.versions.copy("replica", entry, "target", "a", seen)
    assert site.held() == {"a": 12}


def test_what_was_looked_at_is_written_over(site: Site) -> None:
    site.put("a", "1")
    entry = next(iter(site.versions.entries("replica", "", "")))
    site.put("a", "theirs", "target")
    site.versions.copy("replica", entry, "target", "a", site.versions.head("target", "a"))
    assert site.held() == {"a": 1}


def test_a_version_that_is_gone_cannot_be_copied(site: Site) -> None:
    site.put("a", "1")
    entry = next(iter(site.versions.entries("replica", "", "")))
    if isinstance(site, InS3):
        site.client.delete_object(Bucket="replica", Key="a", VersionId=entry.version)
    else:
        assert isinstance(site, InMemory)
        site.memory.archived.add(entry.version)
    with pytest.raises(Unreadable, match="replica/"):
        site.versions.copy("replica", entry, "target", "a", None)
    assert site.held() == {}


def test_where_nothing_is_nothing_is_found(site: Site) -> None:
    site.put("a", "1")
    assert listed(site, "none/") == []
    assert site.versions.head("replica", "b") is None
