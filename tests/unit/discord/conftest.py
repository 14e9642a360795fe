"""A peer that sends exactly the bytes that a test says."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from notifier.render.batch import Payload
from notifier.webhook import Webhook

TOKEN = "fake-token-of-the-client-tests"
PATIENCE_SECONDS = 20
"""How long a test waits for what should happen at once."""

Behaviour = Callable[[socket.socket], None]


class Peer:
    """Listens on a free port; each connection is handed to ``behaviour``, in its own thread."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.connections = 0
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing:
                connection.close()
                return
            self.connections += 1
            connection.settimeout(PATIENCE_SECONDS)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behaviour(connection)

    _closing = False

    def close(self) -> None:
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        self._listener.close()


@pytest.fixture
def start_peer() -> Iterator[Callable[[Behaviour], Peer]]:
    """Starts peers; all end with the test."""
    peers: list[Peer] = []

    def start(behaviour: Behaviour) -> Peer:
        peers.append(Peer(behaviour))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()


@pytest.fixture
def webhook() -> Webhook:
    return Webhook("123456789", SecretStr(TOKEN))


@pytest.fixture
def payload() -> Payload:
    return Payload({"embeds": [{"title": "T"}], "allowed_mentions": {"parse": []}})


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("the client went away")
    return received
