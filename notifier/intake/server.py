"""Takes alerts by HTTP, answers once they are admitted."""

import asyncio
import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from notifier.errors import BrokerUnavailable, InvalidMessage, NotifierError, QueueFull
from notifier.intake.shapes import SHAPES
from notifier.models import NotificationMessage
from notifier.pipeline import client_pipeline

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 8 * 2**20
"""Ours: as much as an alert has."""
WINDOW_SECONDS = 60
RETRY_SECONDS = 5
"""Ours: what a sender is told to wait if there is no room, or no Redis."""
THREADS = 8
"""Ours: requests that are admitted at once; others wait for their turn."""
NAMESPACE = uuid.UUID("5f0c6f9e-4c55-4f0c-9a3e-2f8f6a1a7e10")


class Tokens:
    """Who may post, and how often.

    Args:
        tokens: each is a secret, and has a budget of its own.
        per_minute: requests of one token.
        clock: seconds that only grow.
    """

    def __init__(self, tokens: Iterable[str], per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self._hashes = {each: hashlib.sha256(each.encode()).digest() for each in tokens}
        self._per_minute, self._clock = per_minute, clock
        self._windows: dict[str, tuple[float, int]] = {}

    def known(self, given: str) -> str | None:
        """The token, or None; how long that takes tells nothing of any."""
        digest = hashlib.sha256(given.encode()).digest()
        matches = [each for each, known in self._hashes.items() if hmac.compare_digest(digest, known)]
        return matches[0] if matches else None

    def wait_seconds(self, token: str) -> int:
        """How long it has to wait; 0: this request is counted and may go on."""
        began, count = self._windows.get(token, (self._clock(), 0))
        if (passed := self._clock() - began) >= WINDOW_SECONDS:
            began, count, passed = self._clock(), 0, 0.0
        if count >= self._per_minute:
            return max(1, round(WINDOW_SECONDS - passed))
        self._windows[token] = (began, count + 1)
        return 0


class Intake(RequestHandler):
    """``POST /SHAPE`` with ``Authorization: Bearer TOKEN``, or ``POST /TOKEN/SHAPE`` for who can send no header."""

    def initialize(self, tokens: Tokens, threads: ThreadPoolExecutor) -> None:
        """What all requests share."""
        self._tokens, self._threads = tokens, threads

    async def post(self, in_path: str | None, shape: str) -> None:
        """202 with the ids, once all of it is admitted."""
        given = in_path or self.request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if (token := self._tokens.known(given)) is None:
            self._refuse(401, "expected Authorization: Bearer TOKEN, or /TOKEN/… , with a token of this intake")
        elif wait := self._tokens.wait_seconds(token):
            self._refuse(429, "too many requests with this token", wait)
        elif shape not in SHAPES:
            self._refuse(404, f"expected /{', /'.join(SHAPES)}")
        else:
            await self._take(token, shape)

    async def _take(self, token: str, shape: str) -> None:
        try:
            messages = self._messages(token, shape)
            await asyncio.get_running_loop().run_in_executor(self._threads, submit, messages)
        except InvalidMessage as error:
            self._refuse(400, str(error))
        except (QueueFull, BrokerUnavailable) as error:
            self._refuse(503, str(error), RETRY_SECONDS)
        except NotifierError as error:
            self._refuse(500, str(error))
        else:
            self.set_status(202)
            self.write({"ids": [each.id for each in messages]})

    def _messages(self, token: str, shape: str) -> list[NotificationMessage]:
        every = SHAPES[shape](_json(self.request.body))
        type_of_url = self.get_query_argument("type", "")
        key = self.request.headers.get("Idempotency-Key", "")
        found = []
        for number, fields in enumerate(every):
            given = {"alert_type": type_of_url, **fields} if type_of_url else fields
            if key:
                given = {**given, "id": str(uuid.uuid5(NAMESPACE, f"{token}\n{key}\n{number}"))}
            found.append(NotificationMessage(**given))
        return found

    def _refuse(self, status: int, why: str, retry_seconds: int = 0) -> None:
        self.set_status(status)
        if retry_seconds:
            self.set_header("Retry-After", str(retry_seconds))
        self.write({"error": why})

    def write_error(self, status_code: int, **_: Any) -> None:
        """As JSON, without anything of the request: a token may be in its path."""
        self.finish({"error": self._reason})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a bug of ours; Tornado itself would log the path with it."""
        if not isinstance(value, HTTPError):
            logger.error("a request could not be handled", exc_info=(typ, value, tb))


def submit(messages: Sequence[NotificationMessage]) -> None:
    """Admit them. Raises: as ``send_notification.delay``."""
    for each in messages:
        client_pipeline().client.submit(each)


def _json(body: bytes) -> Any:
    """What was posted: JSON, whatever it is said to be; or a form whose ``payload`` is JSON, as Slack takes it."""
    for read in (lambda: body, lambda: parse_qs(body.decode())["payload"][0]):
        try:
            return json.loads(read())
        except (ValueError, KeyError, RecursionError):
            continue
    raise InvalidMessage("body: expected JSON")


class Server:
    """A listening intake, on the event loop it is made in. Raises OSError: the address is not available."""

    def __init__(self, host: str, port: int, tokens: Tokens) -> None:
        sockets = bind_sockets(port, host)
        self.port = sockets[0].getsockname()[1]
        self._threads = ThreadPoolExecutor(THREADS, "notifier-intake")
        shared = {"tokens": tokens, "threads": self._threads}
        # no access log: a token may be in a path
        app = Application([(r"/(?:([^/]+)/)?([a-z]+)", Intake, shared)], log_function=lambda _: None)
        self._http = HTTPServer(app, max_body_size=BODY_BYTES_MAX, max_buffer_size=BODY_BYTES_MAX + 2**20)
        self._http.add_sockets(sockets)

    async def close(self) -> None:
        """Stop listening; what is under way ends."""
        self._http.stop()
        await self._http.close_all_connections()
        self._threads.shutdown()
