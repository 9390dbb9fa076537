"""A server that answers as it is told, byte for byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from holdfast.adapters.http1 import Host


class Last(bytes):
    """What is said before the connection is closed; it may be nothing."""


@dataclass
class Server:
    """Answers as `answer` says of each request's number. Remembers who connected, and what was asked."""

    listening: socket.socket
    answer: Callable[[int], bytes]
    tls: ssl.SSLContext | None = None
    connected: list[socket.socket] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connected.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as opened:
                while request := opened.recv(65536):
                    self.asked.append(request)
                    answer = self.answer(len(self.asked))
                    opened.sendall(answer)
                    if isinstance(answer, Last):
                        return
        except OSError:
            return

    def hang_up(self) -> None:
        for connection in self.connected:
            connection.shutdown(socket.SHUT_RDWR)

    def host(self) -> Host:
        name, port = self.listening.getsockname()
        return Host(name, port, None, "test", connect_timeout=5, read_timeout=5)


@contextmanager
def serving(answer: Callable[[int], bytes], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening, answer, tls)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
