"""The archive of tables in S3: the folder of a table, and the objects of its items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.s3_body import is_gone, read_body
from holdfast.tables.model import Moment, Reference
from holdfast.tables.ports import NotStored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT = "holdfast-at"
SEQUENCE = "holdfast-sequence"
"""The metadata that tell a version's moment: S3's LastModified is only when it was delivered."""

_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"}
"""Somebody wrote or removed the object since it was looked at, or does so right now.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


class NotVersioned(Exception):
    """A bucket keeps no versions: what an item was before is gone with each change."""

    def __init__(self, bucket: str) -> None:
        super().__init__(
            f"bucket {bucket!r} keeps no versions, which the layout `item` needs: "
            f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        )


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _read(client: "S3Client", what: str, **where: Any) -> bytes:
    """The body of an object, checked by the SDK. Raises NotStored."""
    try:
        return read_body(client, **where)
    except ClientError as error:
        if is_gone(error):
            raise NotStored(f"{what} is not in the archive") from error
        raise


@dataclass(frozen=True, slots=True)
class S3Store:
    """The `Store` of a table: what lies under its folder, whose name ends with a slash."""

    client: "S3Client"
    bucket: str
    folder: str

    def write(self, name: str, body: bytes) -> None:
        kind = "application/json" if name.endswith(".json") else "application/gzip"
        self.client.put_object(Bucket=self.bucket, Key=self.folder + name, Body=body, ContentType=kind)

    def read(self, name: str) -> bytes:
        return _read(self.client, f"{name!r}", Bucket=self.bucket, Key=self.folder + name)

    def names(self, prefix: str, after: str = "") -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.folder + prefix, StartAfter=self.folder + after
        )
        for page in pages:
            for found in page.get("Contents", []):
                yield found["Key"].removeprefix(self.folder)


@dataclass(frozen=True, slots=True)
class S3ItemObjects:
    """The `ItemObjects` of the tables system. Raises NotVersioned."""

    client: "S3Client"
    bucket: str

    def put(self, key: str, body: bytes, moment: Moment) -> Reference:
        return self._put(key, body, moment, {})

    def _put(self, key: str, body: bytes, moment: Moment, condition: Any) -> Reference:
        answer = self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType="application/json",
            Metadata={AT: str(moment.at), SEQUENCE: str(moment.sequence)},
            **condition,
        )
        return Reference(key, self._version_id(answer), md5(body, usedforsecurity=False).hexdigest())

    def _version_id(self, answer: Mapping[str, Any]) -> str:
        """S3 calls "null" what is written while its bucket keeps no more versions."""
        version_id = answer.get("VersionId", "null")
        if version_id == "null":
            raise NotVersioned(self.bucket)
        return str(version_id)

    def put_if_newer(self, key: str, body: bytes, moment: Moment, *, if_other: bool = False) -> Reference | None:
        newest = self._head(key)
        if newest is None:
            condition = {"IfNoneMatch": "*"}
        elif _is_as_new(newest, moment) or (if_other and _holds(newest, body)):
            return None
        else:
            condition = {"IfMatch": newest["ETag"]}
        try:
            return self._put(key, body, moment, condition)
        except ClientError as error:
            if _code(error) in _OVERTAKEN:
                return None
            raise

    def _head(self, key: str) -> Any:
        """None behind a delete marker, as where nothing is."""
        try:
            return self.client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _code(error) == "404":
                return None
            raise

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def forget(self, reference: Reference) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=reference.key, VersionId=reference.version_id)

    def fetch(self, reference: Reference) -> bytes:
        what = f"version {reference.version_id} of {reference.key!r}"
        return _read(self.client, what, Bucket=self.bucket, Key=reference.key, VersionId=reference.version_id)


def _is_as_new(head: Mapping[str, Any], moment: Moment) -> bool:
    known = _moment(head["Metadata"])
    return known is not None and known >= moment


def _holds(head: Mapping[str, Any], body: bytes) -> bool:
    """With a KMS key nobody knows: the ETag is no MD5 then."""
    return bool(head["ETag"].strip('"') == md5(body, usedforsecurity=False).hexdigest())


def _moment(metadata: Mapping[str, str]) -> Moment | None:
    """None of what this system did not write."""
    try:
        return Moment(int(metadata[AT]), int(metadata[SEQUENCE]))
    except (KeyError, ValueError):
        return None
