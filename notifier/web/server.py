"""The page's HTTP server."""

import asyncio
import logging
from typing import Any

from tornado.netutil import bind_sockets
from tornado.web import Application

from notifier.bounded_server import BoundedServer
from notifier.web.actions import ACTIONS
from notifier.web.answering import DISCARDED_BYTES_MAX, Elsewhere, Shared
from notifier.web.health import Live, Ready, ping_of
from notifier.web.metrics import Metrics, kept_metrics
from notifier.web.page_files import File, LoginForm, Logout, Page
from notifier.web.reading import READS, OneAlert, Overview, Overviews, Reading, Statistics

logger = logging.getLogger(__name__)

HEADER_BYTES_MAX = 32 * 2**10
IDLE_SECONDS, BODY_SECONDS = 60, 20
"""Ours: what a browser may take for its headers, from the start or the request before, and for its body."""
CLOSE_SECONDS = 10
"""Ours: what those in hand have when the server is stopped."""


def routes(shared: Shared) -> list[Any]:
    """All addresses."""
    own = {"shared": shared}
    kept = {**own, "overviews": Overviews(shared)}
    return [
        ("/", Page, own),
        ("/login", LoginForm, own),
        ("/logout", Logout, own),
        ("/live", Live, own),
        ("/ready", Ready, {**own, "pong": ping_of(shared)}),
        (r"/([a-z_-]+\.(?:css|js))", File, own),
        ("/metrics", Metrics, {**own, "text": kept_metrics(shared.pipeline)}),
        ("/api/overview", Overview, kept),
        ("/api/statistics", Statistics, kept),
        (f"/api/({'|'.join(READS)})", Reading, own),
        *((path, action, own) for path, action in ACTIONS),
        ("/api/alerts/(.+)", OneAlert, own),
    ]


class Server:
    """A listening server, on the event loop it is made in. Raises OSError: the address is not available."""

    def __init__(self, host: str, port: int, shared: Shared) -> None:
        sockets = bind_sockets(port, host)
        self.port = sockets[0].getsockname()[1]
        self._shared = shared
        # no access log: what is searched for may be in an address
        app = Application(
            routes(shared),
            default_handler_class=Elsewhere,
            default_handler_args={"shared": shared},
            log_function=lambda _: None,
        )
        self._http = BoundedServer(
            app,
            max_header_size=HEADER_BYTES_MAX,
            max_body_size=DISCARDED_BYTES_MAX,
            max_buffer_size=2**20,
            idle_connection_timeout=IDLE_SECONDS,
            body_timeout=BODY_SECONDS,
        )
        self._http.add_sockets(sockets)

    async def close(self) -> None:
        """Stop listening; what is in hand ends, in time."""
        self._http.stop()
        until = asyncio.get_running_loop().time() + CLOSE_SECONDS
        while self._shared.in_hand and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)
        await self._http.close_all_connections()
        self._shared.threads.shutdown(wait=False, cancel_futures=True)
