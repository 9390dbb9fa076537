"""Copies in bulk: sent as boto3 sends them, their answers read to the end, tried again when that may help."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.s3_bulk import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, TRIES, CopyObject, NotNow
from tests.unit.adapters.server import Last, serving
from tests.unit.capacity.domain import HOSTILE_NAMES

NOW = datetime(2026, 11, 21, 7, 31, 21, tzinfo=UTC)
PLAIN = {"Bucket": "backup", "StorageClass": "STANDARD_IA", "ChecksumAlgorithm": "CRC64NVME"}
ENCRYPTED = {
    **PLAIN,
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "arn:aws:kms:eu-west-1:123456789012:key/k",
    "BucketKeyEnabled": True,
}
COPY: dict[str, Any] = {
    **PLAIN,
    "Key": "copy",
    "CopySource": {"Bucket": "source", "Key": "a"},
    "CopySourceIfMatch": '"0c3a"',
}
TOLD = {"ETag": '"0c3a"', "LastModified": "2026-11-21T07:31:21.000Z"}

COPIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LastModified>2026-11-21T07:31:21.000Z</LastModified><ETag>&quot;0c3a&quot;</ETag>{}</CopyObjectResult>"
)


def answer(status: int, body: str, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\n{lines}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()


def error(status: int, code: str, message: str = "") -> bytes:
    return answer(
        status,
        f'<?xml version="1.0"?>\n\n<Error><Code>{code}</Code><Message>{message}</Message><Key>a</Key></Error>',
        x_amz_request_id="R1",
    )


DONE = answer(200, COPIED.format(""))


def session(token: str | None = None) -> boto3.Session:
    return boto3.Session("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token, "eu-west-1")


def client_of(made: boto3.Session, endpoint: str | None = None) -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    return made.client("s3", endpoint_url=endpoint, config=config)


@dataclass
class Copying:
    """A copier, and how long it slept between its tries."""

    copy_object: CopyObject
    pauses: list[float] = field(default_factory=list)


def copying(endpoint: str | None = None, token: str | None = None) -> Copying:
    made, pauses = session(token), list[float]()
    return Copying(CopyObject.like(client_of(made, endpoint), made, pauses.append, lambda: 0.5), pauses)


@contextmanager
def answered(script: Callable[[int], bytes]) -> Iterator[Copying]:
    with serving(script) as server:
        name, port = server.listening.getsockname()
        made = copying(f"http://{name}:{port}")
        yield made
        made.copy_object.close()


# What is sent


@dataclass
class Sent:
    """In the place of a connection: where a request would go, and with what."""

    address: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, request: Any, **_: object) -> AWSResponse:
        self.address = f"{request.method} {request.url}"
        self.headers = {n.lower(): v.decode() if isinstance(v, bytes) else v for n, v in request.headers.items()}
        return AWSResponse(request.url, 200, HTTPHeaders(), Body())


class Body:
    """A body as botocore takes it from its HTTP client."""

    def stream(self) -> Iterator[bytes]:
        yield COPIED.format("").encode()


def ours(copier: CopyObject, copy: Mapping[str, Any]) -> Sent:
    sent = Sent()
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        replace(copier, http=sent)(**copy)  # type: ignore[arg-type]
    return sent


def boto3s(client: Any, copy: Mapping[str, Any]) -> Sent:
    sent = Sent()
    client.meta.events.register("before-send.s3.CopyObject", sent.send)
    try:
        with patch("botocore.auth.get_current_datetime", return_value=NOW):
            client.copy_object(**copy)
    finally:
        client.meta.events.unregister("before-send.s3.CopyObject", sent.send)
    return sent


ADDED_BY_BOTO3 = {"user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "content-length"}
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300) | st.sampled_from(HOSTILE_NAMES)


@pytest.fixture(scope="module", params=["plain", "encrypted and without tags", "with a session token", "at an address"])
def both(request: pytest.FixtureRequest) -> tuple[CopyObject, Any, Mapping[str, Any]]:
    """What copies, the client that it copies like, and the settings of both."""
    token = "IQoJb3JpZ2luX2VjEXAMPLE//////////token==" if request.param == "with a session token" else None
    endpoint = "http://192.0.2.1:8333" if request.param == "at an address" else None
    untagged = ENCRYPTED | {"TaggingDirective": "REPLACE"}
    settings = untagged if request.param == "encrypted and without tags" else PLAIN
    return copying(endpoint, token).copy_object, client_of(session(token), endpoint), settings


@given(
    KEYS,
    KEYS,
    st.none() | st.from_regex(r"[A-Za-z0-9._]{1,32}", fullmatch=True),
    st.sets(st.sampled_from(["CopySourceIfMatch", "IfMatch", "IfNoneMatch"])),
)
def test_a_copy_is_sent_and_signed_as_boto3_does(
    both: tuple[CopyObject, Any, Mapping[str, Any]],
    key: str,
    copy_key: str,
    version_id: str | None,
    conditions: set[str],
) -> None:
    copy_object, client, settings = both
    source = {"Bucket": "source", "Key": key, **({"VersionId": version_id} if version_id else {})}
    copy = {**settings, "Key": copy_key, "CopySource": source, **dict.fromkeys(conditions, '"0c3a"')}
    mine, theirs = ours(copy_object, copy), boto3s(client, copy)
    assert mine.address == theirs.address
    told = {name: value for name, value in theirs.headers.items() if name not in ADDED_BY_BOTO3}
    assert {name: mine.headers[name] for name in told} == told
    assert mine.headers.keys() - told.keys() <= {"content-length"}


def test_credentials_are_renewed() -> None:
    keys = iter([ReadOnlyCredentials("first", "s", "t1"), ReadOnlyCredentials("second", "s", "t2")])

    class Expiring(Credentials):
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return next(keys)

    copier = copying().copy_object
    with patch.object(copier.session, "get_credentials", return_value=Expiring("", "")):
        assert [ours(copier, COPY).headers["x-amz-security-token"] for _ in range(2)] == ["t1", "t2"]


def test_nobody_copies_without_credentials() -> None:
    copier = copying().copy_object
    with patch.object(copier.session, "get_credentials", return_value=None), pytest.raises(NoCredentialsError):
        ours(copier, COPY)


# What is answered


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (DONE, {"CopyObjectResult": TOLD}),
        (answer(200, COPIED.format(""), x_amz_version_id="3/L4kq"), {"CopyObjectResult": TOLD, "VersionId": "3/L4kq"}),
        (
            answer(200, COPIED.format("<ChecksumCRC64NVME>AAE=</ChecksumCRC64NVME>")),
            {"CopyObjectResult": {**TOLD, "ChecksumCRC64NVME": "AAE="}},
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n  \r\n%x\r\n%s\r\n1\r\n\n\r\n0\r\n\r\n"
            % (len(COPIED), COPIED.encode()),
            {"CopyObjectResult": TOLD},
        ),
    ],
    ids=["an ETag", "a version", "a checksum", "in parts, among spaces that kept the connection alive"],
)
def test_what_s3_did_is_what_it_says(told: bytes, result: Mapping[str, Any]) -> None:
    with answered(lambda _: told) as made:
        assert made.copy_object(**COPY) == result
    assert made.pauses == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NoSuchKey"),
        (404, "NoSuchVersion"),
        (412, "PreconditionFailed"),
        (403, "ObjectNotInActiveTierError"),
        (403, "AccessDenied"),
        (301, "PermanentRedirect"),
        (501, "NotImplemented"),
    ],
)
def test_an_error_is_what_boto3_raises_of_it_and_told_once(status: int, code: str) -> None:
    told = error(status, code, "It is &lt;so&gt;")
    with answered(lambda _: told) as made, pytest.raises(ClientError, match=rf"{code}.*It is <so>") as raised:
        made.copy_object(**COPY)
    assert raised.value.response["Error"] == {"Code": code, "Message": "It is <so>"}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert raised.value.response["ResponseMetadata"]["RequestId"] == "R1"
    assert made.pauses == []


def test_a_key_that_xml_cannot_carry_hides_no_error() -> None:
    told = answer(404, "<Error><Code>NoSuchKey</Code><Key>a&#x0;&#x1;\1</Key></Error>")
    with answered(lambda _: told) as made, pytest.raises(ClientError, match="NoSuchKey"):
        made.copy_object(**COPY)


def test_a_key_that_looks_like_an_error_is_none() -> None:
    told = answer(400, "<Error><Code>Odd</Code><Key>&lt;Code&gt;NoSuchKey&lt;/Code&gt;</Key></Error>")
    with answered(lambda _: told) as made, pytest.raises(ClientError, match="Odd"):
        made.copy_object(**COPY)


# What is tried again

FAILURES = {
    "busy": error(503, "SlowDown"),
    "broken": error(500, "InternalError"),
    "a gateway without XML": answer(502, "<html>"),
    "too many": answer(429, ""),
    "too slow": error(400, "RequestTimeout"),
    "an error that began as a success": error(200, "InternalError"),
    "a success that was never finished": answer(200, COPIED.format("")[:-5]),
    "a success without a word": answer(200, ""),
    "a closed connection": Last(b""),
    "half an answer": Last(DONE[:-10]),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_what_may_pass_is_tried_again(failure: bytes) -> None:
    def script(number: int) -> bytes:
        return failure if number <= 2 else DONE

    with answered(script) as made:
        assert made.copy_object(**COPY) == {"CopyObjectResult": TOLD}
    assert len(made.pauses) == 2


def test_pauses_grow_up_to_a_bound_and_so_do_tries() -> None:
    with answered(lambda _: error(503, "SlowDown")) as made, pytest.raises(NotNow, match="SlowDown"):
        made.copy_object(**COPY)
    chance = 0.5
    grown = [chance * FIRST_PAUSE_SECONDS * 2**n for n in range(1, TRIES)]
    assert made.pauses == [min(pause, chance * LONGEST_PAUSE_SECONDS) for pause in grown]
    assert made.pauses[-1] == chance * LONGEST_PAUSE_SECONDS


def test_a_host_that_never_answers_is_given_up() -> None:
    with answered(lambda _: Last(b"")) as made, pytest.raises(HTTPClientError):
        made.copy_object(**COPY)
    assert len(made.pauses) == TRIES - 1
