"""Server-side copies by the thousand, each of its version or under its condition, at six tenths of the SDK's cost.

boto3 takes over a millisecond of processor time for a copy, and is busy long before S3 is. Its signer and its
connections do not: here they are used without what lies around them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_s3 import S3Client

TRIES = 8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

HEADERS = {
    "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
    "ChecksumAlgorithm": "x-amz-checksum-algorithm",
    "CopySourceIfMatch": "x-amz-copy-source-if-match",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
    "TaggingDirective": "x-amz-tagging-directive",
}
"""The arguments of boto3's `copy_object` that are understood, besides where from and where to."""

_PASSING = {200, 429, 500, 502, 503, 504}
_PASSING_CODES = {"RequestTimeout"}
"""Errors that may be gone the next time. S3 answers 200 when it begins to copy, and may fail, or stop, after that.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

_TOLD = re.compile(r"<(\w+)>([^<]*)</\1>")
"""An element without others in it. A parser would refuse the whole answer for a key in it that XML cannot carry."""


class NotNow(ClientError):
    """S3 did not copy this time: it is busy, or something broke in between."""


@dataclass(frozen=True, slots=True)
class CopyObject:
    """Called in the place of a client's `copy_object`, by any number of threads.

    `session`: whose credentials sign. `chance`: a random number from 0 to 1.
    """

    client: "S3Client"
    session: "Session"
    http: URLLib3Session
    sleep: Callable[[float], None]
    chance: Callable[[], float]

    @classmethod
    def like(
        cls, client: "S3Client", session: "Session", sleep: Callable[[float], None], chance: Callable[[], float]
    ) -> Self:
        """Where and how the client copies, over as many connections as it has."""
        told = client.meta.config
        ca_bundle = session._session.get_config_variable("ca_bundle")  # noqa: SLF001 a session of its own takes 5 ms
        http = URLLib3Session(
            verify=ca_bundle or True,
            proxies=get_environ_proxies(client.meta.endpoint_url),
            timeout=(told.connect_timeout, told.read_timeout),  # type: ignore[attr-defined, arg-type]
            max_pool_connections=told.max_pool_connections,  # type: ignore[attr-defined]
        )
        return cls(client, session, http, sleep, chance)

    def __call__(self, *, Bucket: str, Key: str, CopySource: Mapping[str, str], **asked: Any) -> dict[str, Any]:  # noqa: N803
        """Take boto3's arguments, and give what counts of its answer: `CopyObjectResult` and `VersionId`.

        Raises ClientError; NotNow or HTTPClientError if trying again did not help; NoCredentialsError.
        """
        url = f"{self.client.meta.endpoint_url}/{quote(Bucket)}/{quote(Key, safe='/~')}"
        headers = {HEADERS[name]: _text(value) for name, value in asked.items()}
        headers["x-amz-copy-source"] = _named(CopySource)
        tried = 0
        while True:
            try:
                return _result(self._ask(url, headers))
            except (HTTPClientError, NotNow):
                tried += 1
                if tried == TRIES:
                    raise
            self.sleep(self.chance() * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**tried))

    def close(self) -> None:
        self.http.close()

    def _ask(self, url: str, headers: Mapping[str, str]) -> AWSResponse:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest("PUT", url, headers=dict(headers))
        S3SigV4Auth(credentials.get_frozen_credentials(), "s3", self.client.meta.region_name).add_auth(request)
        prepared = request.prepare()
        # As the SDK does: who registered for it with the client, such as a test's AWS in memory, may answer instead.
        answers = self.client.meta.events.emit("before-send.s3.CopyObject", request=prepared)
        return next((answer for _, answer in answers if answer is not None), None) or self.http.send(prepared)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(source: Mapping[str, str]) -> str:
    """A source as the header has it."""
    quoted = quote(f"{source['Bucket']}/{source['Key']}", safe="/~")
    return f"{quoted}?versionId={source['VersionId']}" if "VersionId" in source else quoted


def _result(answer: AWSResponse) -> dict[str, Any]:
    """What S3 did. Raises ClientError if it did not copy, NotNow if it may yet."""
    body = answer.content.decode(errors="replace").rstrip()
    told = {name: unescape(text) for name, text in _TOLD.findall(body)}
    if answer.status_code == 200 and body.endswith("</CopyObjectResult>") and "ETag" in told:
        version_id = answer.headers.get("x-amz-version-id")
        return {"CopyObjectResult": told, **({} if version_id is None else {"VersionId": version_id})}
    code = told.get("Code", str(answer.status_code))
    kind = NotNow if answer.status_code in _PASSING or code in _PASSING_CODES else ClientError
    raise kind(
        {
            "Error": {"Code": code, "Message": told.get("Message", "")},
            "ResponseMetadata": {  # type: ignore[typeddict-item]
                "HTTPStatusCode": answer.status_code,
                "HTTPHeaders": dict(answer.headers),
                "RequestId": answer.headers.get("x-amz-request-id", ""),
                "HostId": answer.headers.get("x-amz-id-2", ""),
            },
        },
        "CopyObject",
    )
