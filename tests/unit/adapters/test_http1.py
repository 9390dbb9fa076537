"""Answers read as the standard library reads them, and connections kept for as long as they last."""

import ssl
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPResponse
from io import BufferedReader, BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from holdfast.adapters.http1 import Answer, AnswerBroken, Host, read
from tests.unit.adapters.server import Last, serving

# Reading

type Framing = Literal["length", "chunks", "close"]

NAMES = st.from_regex(r"x-[A-Za-z0-9-]{1,12}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)


@dataclass(frozen=True)
class Sent:
    """An answer as bytes."""

    status: int
    headers: dict[str, str]
    body: bytes
    framing: Framing
    chunk: int

    def __bytes__(self) -> bytes:
        framed = {
            "length": f"Content-Length: {len(self.body)}\r\n",
            "chunks": "Transfer-Encoding: chunked\r\n",
            "close": "Connection: close\r\n",
        }[self.framing]
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return f"HTTP/1.1 {self.status} What It Means\r\n{lines}{framed}\r\n".encode() + self._framed_body()

    def _framed_body(self) -> bytes:
        if self.framing != "chunks":
            return self.body
        parts = [self.body[start : start + self.chunk] for start in range(0, len(self.body), self.chunk)]
        return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


ANSWERS = st.builds(
    Sent,
    status=st.integers(200, 599).filter(lambda status: status not in {204, 304}),
    headers=st.dictionaries(NAMES, VALUES, max_size=5).filter(lambda h: len({n.lower() for n in h}) == len(h)),
    body=st.binary(max_size=300),
    framing=st.sampled_from(["length", "chunks", "close"]),
    chunk=st.integers(1, 100),
)


def incoming(sent: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(sent))


class Delivered:
    """What the standard library takes for a socket."""

    def __init__(self, sent: bytes) -> None:
        self.sent = sent

    def makefile(self, *_: object) -> BytesIO:
        return BytesIO(self.sent)


@given(ANSWERS)
def test_an_answer_is_what_the_standard_library_reads(sent: Sent) -> None:
    theirs = HTTPResponse(Delivered(bytes(sent)), method="PUT")  # type: ignore[arg-type]
    theirs.begin()
    body = theirs.read()
    ours = read(incoming(bytes(sent)))
    assert (ours.status, ours.body) == (theirs.status, body)
    assert ours.headers == {name.lower(): value for name, value in theirs.getheaders()}
    assert ours.lasting is (sent.framing != "close")


@given(ANSWERS, st.data())
def test_an_answer_that_breaks_off_is_no_answer(sent: Sent, data: st.DataObject) -> None:
    whole = bytes(sent)
    least = whole.index(b"\r\n\r\n") + 4 if sent.framing == "close" else len(whole)
    cut = data.draw(st.integers(0, least - 1))
    with pytest.raises(AnswerBroken):
        read(incoming(whole[:cut]))


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\0" * 40])
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    with pytest.raises(AnswerBroken):
        read(incoming(said))


def test_a_host_of_the_old_protocol_closes() -> None:
    assert not read(incoming(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab")).lasting


# Asking

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def ask(host: Host) -> Answer:
    return host.ask("PUT", "/path", {"x-a": "b"})


def test_a_request_goes_as_it_is() -> None:
    with serving(lambda _: OK) as server:
        host = server.host()
        assert host.ask("PUT", "/a%20b/../c", {"x-a": "b", "host": "h"}).body == b"ok"
        host.close()
    head = b"PUT /a%20b/../c HTTP/1.1\r\nx-a: b\r\nhost: h\r\nuser-agent: test\r\ncontent-length: 0\r\n\r\n"
    assert server.asked == [head]


@pytest.mark.parametrize(("answer", "connections"), [(OK, 1), (LAST, 3)])
def test_a_connection_serves_one_request_after_the_other_until_the_host_closes_it(
    answer: bytes, connections: int
) -> None:
    with serving(lambda _: answer) as server:
        host = server.host()
        for _ in range(3):
            assert ask(host).status == 200
        host.close()
    assert len(server.connected) == connections


def test_a_connection_that_broke_is_not_used_again() -> None:
    with serving(lambda number: Last(b"") if number == 2 else OK) as server:
        host = server.host()
        ask(host)
        with pytest.raises(OSError, match=r"broken|reset"):
            ask(host)
        assert ask(host).status == 200
        host.close()


def test_after_a_long_sleep_one_request_fails_and_not_as_many_as_there_were_connections() -> None:
    together = threading.Barrier(8, timeout=5)

    def all_at_once(number: int) -> bytes:
        if number <= 8:
            together.wait()
        return OK

    with serving(all_at_once) as server:
        host = server.host()
        threads = [threading.Thread(target=ask, args=[host]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(host.idle) == 8
        server.hang_up()
        with pytest.raises(OSError, match=r"broken|reset|Broken"):
            ask(host)
        assert ask(host).status == 200
        host.close()


def test_a_host_that_says_nothing_is_not_waited_for_forever() -> None:
    with serving(lambda _: b"") as server, pytest.raises(TimeoutError):
        ask(replace(server.host(), read_timeout=0.05))


# Over TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1 and signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    plain = serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(written + made.public_bytes(serialization.Encoding.PEM))
    return file


def tls_server(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


def test_a_host_is_asked_over_tls(certificate: Path) -> None:
    with serving(lambda _: OK, tls_server(certificate)) as server:
        host = replace(server.host(), tls=ssl.create_default_context(cafile=certificate))
        assert [ask(host).body for _ in range(2)] == [b"ok", b"ok"]
        host.close()
    assert len(server.connected) == 1


def test_a_host_that_nobody_vouches_for_is_not_asked(certificate: Path) -> None:
    with serving(lambda _: OK, tls_server(certificate)) as server, pytest.raises(ssl.SSLCertVerificationError):
        ask(replace(server.host(), tls=ssl.create_default_context()))
    assert server.asked == []
