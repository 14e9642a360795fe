"""The page's HTTP server."""

from typing import Any

from tornado.web import Application

from notifier.bounded_server import ListeningServer
from notifier.web.actions import ACTIONS
from notifier.web.answering import DISCARDED_BYTES_MAX, Elsewhere, Shared
from notifier.web.health import Live, Ready, ping_of
from notifier.web.metrics import Metrics, kept_metrics
from notifier.web.page_files import File, LoginForm, Logout, Page
from notifier.web.reading import READS, OneAlert, Overview, Overviews, Reading, Statistics

IDLE_SECONDS, BODY_SECONDS = 60, 20
"""Ours: what a browser may take for its headers, from the start or the request before, and for its body."""


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


class Server(ListeningServer):
    """The page's server. Raises OSError: the address is not available."""

    waits = False  # Redis' own timeouts end what they do

    def __init__(self, host: str, port: int, shared: Shared) -> None:
        # no access log: what is searched for may be in an address
        app = Application(
            routes(shared),
            default_handler_class=Elsewhere,
            default_handler_args={"shared": shared},
            log_function=lambda _: None,
        )
        limits = {"body_bytes_max": DISCARDED_BYTES_MAX, "idle_seconds": IDLE_SECONDS, "body_seconds": BODY_SECONDS}
        super().__init__(host, port, app, shared, **limits)
