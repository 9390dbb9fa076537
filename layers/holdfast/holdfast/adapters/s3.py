"""Buckets in S3: the one that is watched, the one that keeps plots."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.capacity.model import Listed, StoredObject
from holdfast.capacity.ports import ObjectChanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEEP_TAG = "holdfast:keep"

_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict"}
"""The object is another one now; it became another one while it was being deleted.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"""


class VersionsKept(Exception):
    """S3 would not delete some versions of an object: a lock or a bucket policy holds them."""


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def region_of(client: "S3Client", bucket: str) -> str | None:
    """Where a bucket is; None if there is none of that name."""
    try:
        return client.head_bucket(Bucket=bucket)["BucketRegion"]
    except ClientError as error:
        if _code(error) == "404":
            return None
        raise


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """The `Bucket` of the capacity system."""

    client: "S3Client"
    name: str

    def _versioned(self) -> bool:
        """Asked each time: a process outlives the moment in which somebody switches versioning on."""
        return "Status" in self.client.get_bucket_versioning(Bucket=self.name)

    def head(self, name: str) -> StoredObject | None:
        try:
            found = self.client.head_object(Bucket=self.name, Key=name)
        except ClientError as error:
            if _code(error) == "404":
                return None
            raise
        return StoredObject(name, found["ContentLength"], found["ETag"])

    def kept(self, name: str) -> bool:
        try:
            tags = self.client.get_object_tagging(Bucket=self.name, Key=name)["TagSet"]
        except ClientError as error:
            if _code(error) == "NoSuchKey":
                return False
            raise
        return {"Key": KEEP_TAG, "Value": "true"} in tags

    def delete(self, found: StoredObject, *, versions: bool) -> bool:
        doomed = self._versions(found.name) if versions and self._versioned() else []
        try:
            answer = self.client.delete_object(Bucket=self.name, Key=found.name, IfMatch=found.etag)
        except ClientError as error:
            if _code(error) in _CHANGED:
                raise ObjectChanged(f"{found.name!r} is not the object that was looked at") from error
            if _code(error) == "NoSuchKey":
                return False
            raise
        if doomed and answer.get("DeleteMarker"):
            doomed.append(answer["VersionId"])
        self._delete_versions(found.name, doomed)
        return True

    def _versions(self, name: str) -> list[str]:
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=name)
        found: list[str] = []
        for page in pages:
            entries: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            found += [entry["VersionId"] for entry in entries if entry["Key"] == name]
            if any(entry["Key"] != name for entry in entries):
                break  # keys come in order: from here on they only begin alike, and may be millions
        return found

    def _delete_versions(self, name: str, version_ids: Sequence[str]) -> None:
        """One by one: the XML of DeleteObjects cannot carry every name that S3 takes."""
        for version_id in version_ids:
            try:
                self.client.delete_object(Bucket=self.name, Key=name, VersionId=version_id)
            except ClientError as error:
                raise VersionsKept(f"version {version_id} of {name!r} stays: {_code(error)}") from error

    def listing(self, after: str) -> Iterator[Listed]:
        if self._versioned():
            yield from self._listing_of_versions(after)
            return
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, StartAfter=after)
        for page in pages:
            for found in page.get("Contents", []):
                yield Listed(found["Key"], found["Size"])

    def _listing_of_versions(self, after: str) -> Iterator[Listed]:
        beyond: Any = {"KeyMarker": after} if after else {}
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name, **beyond)
        entries: Iterator[Any] = (
            entry
            for page in pages
            for entry in merge(page.get("Versions", []), page.get("DeleteMarkers", []), key=lambda e: e["Key"])
        )
        for name, versions in groupby(entries, key=lambda entry: entry["Key"]):
            current: int | None = None
            noncurrent = 0
            for version in versions:
                size = version.get("Size", 0)
                if not version["IsLatest"]:
                    noncurrent += size
                elif "Size" in version:
                    current = size
            yield Listed(name, current, noncurrent)

    def multipart_size(self) -> int:
        uploads = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name)
        return sum(self._parts_size(u["Key"], u["UploadId"]) for page in uploads for u in page.get("Uploads", []))

    def _parts_size(self, name: str, upload_id: str) -> int:
        try:
            pages = self.client.get_paginator("list_parts").paginate(Bucket=self.name, Key=name, UploadId=upload_id)
            return sum(part["Size"] for page in pages for part in page.get("Parts", []))
        except ClientError as error:
            if _code(error) == "NoSuchUpload":  # finished or aborted since it was listed
                return 0
            raise


@dataclass(frozen=True, slots=True)
class S3Uploads:
    """The `Uploads` of the capacity drive."""

    client: "S3Client"
    bucket: str

    def names(self) -> list[str]:
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def put(self, name: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=body)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=name)


@dataclass(frozen=True, slots=True)
class S3PlotStore:
    """Where plots are kept."""

    client: "S3Client"
    bucket: str

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
