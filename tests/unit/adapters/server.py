"""A server that answers as it is told, byte for byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class Last(bytes):
    """What is said before the connection is closed; it may be nothing."""


@dataclass
class Server:
    """Answers as `answer` says of each request's number. Remembers what was asked."""

    listening: socket.socket
    answer: Callable[[int], bytes]
    asked: list[bytes] = field(default_factory=list)

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            with connection as opened:
                while request := opened.recv(65536):
                    self.asked.append(request)
                    answer = self.answer(len(self.asked))
                    opened.sendall(answer)
                    if isinstance(answer, Last):
                        return
        except OSError:
            return


@contextmanager
def serving(answer: Callable[[int], bytes]) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening, answer)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
