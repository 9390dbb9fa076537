"""JSON documents in a bucket."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from holdfast.adapters.s3_body import is_gone, read_body

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRIES = 5
"""Of a write whose key somebody else is writing at the same moment."""


@dataclass(frozen=True, slots=True)
class S3Documents:
    """The `Documents` of the fleet system. What encrypts them is the bucket's affair."""

    client: "S3Client"
    bucket: str

    def load(self, key: str) -> Any:
        body = self._read(key)
        return None if body is None else json.loads(body)

    def _read(self, key: str) -> bytes | None:
        try:
            return read_body(self.client, Bucket=self.bucket, Key=key)
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def save(self, key: str, document: object) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=json.dumps(document).encode(), ContentType="application/json"
        )

    def add(self, key: str, document: object) -> bool:
        body = json.dumps(document).encode()
        for _ in range(TRIES - 1):
            try:
                return self._add(key, body)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalRequestConflict":
                    raise
        return self._add(key, body)

    def _add(self, key: str, body: bytes) -> bool:
        try:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return self._was_ours(error, key, body)
            raise
        return True

    def _was_ours(self, error: ClientError, key: str, body: bytes) -> bool:
        """Whether it is as we wrote it ourselves: the answer was lost, and the SDK tried again."""
        tried_again = error.response["ResponseMetadata"].get("RetryAttempts", 0) > 0
        return tried_again and self._read(key) == body

    def keys(self, prefix: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for found in page.get("Contents", []):
                yield found["Key"]
