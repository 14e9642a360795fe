"""An HTTP server whose connections are bounded: without file descriptors left, Tornado logs that without end."""

import logging
import resource
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

logger = logging.getLogger(__name__)

CONNECTIONS_MAX = 512
"""Ours: open at once; or half of the process's file descriptors, if those are fewer."""


class BoundedServer(HTTPServer):
    """Closes what is one too many."""

    def initialize(self, *args: Any, **options: Any) -> None:
        """As HTTPServer, which is made so."""
        super().initialize(*args, **options)
        self._most = min(CONNECTIONS_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._open = 0
        self._is_told = False

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
