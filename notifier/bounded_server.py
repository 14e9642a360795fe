"""An HTTP server whose connections are bounded: without file descriptors left, Tornado logs that without end.

Nothing that a request holds is logged: that may be a token or a password.
"""

import asyncio
import logging
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets
from tornado.web import Application

logger = logging.getLogger(__name__)

CONNECTIONS_MAX = 512
"""Ours: open at once; or half of the process's file descriptors, if those are fewer."""
HEADER_BYTES_MAX = 32 * 2**10
BUFFER_BYTES_MAX = 2**20
CLOSE_SECONDS = 10
"""Ours: what the requests in hand have when the server is stopped."""

MALFORMED = "Malformed HTTP message from %s: %s"
"""As Tornado logs it (http1connection.py)."""


def without_contents(record: logging.LogRecord) -> bool:
    """A filter: what is wrong with a request is logged without what it holds, which Tornado quotes."""
    if record.msg == MALFORMED and isinstance(record.args, tuple):
        record.args = (record.args[0], type(record.args[1]).__name__)
    return True


class BoundedServer(HTTPServer):
    """Closes what is one too many."""

    def initialize(self, *args: Any, **options: Any) -> None:
        """As HTTPServer, which is made so."""
        super().initialize(*args, **options)
        self._most = min(CONNECTIONS_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._open = 0
        self._is_told = False
        logging.getLogger("tornado.general").addFilter(without_contents)  # once, however many servers there are

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A new connection."""
        if self._open >= self._most:
            stream.close()
            if not self._is_told:
                logger.warning("more than %d connections: those that come are closed", self._most)
            self._is_told = True
            return
        self._open += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """One has ended."""
        self._open -= 1
        self._is_told = self._is_told and self._open > self._most // 2
        super().on_close(server_conn)


class Shared(Protocol):
    """What all requests of a server share: the threads that do their work, and how many are in hand."""

    threads: ThreadPoolExecutor
    in_hand: int


class ListeningServer:
    """Listens, on the event loop it is made in.

    Args:
        host, port: where; 0: any free port. ``port`` is then the one that it has.
        app: answers. It logs no access: a token, or what is searched for, may be in an address.
        shared: what its requests share.
        body_bytes_max: what is read of a body.
        idle_seconds: what a sender may take for its headers, from the start or the request before.
        body_seconds: what it may take for its body.

    Raises:
        OSError: the address is not available.
    """

    waits = True
    """Whether closing waits for work that a thread has begun, past ``CLOSE_SECONDS`` too."""

    def __init__(
        self,
        host: str,
        port: int,
        app: Application,
        shared: Shared,
        *,
        body_bytes_max: int,
        idle_seconds: float,
        body_seconds: float,
    ) -> None:
        sockets = bind_sockets(port, host)
        self.port = sockets[0].getsockname()[1]
        self._shared = shared
        self._http = BoundedServer(
            app,
            max_header_size=HEADER_BYTES_MAX,
            max_body_size=body_bytes_max,
            max_buffer_size=BUFFER_BYTES_MAX,
            idle_connection_timeout=idle_seconds,
            body_timeout=body_seconds,
        )
        self._http.add_sockets(sockets)

    async def close(self) -> None:
        """Stop listening; what is in hand ends, in time."""
        self._http.stop()
        until = asyncio.get_running_loop().time() + CLOSE_SECONDS
        while self._shared.in_hand and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
        await self._http.close_all_connections()
        self._shared.threads.shutdown(wait=self.waits, cancel_futures=True)
