"""The bodies of objects in S3, read to their end: the SDK tries a request again, but not the body of its answer."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRIES = 3
PIECE = 1024**2
"""Bytes that are handed on at once."""

GONE = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404", "405"}
"""Most methods are not allowed on a delete marker. The errors of HEAD have no code but their status."""

_BROKEN = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
"""What may end the reading of a body."""


def read_body(client: "S3Client", **where: Any) -> bytes:
    """A whole body, checked by the SDK. Raises ClientError."""
    for _ in range(TRIES - 1):
        with suppress(*_BROKEN, FlexibleChecksumError):
            return client.get_object(**where)["Body"].read()
    return client.get_object(**where)["Body"].read()


def stream_body(client: "S3Client", **where: Any) -> Iterator[bytes]:
    """A body in pieces. One that breaks off is read on from there, if it is still the same. Raises ClientError, here if
    there is none, and FlexibleChecksumError behind the last piece if what came in one go is not what S3 keeps."""
    return _pieces(client, where, client.get_object(**where))


def _pieces(client: "S3Client", where: Mapping[str, Any], answer: Any) -> Iterator[bytes]:
    etag, size, done, breaks = answer["ETag"], answer["ContentLength"], 0, 0
    while True:
        try:
            while piece := answer["Body"].read(PIECE):
                yield piece
                done += len(piece)
                breaks = 0
        except _BROKEN:
            breaks += 1
            if breaks == TRIES:
                raise
        else:
            return
        if done == size:
            return
        answer = client.get_object(**where, Range=f"bytes={done}-", IfMatch=etag)


def is_gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in GONE
