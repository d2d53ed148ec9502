"""Servers on this machine: one that answers as it is told, and the webserver of Dagster asked."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ANSWER_SECONDS = 600.0
"""How long an answer is waited for: a machine may have other things to do."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    """What is said back."""

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Its address, what it was asked, and how it answers."""

    url: str
    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def served(
    answer: Callable[[Asked], Answer], certified: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """A server until the end of the block. ``certified``: the certificate of one that is secure."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            parts = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = Asked(method, parts.path, query, body)
            server.asked.append(asked)
            said = server.answer(asked)
            content = said.body.encode()
            try:
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except BrokenPipeError:
                pass  # the one who asked did not wait

        def handle(self) -> None:
            """Answer, unless the one who asks does not trust the certificate."""
            with suppress(ssl.SSLError, ConnectionResetError):
                super().handle()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        port, scheme = listening.server_address[1], "https" if certified else "http"
        if certified:
            listening.socket = certified.wrap_socket(
                listening.socket, server_side=True, do_handshake_on_connect=False
            )
        server = Server(f"{scheme}://127.0.0.1:{port}", answer)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@contextmanager
def trickling(head: str) -> Iterator[str]:
    """The address of a server that says ``head``, and then an "x" now and then without end."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(head.encode())
            while not over.wait(0.05):
                connection.sendall(b"x")

    def listen() -> None:
        with suppress(OSError):  # it is closed
            while not over.is_set():
                threading.Thread(target=answer, args=(listener.accept()[0],)).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def asked(port: int, query: str) -> Any:
    """The answer of the webserver to a GraphQL query."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    connection.request(
        "POST", "/graphql", json.dumps({"query": query}), {"Content-Type": "application/json"}
    )
    document = json.loads(connection.getresponse().read())
    connection.close()
    assert "errors" not in document, document["errors"]
    return document["data"]
