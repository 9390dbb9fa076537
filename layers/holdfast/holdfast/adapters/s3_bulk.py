"""CopyObject for copies by the thousand: what boto3's does, at a tenth of the processor time.

boto3 takes more than a millisecond of it for a copy, and is busy long before S3 is. So it is asked once what a copy
looks like on the wire; from there on, what differs is filled in, signed and sent.
"""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from threading import get_ident
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from holdfast.adapters.http1 import Answer, Host
from holdfast.adapters.sigv4 import Signer
from holdfast.ports import Clock

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_s3 import S3Client

TRIES = 8
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

_PASSING = {200, 429, 500, 502, 503, 504}
_PASSING_CODES = {"RequestTimeout"}
"""Errors that may be gone the next time. S3 answers 200 when it begins to copy, and may fail, or stop, after that.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

_TOLD = re.compile(r"<(\w+)>([^<]*)</\1>")
"""An element without others in it. A parser takes longer for them than signing does, and refuses the whole answer for a
key in it that XML cannot carry."""

_KEY = "key"
_CONDITIONS = {
    "CopySourceIfMatch": "x-amz-copy-source-if-match",
    "IfMatch": "if-match",
    "IfNoneMatch": "if-none-match",
}
"""Arguments that differ from copy to copy, and their headers."""


class NotNow(ClientError):
    """S3 did not copy this time: it is busy, or something broke in between."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What all copies into a bucket with the same settings have in common. `folder` is the bucket's quoted path."""

    host: Host
    signer: Signer
    folder: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CopyObject:
    """Called in the place of `client.copy_object`, by any number of threads."""

    client: "S3Client"
    session: "Session"
    """Whose credentials sign."""
    now: Clock
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    """A random number from 0 to 1."""
    patterns: dict[frozenset[tuple[str, object]], Pattern] = field(default_factory=dict)

    def __call__(self, **asked: Any) -> dict[str, Any]:
        """Take boto3's arguments, and give what counts of its answer: `CopyObjectResult` and `VersionId`.

        Raises ClientError; NotNow or an OSError if trying again did not help; NoCredentialsError.
        """
        key, headers = asked.pop("Key"), {"x-amz-copy-source": _named(asked.pop("CopySource"))}
        headers |= {_CONDITIONS[name]: asked.pop(name) for name in _CONDITIONS.keys() & asked.keys()}
        pattern = self._pattern(asked)
        path = pattern.folder + quote(key, safe="/~")
        headers = {**pattern.headers, **headers}
        tried = 0
        while True:
            try:
                return _result(self._ask(pattern, path, headers))
            except (OSError, NotNow):
                tried += 1
                if tried == TRIES:
                    raise
            self.sleep(self.chance() * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**tried))

    def close(self) -> None:
        """Close all connections that are not in use."""
        for pattern in self.patterns.values():
            pattern.host.close()

    def _ask(self, pattern: Pattern, path: str, headers: Mapping[str, str]) -> Answer:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        signed = pattern.signer.signed("PUT", path, headers, credentials.get_frozen_credentials(), self.now())
        return pattern.host.ask("PUT", path, signed)

    def _pattern(self, settings: Mapping[str, Any]) -> Pattern:
        wanted = frozenset(settings.items())
        try:
            return self.patterns[wanted]
        except KeyError:
            # Of several threads that come here at once, all go on with what one of them has made.
            return self.patterns.setdefault(wanted, _pattern(self.client, settings))


def _pattern(client: "S3Client", settings: Mapping[str, Any]) -> Pattern:
    request = _request(client, settings)
    url = urlsplit(request["url"])
    headers = {name.lower(): value for name, value in request["headers"].items()}
    told: Any = client.meta.config
    host = Host(
        name=url.hostname or "",
        port=url.port or (443 if url.scheme == "https" else 80),
        tls=_tls() if url.scheme == "https" else None,
        agent=headers.pop("user-agent"),
        connect_timeout=told.connect_timeout,
        read_timeout=told.read_timeout,
    )
    signer = Signer(url.netloc, request["context"]["signing"].get("region", client.meta.region_name))
    return Pattern(host, signer, url.path.removesuffix(_KEY), headers)


def _request(client: "S3Client", settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request that boto3 would make of a copy, caught before it is signed and sent."""
    caught: dict[str, Any] = {}
    here = get_ident()

    def catch(params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, Mapping[str, Any]] | None:
        if get_ident() != here:
            return None  # somebody else's copy, meant in earnest
        caught.update(params)
        return AWSResponse(params["url"], 200, HTTPHeaders(), None), {}

    event = "before-call.s3.CopyObject"
    events: Any = client.meta.events
    events.register_first(event, catch)
    try:
        client.copy_object(Key=_KEY, CopySource={"Bucket": "bucket", "Key": _KEY}, **settings)
    finally:
        events.unregister(event, catch)
    return caught


def _tls() -> ssl.SSLContext:
    """Trust whom boto3 trusts."""
    told = botocore.session.get_session().get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    return ssl.create_default_context(cafile=told or get_cert_path(True))


def is_direct(client: "S3Client") -> bool:
    """Whether the client reaches S3 without a proxy, as CopyObject has to."""
    told = client.meta.config.proxies  # type: ignore[attr-defined]
    return not (get_environ_proxies(client.meta.endpoint_url) if told is None else told)


def _named(source: Mapping[str, str]) -> str:
    """A source as the header has it."""
    quoted = quote(f"{source['Bucket']}/{source['Key']}", safe="/~")
    return f"{quoted}?versionId={source['VersionId']}" if "VersionId" in source else quoted


def _result(answer: Answer) -> dict[str, Any]:
    """What S3 did. Raises ClientError if it did not copy, NotNow if it may yet."""
    body = answer.body.decode(errors="replace").rstrip()
    told = {name: unescape(text) for name, text in _TOLD.findall(body)}
    if answer.status == 200 and body.endswith("</CopyObjectResult>") and "ETag" in told:
        version_id = answer.headers.get("x-amz-version-id")
        return {"CopyObjectResult": told, **({} if version_id is None else {"VersionId": version_id})}
    code = told.get("Code", str(answer.status))
    kind = NotNow if answer.status in _PASSING or code in _PASSING_CODES else ClientError
    raise kind(
        {
            "Error": {"Code": code, "Message": told.get("Message", "")},
            "ResponseMetadata": {  # type: ignore[typeddict-item]
                "HTTPStatusCode": answer.status,
                "HTTPHeaders": dict(answer.headers),
                "RequestId": answer.headers.get("x-amz-request-id", ""),
                "HostId": answer.headers.get("x-amz-id-2", ""),
            },
        },
        "CopyObject",
    )
