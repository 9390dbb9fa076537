"""The buckets of the warehouse system, the copies between them, and what lies in archive classes, in S3."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from holdfast.adapters.s3_body import is_gone, read_body, stream_body
from holdfast.adapters.s3_objects import S3Copier
from holdfast.objects import ports as objects
from holdfast.objects.model import CopyKey, Original, Version
from holdfast.warehouse.model import Listed, Stored, Tier
from holdfast.warehouse.ports import (
    Access,
    Found,
    Frozen,
    NotStored,
    SourceChanged,
    SourceGone,
    SourceUnreadable,
    TierRefused,
    check_length,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ARCHIVE_CLASSES = {"GLACIER", "DEEP_ARCHIVE"}
"""GLACIER_IR is none: it is read at once."""

_NOTHING_TO_THAW = {"RestoreAlreadyInProgress", "ObjectAlreadyInActiveTierError", "InvalidObjectState"}
"""It thaws; or its class is none that freezes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html"""

_TIER_REFUSED = {"GlacierExpeditedRetrievalNotAvailable", "InvalidArgument"}
"""There is no capacity for it now; the class does not have it."""


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _explained(error: ClientError, bucket: str, key: str) -> Exception:
    """What an error says of the object that was to be read."""
    if is_gone(error):
        return NotStored(f"{key!r} is not in {bucket}")
    if _code(error) == "InvalidObjectState":
        return Frozen(f"{key!r} in {bucket} lies in an archive class: it can be read when it is thawed")
    return error


def _stored(found: Mapping[str, Any], size: int) -> Stored:
    """From a listing or a HEAD, which does not tell the class STANDARD."""
    return Stored(size, found["ETag"].strip('"'), found.get("StorageClass", "STANDARD"))


@dataclass(frozen=True, slots=True)
class S3WarehouseBucket:
    """The `Bucket` of the warehouse system."""

    client: "S3Client"
    name: str

    def read(self, key: str) -> bytes:
        try:
            return read_body(self.client, Bucket=self.name, Key=key)
        except ClientError as error:
            raise _explained(error, self.name, key) from error

    def stream(self, key: str) -> Iterator[bytes]:
        try:
            return stream_body(self.client, Bucket=self.name, Key=key)
        except ClientError as error:
            raise _explained(error, self.name, key) from error

    def read_from(self, key: str, start: int) -> bytes:
        try:
            return read_body(self.client, Bucket=self.name, Key=key, Range=f"bytes={start}-")
        except ClientError as error:
            raise _explained(error, self.name, key) from error

    def write(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def write_file(self, key: str, path: Path) -> Stored:
        self.client.upload_file(str(path), self.name, key)
        found = self.client.head_object(Bucket=self.name, Key=key)
        return _stored(found, found["ContentLength"])

    def head(self, key: str) -> Stored | None:
        try:
            found = self.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if _code(error) == "404":
                return None
            raise
        return _stored(found, found["ContentLength"])

    def listing(self, prefix: str, after: str = "") -> Iterator[Found]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, StartAfter=after)
        for page in pages:
            for found in page.get("Contents", []):
                yield Found(found["Key"], _stored(found, found["Size"]), found["LastModified"])

    def prefixes(self, prefix: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix, Delimiter="/")
        for page in pages:
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"]

    def tags(self, key: str) -> Mapping[str, str]:
        try:
            found = self.client.get_object_tagging(Bucket=self.name, Key=key)["TagSet"]
        except ClientError as error:
            raise _explained(error, self.name, key) from error
        return {tag["Key"]: tag["Value"] for tag in found}

    def tag(self, key: str, tags: Mapping[str, str]) -> None:
        tag_set: Any = [{"Key": name, "Value": value} for name, value in tags.items()]
        try:
            self.client.put_object_tagging(Bucket=self.name, Key=key, Tagging={"TagSet": tag_set})
        except ClientError as error:
            raise _explained(error, self.name, key) from error


_MEANT = {
    objects.SourceGone: SourceGone,
    objects.SourceChanged: SourceChanged,
    objects.SourceUnreadable: SourceUnreadable,
}


@dataclass(frozen=True, slots=True)
class S3WarehouseCopier:
    """The `Copier` of the warehouse system: from one source bucket, to the bucket and class of `copier`.

    A copy has none of its source's tags, whatever `copier` says: the lifecycle of the backup bucket acts on tags.
    """

    copier: S3Copier
    source_bucket: str

    @classmethod
    def from_bucket(cls, source_bucket: str, copier: S3Copier) -> Self:
        return cls(replace(copier, tags=False), source_bucket)

    def __call__(self, listed: Listed, copy_key: str) -> Stored:
        check_length(listed, copy_key)
        # What was written before its bucket had versions is called "null", as is what takes its place.
        version_id = None if listed.version_id == "null" else listed.version_id
        original = Original(self.source_bucket, listed.key)
        version = Version(original, listed.etag, listed.size, listed.modified, version_id)
        try:
            stored = self.copier.copy(version, CopyKey(copy_key))
        except tuple(_MEANT) as error:
            raise _MEANT[type(error)](str(error)) from error
        return Stored(listed.size, stored.etag, self.copier.storage_class)


@dataclass(frozen=True, slots=True)
class S3Vault:
    """The `Vault` of the warehouse system."""

    client: "S3Client"
    bucket: str

    def access(self, key: str) -> Access:
        try:
            found: Mapping[str, Any] = self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            raise _explained(error, self.bucket, key) from error
        if found.get("StorageClass") not in ARCHIVE_CLASSES and "ArchiveStatus" not in found:
            return Access.READABLE
        restore = found.get("Restore", "")
        if 'ongoing-request="true"' in restore:
            return Access.THAWING
        return Access.READABLE if "expiry-date" in restore else Access.FROZEN

    def thaw(self, key: str, days: int, tier: Tier) -> None:
        asked: Any = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
        try:
            self.client.restore_object(Bucket=self.bucket, Key=key, RestoreRequest=asked)
        except ClientError as error:
            if _code(error) in _NOTHING_TO_THAW:
                return
            if _code(error) in _TIER_REFUSED:
                message = error.response["Error"].get("Message", "")
                raise TierRefused(f"{key!r} does not thaw in tier {tier} ({_code(error)}: {message})") from error
            raise _explained(error, self.bucket, key) from error


def etags_are_md5(client: "S3Client", bucket: str) -> bool:
    """Whether an ETag in a bucket is the MD5 of what was written at once: with keys of KMS it is not. Where nobody
    tells, nothing is compared by it."""
    try:
        found = client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        return _code(error) == "ServerSideEncryptionConfigurationNotFoundError"
    return all(
        rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "AES256") == "AES256" for rule in found
    )


def session() -> boto3.Session:
    """Whose credentials the clients of this process use."""
    return boto3.DEFAULT_SESSION or boto3.Session()


def delta_options(client: "S3Client", region: str) -> dict[str, str]:
    """How deltalake gets to where a client gets. `region`: of the bucket."""
    options = {"AWS_REGION": region}
    if credentials := session().get_credentials():
        now = credentials.get_frozen_credentials()
        told = {"ACCESS_KEY_ID": now.access_key, "SECRET_ACCESS_KEY": now.secret_key, "SESSION_TOKEN": now.token}
        options |= {f"AWS_{name}": value for name, value in told.items() if value}
    endpoint = client.meta.endpoint_url
    if not urlsplit(endpoint).netloc.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        options |= {"AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": str(endpoint.startswith("http:")).lower()}
    return options
