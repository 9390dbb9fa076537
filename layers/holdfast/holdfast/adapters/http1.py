"""Requests without a body to one host, over connections that are kept open.

The standard library's client takes more than twice the processor time, most of it to read headers as if they were mail.
Its answers are the same, which is tested.
"""

import socket
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO


class AnswerBroken(ConnectionError):
    """The host closed the connection before its answer ended, or what it said is no HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by name in small letters. `lasting`: whether the connection can carry another request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    lasting: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A host, and the idle connections to it: any number of threads may ask, each has a connection while it does.

    `agent` says who asks. Timeouts are in seconds. Without `tls` nothing is encrypted.
    """

    name: str
    port: int
    tls: ssl.SSLContext | None
    agent: str
    connect_timeout: float
    read_timeout: float
    idle: deque["_Connection"] = field(default_factory=deque)

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Send a request and read the answer. `path` and `headers` go as they are.

        Raises OSError, of which AnswerBroken is one. The next request then has a new connection.
        """
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        request = f"{method} {path} HTTP/1.1\r\n{lines}user-agent: {self.agent}\r\ncontent-length: 0\r\n\r\n".encode()
        try:
            connection = self.idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.socket.sendall(request)
            answer = read(connection.incoming)
        except BaseException:
            connection.close()
            self.close()  # what ended this connection may have ended the others: a host that restarts, a long sleep
            raise
        if answer.lasting:
            self.idle.append(connection)
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        with suppress(IndexError):
            while True:
                self.idle.pop().close()

    def _connect(self) -> "_Connection":
        opened = socket.create_connection((self.name, self.port), self.connect_timeout)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                opened = self.tls.wrap_socket(opened, server_hostname=self.name)
            opened.settimeout(self.read_timeout)
            return _Connection(opened, opened.makefile("rb"))
        except BaseException:
            opened.close()
            raise


@dataclass(frozen=True, slots=True)
class _Connection:
    socket: socket.socket
    incoming: BinaryIO

    def close(self) -> None:
        with suppress(OSError):
            self.incoming.close()
            self.socket.close()


def read(incoming: BinaryIO) -> Answer:
    """Read one answer. Raises AnswerBroken."""
    try:
        version, status, *_ = incoming.readline().split()
        headers = dict(_headers(incoming))
        body, ends = _body(incoming, headers)
        lasting = ends and version == b"HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Answer(int(status), headers, body, lasting)
    except ValueError as error:
        raise AnswerBroken("the answer is broken") from error


def _headers(incoming: BinaryIO) -> Iterator[tuple[str, str]]:
    while (line := incoming.readline()) != b"\r\n":
        name, colon, value = line.partition(b":")
        if not colon:
            raise AnswerBroken(f"the headers are broken: {line!r}")
        yield name.decode("latin-1").lower(), value.strip().decode("latin-1")


def _body(incoming: BinaryIO, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """The body, and whether it ended before the connection did."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join(_chunks(incoming)), True
    if "content-length" in headers:
        return _exactly(incoming, int(headers["content-length"])), True
    return incoming.read(), False


def _chunks(incoming: BinaryIO) -> Iterator[bytes]:
    while size := int(incoming.readline().partition(b";")[0], 16):
        yield _exactly(incoming, size)
        incoming.readline()
    for _ in _headers(incoming):
        pass  # trailers


def _exactly(incoming: BinaryIO, size: int) -> bytes:
    read = incoming.read(size)
    if len(read) < size:
        raise AnswerBroken(f"{len(read)} bytes came of {size}")
    return read
