"""Restoring from the backup bucket, in S3."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from holdfast.adapters.s3_objects import COPIED_AT_ONCE, PART_SIZE, S3Backups, S3Copier, checksum
from holdfast.objects.model import Copy, Original, Stored, Version
from holdfast.objects.restore.model import Found
from holdfast.objects.restore.ports import CopyLost, TargetChanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REFUSED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "NoSuchVersion", "404"}
"""What S3 says if the target or the copy is not as it was: it is another one, becoming another one, or gone.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


@dataclass(frozen=True, slots=True)
class S3Targets:
    """The `Targets` of a restore. What is restored has the storage class STANDARD, and its bucket's encryption."""

    client: "S3Client"
    backups: S3Backups
    copied_at_once: int = COPIED_AT_ONCE
    part_size: int = PART_SIZE

    def head(self, target: Original) -> Found | None:
        try:
            found = self.client.head_object(Bucket=target.bucket, Key=target.key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return None
            raise
        return Found(found["ETag"].strip('"'), found["ContentLength"], found["LastModified"], checksum(found))

    def write(self, copy: Copy, target: Original, over: Found | None) -> Stored:
        if copy.stored is None:
            raise CopyLost(f"{copy.copy_key!r} was never completed")
        try:
            return self._write(copy, copy.stored, target, over)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            if self.head(target) != over:
                raise TargetChanged(f"{str(target)!r} was written since it was looked at") from error
            found = self.backups.head(copy.copy_key, copy.stored.version_id)
            if found is None or found.etag == copy.stored.etag or not copy.stored.is_intact(found):
                raise CopyLost(f"{copy.copy_key!r} is not in {self.backups.bucket} as it was stored") from error
        return self._write(copy, found, target, over)

    def _write(self, copy: Copy, stored: Stored, target: Original, over: Found | None) -> Stored:
        where = Original(self.backups.bucket, copy.copy_key)
        source = Version(where, stored.etag, copy.version.size, copy.version.written_at, stored.version_id)
        condition = {"IfMatch": f'"{over.etag}"'} if over else {"IfNoneMatch": "*"}
        copier = S3Copier(
            self.client,
            target.bucket,
            "STANDARD",
            copied_at_once=self.copied_at_once,
            part_size=self.part_size,
        )
        return copier.write(source, target.key, **condition)
