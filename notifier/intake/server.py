"""The intake's HTTP server: takes alerts, answers once they are admitted."""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from notifier.bounded_server import ListeningServer
from notifier.errors import BrokerUnavailable, InvalidMessage, NotifierError, QueueFull
from notifier.intake.answers import Answer, Discord, Own, Slack
from notifier.intake.reception import Posted, Receipt, Reception, UnknownMediaType
from notifier.intake.seen_requests import KeyReused
from notifier.intake.shapes import SHAPES
from notifier.intake.tokens import Tokens

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 8 * 2**20
"""Ours: as much as an alert has."""
SIGNED_BYTES_MAX = 2 * 2**20
"""Ours: of a body whose sender is known only once all of it is there."""
SIGNATURES = {"github": "X-Hub-Signature-256", "sentry": "Sentry-Hook-Signature"}
"""The header in which a program signs its body with a secret: that may be a token (docs of both, webhooks)."""
DISCARDED_BYTES_MAX = 32 * 2**20
"""Ours: of a body that is not taken, what is read all the same: who still sends reads no answer."""
HEADER_SECONDS, BODY_SECONDS = 60, 60
"""Ours: what a sender may take for its headers, from the start or the request before, and for its body."""
RETRY_SECONDS = 5
"""Ours: what a sender is told to wait if there is no room, or no Redis."""
THREADS = 8
"""Ours: requests that are admitted at once; others wait for their turn."""
IN_HAND_MAX = 256
"""Ours: those that are admitted or wait."""
UNKNOWN = (401, "expected Authorization: Bearer TOKEN, or /TOKEN/… , with a token of this intake", 0)
NO_WEBHOOK = "1"
"""Where an address names none."""
PATHS = ", ".join(f"/{each}" for each in SHAPES)


@dataclass
class Shared:
    """What all requests share."""

    tokens: Tokens
    reception: Reception = field(default_factory=lambda: Reception())
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "notifier-intake"))
    in_hand: int = 0


class Answering(RequestHandler):
    """Answers without a word of the request: a token may be in its path."""

    style: Own = Own()

    def answer(self, answer: Answer) -> None:
        """Set what is to be sent."""
        self.clear_header("Content-Type")
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if isinstance(answer.body, str) and answer.body:
            self.set_header("Content-Type", "text/plain; charset=utf-8")
        if answer.body:
            self.write(answer.body)

    def refuse(self, status: int, why: str, retry_seconds: int = 0) -> None:
        """Answer why nothing is taken."""
        self.answer(self.style.refused(status, why, retry_seconds))

    def write_error(self, status_code: int, **_: Any) -> None:
        """A method that is not there, or a bug of ours."""
        self.refuse(status_code, self._reason)
        self.finish()

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log a bug of ours; Tornado itself would log the path with it."""
        if not isinstance(value, HTTPError):
            logger.error("a request could not be handled", exc_info=(typ, value, tb))


class Health(Answering):
    """``GET`` or ``HEAD /health``: the intake listens. Whether Redis and Discord do, ``notifier check`` tells."""

    def get(self) -> None:
        """200."""
        self.answer(Answer(200, {"status": "ok"}))

    head = get


class Elsewhere(Answering):
    """Any other address."""

    def prepare(self) -> None:
        """404."""
        self.refuse(404, f"expected POST to one of {PATHS}; or GET /health")
        self.finish()


@stream_request_body
class Intake(Answering):
    """``POST /SHAPE`` with ``Authorization: Bearer TOKEN``, or ``POST /TOKEN/SHAPE`` for who can send no header.

    Nothing is kept of a body whose token is wrong.
    """

    def initialize(self, shared: Shared) -> None:
        """Before anything of it is known."""
        self._shared = shared
        self._body = bytearray()
        self._size = 0
        self._refusal: tuple[int, str, int] | None = None
        self._token = ""
        self._signature: str | None = None
        self._most = BODY_BYTES_MAX

    def prepare(self) -> None:
        """Look at the headers before the body comes."""
        self.shape = self.path_kwargs.get("shape") or "discord"
        if "webhook_id" in self.path_kwargs:
            self.style = Discord(self.path_kwargs["webhook_id"])
        elif self.shape == "slack":
            self.style = Slack()
        elif self.shape == "discord" and self._waits:
            self.style = Discord(NO_WEBHOOK)
        if self.request.method != "POST":
            return
        self._refusal = self._why_not()
        declared = self.request.headers.get("Content-Length", "")
        length = int(declared) if re.fullmatch("[0-9]{1,15}", declared) else 0
        if length > self._most and self._refusal is None:
            self._refusal = self._too_large()
        if length > DISCARDED_BYTES_MAX and self._refusal is not None:
            self.refuse(*self._refusal)
            self.finish()

    def data_received(self, chunk: bytes) -> None:
        """Keep it, or not."""
        self._size += len(chunk)
        if self._size > self._most and self._refusal is None:
            self._refusal = self._too_large()
        if self._refusal is not None:
            self._body.clear()
        else:
            self._body += chunk

    async def post(self, **_: str) -> None:
        """202 with the ids, once all of it is admitted."""
        if self._signature is not None and self._refusal is None:
            self._refusal = self._why_not_of(self._shared.tokens.signer(self._signature, bytes(self._body)))
        if self._refusal is not None or not self._token:
            return self.refuse(*(self._refusal or UNKNOWN))
        self._shared.in_hand += 1
        try:
            await self._take()
        finally:
            self._shared.in_hand -= 1

    def get(self, **_: str) -> None:
        """What Discord says of a webhook to whom has its token: programs ask for it before they post."""
        if not isinstance(self.style, Discord):
            self.set_header("Allow", "POST")
            return self.refuse(405, "expected POST")
        if (refusal := self._why_not()) is not None:
            return self.refuse(*refusal)
        return self.answer(self.style.webhook())

    def _why_not(self) -> tuple[int, str, int] | None:
        given = self.path_kwargs.get("token") or _bearer(self.request)
        signature = self.request.headers.get(SIGNATURES.get(self.shape, ""), "")
        if not given and signature:
            self._signature, self._most = signature.removeprefix("sha256="), SIGNED_BYTES_MAX
            return None  # its body will tell
        return self._why_not_of(self._shared.tokens.known(given))

    def _why_not_of(self, token: str | None) -> tuple[int, str, int] | None:
        if token is None:
            return UNKNOWN
        if wait := self._shared.tokens.wait_seconds(token):
            return 429, "too many requests with this token", wait
        if self.shape not in SHAPES:
            return 404, f"expected one of {PATHS}", 0
        if self._shared.in_hand >= IN_HAND_MAX:
            return 503, "too many requests at once", RETRY_SECONDS
        self._token = token
        return None

    @property
    def _waits(self) -> bool:
        return self.get_query_argument("wait", "").lower() in ("true", "1")

    def _too_large(self) -> tuple[int, str, int]:
        return 413, f"body: more than {self._most} bytes", 0

    async def _take(self) -> None:
        query = {name: self.get_query_argument(name, "") for name in ("type", "thread_id")}
        posted = Posted(
            self._token, self.shape, self.request.headers, bytes(self._body), query["type"], query["thread_id"]
        )
        self._body.clear()
        loop, reception = asyncio.get_running_loop(), self._shared.reception
        try:
            receipt: Receipt = await loop.run_in_executor(self._shared.threads, reception.take, posted)
        except InvalidMessage as error:
            self.refuse(400, str(error))
        except UnknownMediaType as error:
            self.refuse(415, str(error))
        except KeyReused as error:
            self.refuse(422, str(error))
        except (QueueFull, BrokerUnavailable) as error:
            self.refuse(503, str(error), RETRY_SECONDS)
        except NotifierError as error:
            self.refuse(500, str(error))
        else:
            self.answer(self.style.taken(receipt.ids, receipt.adjusted, self._waits))


def _bearer(request: HTTPServerRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Server(ListeningServer):
    """A listening intake. Raises OSError: the address is not available."""

    def __init__(self, host: str, port: int, tokens: Tokens) -> None:
        shared = Shared(tokens)
        own = {"shared": shared}
        routes: list[Any] = [
            ("/health", Health),
            (r"/api(?:/v[0-9]+)?/webhooks/(?P<webhook_id>[0-9]+)/(?P<token>[^/]+)", Intake, own),
            (r"/api(?:/v[0-9]+)?/webhooks/[0-9]+/(?P<token>[^/]+)/(?P<shape>slack|github)", Intake, own),
            (r"/(?:(?P<token>[^/]+)/)?(?P<shape>[a-z]+)", Intake, own),
        ]
        # no access log: a token may be in a path
        app = Application(routes, default_handler_class=Elsewhere, log_function=lambda _: None)
        limits = {"body_bytes_max": DISCARDED_BYTES_MAX, "idle_seconds": HEADER_SECONDS, "body_seconds": BODY_SECONDS}
        super().__init__(host, port, app, shared, **limits)
