"""The sandbox as a server: routes, sockets, start and stop."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from notifier.sandbox.control import ROUTES
from notifier.sandbox.discord_handler import DiscordHandler
from notifier.sandbox.exchange import Clock, Exchange
from notifier.sandbox.hosts import OwnNames
from notifier.sandbox.journal import without_tokens
from notifier.sandbox.limits import LimitSettings
from notifier.sandbox.page import Page

LARGEST_BODY_BYTES = 512 * 1024 * 1024
"""Above this the connection is closed: Cloudflare takes less than 500 MiB (discord-userdoccers)."""

log = logging.getLogger("notifier.sandbox")


def application(exchange: Exchange, names: Iterable[str]) -> Application:
    """The web application around one Discord; ``names``: its own, in a request's ``Host``."""
    shared = {"exchange": exchange}
    return OwnNames(
        [
            (r"/", Page),
            *[(pattern, handler, shared) for pattern, handler in ROUTES],
            (r"/api(?:/.*)?", DiscordHandler, shared),
        ],
        names,
        log_function=_log,
    )


class Server:
    """A listening sandbox, on the event loop it is made in.

    Args:
        names: further names by which its page and its control API may be reached.

    Raises:
        OSError: the address is not available.
    """

    def __init__(
        self,
        host: str,
        port: int,
        settings: LimitSettings | None = None,
        clock: Clock = time.time,
        names: Iterable[str] = (),
    ) -> None:
        sockets = bind_sockets(port, host)
        self.exchange = Exchange(clock, settings)
        self.address = f"http://{_in_url(host)}:{sockets[0].getsockname()[1]}"
        self._http = HTTPServer(application(self.exchange, (host, *names)), max_body_size=LARGEST_BODY_BYTES)
        self._http.add_sockets(sockets)

    async def close(self) -> None:
        """Stop listening, end what is open."""
        self._http.stop()
        self.exchange.events.close()
        await self._http.close_all_connections()

    def announcement(self) -> str:
        """The first line and the settings that point a client here."""
        lines = [f"sandbox listening on {self.address}"]
        lines += [f"{name}={value}" for name, value in self.variables().items()]
        return "\n".join(lines)

    def variables(self) -> dict[str, str]:
        """The settings that point a client to this sandbox."""
        names = ("GENERAL", "ERRORS", "CRITICAL", "TRACKLIST", "MONITORING", "SECURITY")
        urls = {
            f"DISCORD_WEBHOOK_{name}": f"{self.address}/api/webhooks/{webhook.id}/{webhook.token}"
            for name, webhook in zip(names, self.exchange.store.webhooks.values(), strict=False)
        }
        return {"DISCORD_API_URL": f"{self.address}/api/v10", **urls}


async def serve(
    host: str,
    port: int,
    settings: LimitSettings,
    *,
    announce: Callable[[Server], None],
    exit_with_stdin: bool = False,
    names: Iterable[str] = (),
) -> None:
    """Run until SIGINT or SIGTERM, or until standard input ends if that is asked for."""
    server = Server(host, port, settings, names=names)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if exit_with_stdin:
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
    announce(server)
    try:
        await stop.wait()
    finally:
        await server.close()


@contextmanager
def running(settings: LimitSettings | None = None, clock: Clock = time.time) -> Iterator[Server]:
    """A sandbox in a thread of this process, on a free port."""
    started: list[Server | BaseException] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        try:
            started.append(Server("127.0.0.1", 0, settings, clock))
        except OSError as error:
            started.append(error)
            return
        finally:
            ready.set()
        await stop.wait()
        await started[0].close() if isinstance(started[0], Server) else None

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    server = started[0]
    if not isinstance(server, Server):
        raise server
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # not through sys.stdin: its lock would be held by this thread when the interpreter ends
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _log(handler: RequestHandler) -> None:
    request = handler.request
    path = without_tokens(request.uri or "")
    log.info("%s %s %d %.0f ms", request.method, path, handler.get_status(), 1000 * request.request_time())
