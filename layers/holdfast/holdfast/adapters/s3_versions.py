"""Versions of objects in S3, as restores of a prefix read and copy them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.s3_objects import S3Copier, checksum, refusal
from holdfast.fleet.restore.model import Entry, There
from holdfast.fleet.restore.ports import TargetChanged, Unreadable
from holdfast.objects.model import Original, Version
from holdfast.objects.ports import SourceChanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONDITION = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404"}
"""What S3 says if the target is not as it was: another one, becoming another one, or gone; the last as of a source."""


@dataclass(frozen=True, slots=True)
class S3Versions:
    """The `Versions` of a restore. What is restored has the storage class STANDARD, and its bucket's encryption.

    `copier_of`: who copies into a bucket.
    """

    client: "S3Client"
    copier_of: Callable[[str], S3Copier]

    def entries(self, bucket: str, prefix: str, after: str) -> Iterator[Entry]:
        """S3 tells versions and markers of a page in two lists, each by key and newest first."""
        beyond: Any = {"KeyMarker": after} if after else {}
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, **beyond)
        for page in pages:
            told: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            # stable: of two of one moment the later one comes first, as S3 has it
            told.sort(key=lambda one: (one["Key"].encode(), not one["IsLatest"], -one["LastModified"].timestamp()))
            yield from (_entry(one) for one in told if one["Key"] != after)

    def tags(self, bucket: str) -> dict[str, str]:
        try:
            found = self.client.get_bucket_tagging(Bucket=bucket)["TagSet"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchTagSet":
                return {}
            raise
        return {tag["Key"]: tag["Value"] for tag in found}

    def head(self, bucket: str, key: str, version: str = "") -> There | None:
        which: Any = {"VersionId": version} if version else {}
        try:
            found = self.client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED", **which)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return None
            raise
        etag = found["ETag"].strip('"')
        whole = found.get("ChecksumType") != "COMPOSITE"
        return There(
            etag,
            found["ContentLength"],
            found["LastModified"],
            (checksum(found) or "") if whole else "",
            is_plain="-" not in etag and found.get("ServerSideEncryption", "AES256") == "AES256",
        )

    def copy(self, bucket: str, entry: Entry, to: str, key: str, over: There | None) -> None:
        original = Original(bucket, entry.key)
        version_id = None if entry.version == "null" else entry.version
        version = Version(original, entry.etag, entry.size, entry.at, version_id)
        condition = {"IfMatch": f'"{over.etag}"'} if over else {"IfNoneMatch": "*"}
        try:
            self.copier_of(to).write(version, key, **condition)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in _CONDITION and self.head(to, key) != over:
                raise TargetChanged(f"{to}/{key!r} was written since it was looked at") from error
            if (why := refusal(str(original), code, message)) and not isinstance(why, SourceChanged):
                raise Unreadable(str(why)) from error
            raise


def _entry(told: Any) -> Entry:
    return Entry(
        told["Key"],
        told["VersionId"],
        told["LastModified"],
        told.get("Size", 0),
        told.get("ETag", "").strip('"'),
        is_marker="Size" not in told,
    )
