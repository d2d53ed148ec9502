"""A network that meddles: it delays or cuts what a program and a server say to each other."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import sleep
from urllib.parse import urlsplit

CHUNK = 16_384


@dataclass
class Meddler:
    """What is done to connections.

    ``cut_after``: so many bytes of a program's are let through, then its connection is cut; None
    cuts none. ``cuts``: how many connections are cut at most. ``pause``: seconds by which each
    answer is delayed. ``silent``: whether answers are swallowed. ``answer``: what every request
    gets instead of the server's answer. ``cut``: how many connections were cut.
    """

    address: tuple[str, int]
    endpoint: str = ""
    cut_after: int | None = None
    cuts: int = 1_000_000
    pause: float = 0.0
    silent: bool = False
    answer: bytes | None = None
    cut: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                program, _ = listener.accept()
                self._open.append(program)
                threading.Thread(target=self._between, args=(program,), daemon=True).start()

    def close(self) -> None:
        """Close every connection."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _between(self, program: socket.socket) -> None:
        """Carry what is said between a program and the server, until one of them ends."""
        with (
            suppress(OSError),
            program,
            socket.create_connection(self.address) as server,
            selectors.DefaultSelector() as both,
        ):
            self._open.append(server)
            both.register(program, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, program)
            let_through = 0
            while True:
                for key, _ in both.select():
                    said = key.fileobj.recv(CHUNK)  # type: ignore[union-attr]
                    if not said:
                        return
                    if key.fileobj is server:
                        self._answer(said, program)
                        continue
                    let_through += len(said)
                    if self._is_cut(let_through):
                        return
                    self._ask(said, program, server)

    def _is_cut(self, let_through: int) -> bool:
        if self.cut_after is None or let_through <= self.cut_after or self.cut >= self.cuts:
            return False
        self.cut += 1
        return True

    def _ask(self, said: bytes, program: socket.socket, server: socket.socket) -> None:
        if self.answer is not None:
            program.sendall(self.answer)
        else:
            server.sendall(said)

    def _answer(self, said: bytes, program: socket.socket) -> None:
        if self.silent:
            return
        sleep(self.pause)
        program.sendall(said)


@contextmanager
def meddling(endpoint: str) -> Iterator[Meddler]:
    """A network before the server at an endpoint; it has an ``endpoint`` of its own."""
    address = urlsplit(endpoint)
    assert address.hostname
    assert address.port
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        network = Meddler((address.hostname, address.port), f"http://127.0.0.1:{port}")
        threading.Thread(target=network.serve, args=(listener,), daemon=True).start()
        try:
            yield network
        finally:
            network.close()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
