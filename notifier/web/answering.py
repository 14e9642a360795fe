"""What every address of the page's server has in common: who may ask, and how it is answered."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tornado.web import HTTPError, RequestHandler, stream_request_body

from notifier.errors import (
    BrokerUnavailable,
    ConfigurationError,
    InvalidMessage,
    NotificationNotFound,
    NotifierError,
    QueueFull,
)
from notifier.hosts import is_address
from notifier.web.login import Login, basic_login

if TYPE_CHECKING:
    from notifier.pipeline import Pipeline

T = TypeVar("T")

logger = logging.getLogger(__name__)

COOKIE = "notifier_session"
ACTION_HEADER, ACTION_VALUE = "X-Requested-With", "notifier"
"""Every action has this header: a form of another site cannot send it."""
BODY_BYTES_MAX, DISCARDED_BYTES_MAX = 2**20, 32 * 2**20
"""Ours: what an action may have (it names at most thousands of ids), and what is read of more."""
THREADS, IN_HAND_MAX = 8, 64
"""Ours: requests that ask Redis at once, and those that do or wait for it."""
RETRY_SECONDS = 2
"""Ours: what a browser is told to wait if there is no Redis."""
STATUSES: dict[type[NotifierError], int] = {
    InvalidMessage: 400,
    NotificationNotFound: 404,
    ConfigurationError: 409,
    QueueFull: 409,
    BrokerUnavailable: 503,
}
"""The HTTP status of each of our errors; of others 500."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, a browser says that a form comes from nowhere (Origin: null)
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAFE_METHODS = ("GET", "HEAD")


class Busy(NotifierError):
    """Too many requests are under way."""

    reason = "busy"


@dataclass
class Shared:
    """What all requests share. ``names``: by which the server may be called, besides localhost and addresses."""

    pipeline: "Pipeline"
    login: Login
    names: frozenset[str] = frozenset()
    read_only: bool = False
    metrics_open: bool = False
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "notifier-web"))
    in_hand: int = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do what waits for Redis in a thread. Raises Busy: there are too many already."""
        if self.in_hand >= IN_HAND_MAX:
            raise Busy("too many requests at once")
        self.in_hand += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, work)
        finally:
            self.in_hand -= 1


@stream_request_body
class Answering(RequestHandler):
    """Answers JSON; knows who asks."""

    needs_login = True
    names_are_checked = True

    def initialize(self, shared: Shared) -> None:
        """Before anything of the request is looked at."""
        self.shared = shared

    def set_default_headers(self) -> None:
        """Of every answer, errors too."""
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse who may not ask; of what has a body once that is read, for who still sends reads no answer."""
        self._body, self._size = bytearray(), 0
        if self.request.method in SAFE_METHODS:
            self._may_ask()
        elif _length(self.request.headers.get("Content-Length", "")) > DISCARDED_BYTES_MAX:
            self._refuse_size()

    def data_received(self, chunk: bytes) -> None:
        """Keep no more of a body than an action may have."""
        self._size += len(chunk)
        if self._size <= BODY_BYTES_MAX:
            self._body += chunk
        else:
            self._body.clear()

    async def post(self, *args: str) -> None:
        """Do something: ``posted``."""
        await self._take("posted", args)

    async def delete(self, *args: str) -> None:
        """End something: ``deleted``."""
        await self._take("deleted", args)

    async def _take(self, name: str, args: Sequence[str]) -> None:
        if not self._may_ask():
            return
        if self._size > BODY_BYTES_MAX:
            self._refuse_size()
        elif (work := getattr(self, name, None)) is None:
            raise HTTPError(405)
        elif (waiting := work(*args)) is not None:
            await waiting

    def _refuse_size(self) -> None:
        self.refuse(413, f"the body has more than {BODY_BYTES_MAX} bytes", "too_large")

    def _may_ask(self) -> bool:
        """Whether it may go on; else it is answered already."""
        if not (self._is_logged_in() or self._is_open_to_all()):
            if not self._finished:
                self.ask_to_log_in()
        elif self.names_are_checked and not self._is_named(self.request.host_name):
            names = "an address, localhost, or a name that NOTIFIER_WEB_HOSTS has"
            self.refuse(403, f"this server is not called by that name: expected {names}", "wrong_host")
        elif self.request.method not in SAFE_METHODS and not self._is_of_this_page():
            self.refuse(403, "this request comes from another page", "other_origin")
        return not self._finished

    # -- who asks

    def _is_logged_in(self) -> bool:
        login = self.shared.login
        if not login.needed or not self.needs_login or login.knows_session(self.get_cookie(COOKIE) or ""):
            return True
        given = basic_login(self.request.headers.get("Authorization", ""))
        if given is None or not self.may_try():
            return False
        if not login.takes(*given):
            self.count_failure()
            return False
        self.names_are_checked = False  # no page of another name has this header
        return True

    def _is_open_to_all(self) -> bool:
        return False

    def may_try(self) -> bool:
        """Whether a password is looked at; else it is answered already."""
        if wait := self.shared.login.attempts.wait_seconds(self.address):
            self.set_header("Retry-After", str(wait))
            self.refuse(429, "too many wrong passwords from this address", "too_many_attempts")
        return not wait

    def count_failure(self) -> None:
        """A password was wrong."""
        self.shared.login.attempts.failed(self.address)
        logger.warning("a wrong login from %s", self.address)

    def ask_to_log_in(self) -> None:
        """Say how. A browser's own window is not wanted there where a script asks: the page has a form."""
        is_browser = "Sec-Fetch-Mode" in self.request.headers
        self.set_header("WWW-Authenticate", "Session" if is_browser else 'Basic realm="notifier", charset="UTF-8"')
        self.refuse(401, "log in: by HTTP Basic, or at /login", "not_logged_in")

    @property
    def address(self) -> str:
        """Of who asks, or of the proxy before it."""
        return str(self.request.remote_ip)

    @property
    def user(self) -> str:
        """Who is logged in."""
        return self.shared.login.user

    def _is_named(self, host: str) -> bool:
        name = host.strip("[]").lower()
        return is_address(name) or name == "localhost" or name in self.shared.names

    def _is_of_this_page(self) -> bool:
        """Whether a browser says that this page sent it; or it comes from no browser."""
        headers = self.request.headers
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return False
        if (origin := headers.get("Origin")) is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.netloc == self.request.host or (parts.hostname or "") in self.shared.names

    # -- what is answered

    def answer(self, value: Any, status: int = 200) -> None:
        """JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, default=str))

    def refuse(self, status: int, problem: str, reason: str) -> None:
        """JSON that says why not."""
        self.answer({"problem": problem, "reason": reason}, status)

    def write_error(self, status_code: int, **more: Any) -> None:
        """One of our errors, a method that is not there, or a bug."""
        error = (more.get("exc_info") or (None, None))[1]
        if isinstance(error, Busy | BrokerUnavailable):
            self.set_header("Retry-After", str(RETRY_SECONDS))
        if isinstance(error, NotifierError):
            status = 503 if isinstance(error, Busy) else _status_of(error)
            self.refuse(status, str(error), error.reason)
        else:
            self.refuse(status_code, self._reason, "http_error")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a bug of ours, without the request: what it asks for may be a secret."""
        if not isinstance(value, HTTPError | NotifierError):
            logger.error("a request could not be handled", exc_info=(typ, value, tb))


def _length(declared: str) -> int:
    return int(declared[:15]) if declared.isascii() and declared.isdigit() else 0


def _status_of(error: NotifierError) -> int:
    return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)


class Elsewhere(Answering):
    """Any other address."""

    def prepare(self) -> None:
        """404."""
        self.refuse(404, "there is nothing at this address; docs/web.md lists those that there are", "not_found")
