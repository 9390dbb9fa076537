"""The source buckets, the copies that are made of their objects, and the backup bucket, in S3."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError

from holdfast.objects.model import BackupObject, CopyKey, Original, Stored, Version
from holdfast.objects.ports import Locked, SourceChanged, SourceGone, SourceUnreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COPIED_AT_ONCE = 5 * 1024**3
"""Bytes that S3 copies in one call."""

PART_SIZE = 256 * 1024**2
PARTS = 10_000
"""As many parts as an object may have. Of the largest that there are, each is as large as a part may be."""

PREFIX_PAGES = 20
"""How far is looked for prefixes, in pages of a thousand: a level may hold millions of keys, and no prefix."""

CHECKSUM = "CRC64NVME"
"""One of the whole object, however many parts it was copied in."""

_GONE = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"}
"""Most methods are not allowed on a delete marker. The errors of HEAD have no code but their status."""
_CHANGED = {"PreconditionFailed", "412"}
_ARCHIVED = {"InvalidObjectState", "ObjectNotInActiveTierError"}
_CLOSED = {"AccessDenied", "403"}

_CARRIED = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "WebsiteRedirectLocation",
)


def refusal(name: str, code: str, message: str) -> Exception | None:
    """What an error of S3 says of the source object of that name; None if it says nothing of it."""
    if code in _GONE or (code == "InvalidRequest" and "delete marker" in message):
        return SourceGone(f"{name!r} is gone")
    if code in _CHANGED:
        return SourceChanged(f"{name!r} is another object now")
    if why := _why_unreadable(code, message):
        return SourceUnreadable(f"{name!r} {why} ({code}: {message})")
    return None


def _why_unreadable(code: str, message: str) -> str | None:
    if code in _ARCHIVED:
        return "lies in an archive: restore it there, and it is copied the next time"
    if code in _CLOSED:
        return "is closed to this function: let its role read it, by the bucket's policy and by that of its KMS key"
    if code.startswith("KMS."):
        return "is encrypted with a KMS key that cannot be used: enable it"
    if code == "400" or (code == "InvalidRequest" and "Server Side Encryption" in message):
        return "cannot be copied: it seems to be encrypted with a key that only its owner has (SSE-C)"
    return None


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _refusal(error: ClientError, original: Original) -> Exception | None:
    return refusal(str(original), _code(error), error.response["Error"].get("Message", ""))


def _bare(etag: str) -> str:
    return etag.strip('"')


def _version_id(answer: Mapping[str, Any]) -> str | None:
    """S3 calls "null" what was written while its bucket had no versions."""
    version_id = answer.get("VersionId")
    return None if version_id == "null" else version_id


@dataclass(frozen=True, slots=True)
class S3Sources:
    """The `Sources` of the objects system."""

    client: "S3Client"

    def head(self, original: Original) -> Version | None:
        try:
            found = self.client.head_object(Bucket=original.bucket, Key=original.key)
        except ClientError as error:
            refused = _refusal(error, original)
            if isinstance(refused, SourceGone):
                return None
            if refused:
                raise refused from error
            raise
        etag, size = _bare(found["ETag"]), found["ContentLength"]
        return Version(original, etag, size, found["LastModified"], _version_id(found))

    def listing(self, bucket: str, prefix: str, after: str) -> Iterator[Version]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=after)
        for page in pages:
            for found in page.get("Contents", []):
                original = Original(bucket, found["Key"])
                yield Version(original, _bare(found["ETag"]), found["Size"], found["LastModified"])

    def prefixes(self, bucket: str, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        few = islice(pages, PREFIX_PAGES)
        return [found["Prefix"] for page in few for found in page.get("CommonPrefixes", [])]


@dataclass(frozen=True, slots=True)
class S3Copier:
    """The `Copier` of the objects system.

    Copies are encrypted with a KMS key, or as their bucket says. Objects of more bytes than `copied_at_once` are copied
    in parts, `threads` at a time. An upload that breaks off is aborted by the bucket's lifecycle, if not before.
    `copy_object` takes the place of the client's, for many copies. `tags`: whether copies have those of their objects.
    """

    client: "S3Client"
    bucket: str
    storage_class: str
    kms_key_arn: str | None = None
    copied_at_once: int = COPIED_AT_ONCE
    part_size: int = PART_SIZE
    threads: int = 10
    copy_object: Callable[..., Any] | None = None
    tags: bool = True

    def copy(self, version: Version, copy_key: CopyKey) -> Stored:
        try:
            return self.write(version, copy_key)
        except ClientError as error:
            refused = _refusal(error, version.original)
            if refused and not self._concerns_the_copy(error):
                raise refused from error
            raise

    def write(self, version: Version, key: str, **condition: str) -> Stored:
        """Copy exactly this version to a key of the bucket, if what is there meets a condition: boto3's `IfMatch` or
        `IfNoneMatch`. Raises what S3 answers."""
        if version.size > self.copied_at_once:
            return self._copy_in_parts(version, key, condition)
        return self._copy_at_once(version, key, condition)

    def _concerns_the_copy(self, error: ClientError) -> bool:
        """Whether what was refused is to write the copy: S3 names the resource, if both are in one account."""
        message = error.response["Error"].get("Message", "")
        return f":::{self.bucket}/" in message or bool(self.kms_key_arn and self.kms_key_arn in message)

    def _copy_at_once(self, version: Version, key: str, condition: Any) -> Stored:
        copy_object: Callable[..., Any] = self.copy_object or self.client.copy_object
        untagged = {} if self.tags else {"TaggingDirective": "REPLACE"}
        settings = self._settings() | untagged
        answer = copy_object(Bucket=self.bucket, Key=key, **condition, **_source(version), **settings)
        result = answer["CopyObjectResult"]
        return Stored(_bare(result["ETag"]), checksum(result), _version_id(answer))

    def _settings(self) -> Any:
        settings: dict[str, Any] = {"StorageClass": self.storage_class, "ChecksumAlgorithm": CHECKSUM}
        if self.kms_key_arn:
            settings |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn, "BucketKeyEnabled": True}
        return settings

    def _copy_in_parts(self, version: Version, key: str, condition: Any) -> Stored:
        size, carried = self._look_at(version)
        created = self.client.create_multipart_upload(Bucket=self.bucket, Key=key, **carried, **self._settings())
        upload: Any = {"Bucket": self.bucket, "Key": key, "UploadId": created["UploadId"]}
        try:
            with ThreadPoolExecutor(self.threads) as pool:
                parts = list(pool.map(partial(self._copy_part, version, upload), self._ranges(size)))
            answer = self.client.complete_multipart_upload(
                **upload, **condition, MultipartUpload={"Parts": parts}, MpuObjectSize=size
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):  # what went wrong first is what counts
                self.client.abort_multipart_upload(**upload)
            raise
        return Stored(_bare(answer["ETag"]), checksum(answer), _version_id(answer))

    def _look_at(self, version: Version) -> tuple[int, Any]:
        """The size of a version in bytes, and what an upload has to state that a copy at once takes along by itself."""
        where = {"Bucket": version.original.bucket, "Key": version.original.key}
        named: Any = where | ({"VersionId": version.version_id} if version.version_id else {})
        condition: Any = {} if version.version_id else {"IfMatch": f'"{version.etag}"'}
        found: Mapping[str, Any] = self.client.head_object(**named, **condition)
        carried = {name: found[name] for name in _CARRIED if name in found}
        if self.tags and (tags := self.client.get_object_tagging(**named)["TagSet"]):
            carried["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        return found["ContentLength"], carried

    def _ranges(self, size: int) -> list[tuple[int, str]]:
        step = max(self.part_size, -(-size // PARTS))
        starts = enumerate(range(0, size, step), start=1)
        return [(number, f"bytes={first}-{min(first + step, size) - 1}") for number, first in starts]

    def _copy_part(self, version: Version, upload: Any, part: tuple[int, str]) -> Any:
        number, extent = part
        answer = self.client.upload_part_copy(**upload, PartNumber=number, CopySourceRange=extent, **_source(version))
        result: Mapping[str, Any] = answer["CopyPartResult"]
        checksums = {name: value for name, value in result.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": result["ETag"], **checksums}


def _source(version: Version) -> Any:
    """What to copy: this version; or, where there are none, the object on condition that it is the one meant."""
    where = {"Bucket": version.original.bucket, "Key": version.original.key}
    if version.version_id is None:
        return {"CopySource": where, "CopySourceIfMatch": f'"{version.etag}"'}
    return {"CopySource": where | {"VersionId": version.version_id}}


def checksum(answer: Mapping[str, Any]) -> str | None:
    """The one checksum that S3 keeps of an object, if the answer tells it."""
    found = (name for name in answer if name.startswith("Checksum") and name != "ChecksumType")
    return next((f"{name.removeprefix('Checksum')}:{answer[name]}" for name in found), None)


@dataclass(frozen=True, slots=True)
class S3Backups:
    """The backup bucket. `versioned`: it keeps what is deleted or written over, as an Object Lock asks for."""

    client: "S3Client"
    bucket: str
    versioned: bool

    def head(self, copy_key: CopyKey, version_id: str | None) -> Stored | None:
        named: Any = {"VersionId": version_id} if version_id else {}
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=copy_key, ChecksumMode="ENABLED", **named)
        except ClientError as error:
            if _code(error) == "404":
                return None
            raise
        return Stored(_bare(found["ETag"]), checksum(found), _version_id(found))

    def remove(self, copy_key: CopyKey) -> None:
        try:
            if not self.versioned:
                self.client.delete_object(Bucket=self.bucket, Key=copy_key)
                return
            for version_id in self._versions(copy_key):
                self.client.delete_object(Bucket=self.bucket, Key=copy_key, VersionId=version_id)
        except ClientError as error:
            # S3 has no code of its own for it: "Access Denied because object protected by object lock."
            if _code(error) == "AccessDenied" and "object lock" in error.response["Error"].get("Message", ""):
                raise Locked(f"{copy_key!r} is locked") from error
            raise

    def _versions(self, copy_key: CopyKey) -> list[str]:
        """The version ids of everything under exactly this key, delete markers too."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=copy_key)
        entries: Iterator[Any] = (
            entry for page in pages for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        )
        return [entry["VersionId"] for entry in entries if entry["Key"] == copy_key]

    def listing(self, prefix: str, after: str) -> Iterator[BackupObject]:
        if self.versioned:
            yield from self._listing_of_versions(prefix, after)
            return
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            for found in page.get("Contents", []):
                yield BackupObject(CopyKey(found["Key"]), found["Size"], _bare(found["ETag"]))

    def names(self, prefix: str) -> Iterator[CopyKey]:
        if self.versioned:
            return (CopyKey(found["Key"]) for found in self._all_versions(prefix, ""))
        return (found.copy_key for found in self.listing(prefix, ""))

    def _listing_of_versions(self, prefix: str, after: str) -> Iterator[BackupObject]:
        for found in self._all_versions(prefix, after):
            if found["IsLatest"]:
                copy_key = CopyKey(found["Key"])
                yield BackupObject(copy_key, found["Size"], _bare(found["ETag"]), _version_id(found))

    def _all_versions(self, prefix: str, after: str) -> Iterator[Any]:
        beyond: Any = {"KeyMarker": after} if after else {}
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix, **beyond)
        return (found for page in pages for found in page.get("Versions", []))
