"""The HTTP client of Discord's webhooks: one request, its answer as a value, and no secret in any text.

Nothing that ``requests`` raises leaves this module: its exceptions carry the URL, and the URL is the token.
"""

import json
import logging
import math
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from notifier.outcome import (
    Answer,
    Deferred,
    Delivered,
    Failed,
    Outcome,
    RateLimitInfo,
    Reason,
    Rejected,
    Scope,
    Unknown,
)
from notifier.render.batch import Payload
from notifier.settings import Webhook

USER_AGENT = f"DiscordBot (https://pypi.org/project/notifier, {version('notifier')})"
"""The documented form; others may be blocked (Discord docs, reference.mdx)."""
BODY_BYTES_MAX = 2**20
DETAIL_CHARACTERS_MAX = 500
WAIT_SECONDS_MAX = 86_400
CHUNK_BYTES = 16_384

CODE_CLOUDFLARE_BLOCK = 40333
CODES_CHANNEL_WRITE_LIMIT = frozenset({20028, 20029})
CODES_OF_A_PLACE = frozenset({10003, 10008})
"""Unknown Channel and Unknown Message: the webhook lives, the thread or message does not (opcodes.mdx)."""

_SECRET_PATH = re.compile(r"(/webhooks/\d+/)[^/?\s\"']+")


def redact(text: str) -> str:
    """The text with the token of every webhook path in it replaced."""
    return _SECRET_PATH.sub(r"\1***", text)


class _Redaction(logging.Filter):
    """urllib3 logs each request's path at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def install_log_redaction() -> None:
    """Keep tokens out of urllib3's log, whoever turned it on."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Redaction) for each in logger.filters):
            logger.addFilter(_Redaction())


@dataclass(frozen=True, slots=True)
class Introduction:
    """What GET webhook told: where it posts, and its name."""

    answer: Answer
    channel_id: str | None
    guild_id: str | None
    name: str | None


class DiscordClient:
    """Posts to webhooks of one Discord.

    Args:
        api_url: as ``https://discord.com/api/v10``.
        timeout_seconds: for connecting, for each read, and for reading the answer as a whole.
    """

    def __init__(self, api_url: str, timeout_seconds: float) -> None:
        self._api_url = api_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()
        install_log_redaction()

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """Post one message and wait for Discord to store it (Execute Webhook, webhook.mdx)."""
        query = {"wait": "true"}
        if thread_id := payload.thread_id or webhook.thread_id:
            query["thread_id"] = thread_id
        body: dict[str, Any] = {"json": payload.body}
        if payload.files:
            parts = {f"files[{n}]": (file.name, file.content) for n, file in enumerate(payload.files)}
            body = {"data": {"payload_json": json.dumps(payload.body)}, "files": parts}
        answer, _ = self._request("POST", webhook, query, body)
        return answer

    def get_webhook(self, webhook: Webhook) -> Introduction:
        """Ask what a webhook is (Get Webhook with Token, webhook.mdx). Posts nothing."""
        answer, found = self._request("GET", webhook, {}, {})
        told = found if isinstance(answer.outcome, Delivered) else {}
        return Introduction(answer, _text(told, "channel_id"), _text(told, "guild_id"), _text(told, "name"))

    def _request(
        self, method: str, webhook: Webhook, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[Answer, dict[str, Any]]:
        url = f"{self._api_url}/webhooks/{webhook.id}/{webhook.token.get_secret_value()}"
        deadline = time.monotonic() + self._timeout_seconds
        try:
            response = self._session().request(
                method, url, params=query, timeout=self._timeout_seconds, allow_redirects=False, stream=True, **body
            )
        except requests.RequestException as error:
            return Answer(outcome_of_exception(error)), {}
        with response:
            found = _object(_read(response, max(deadline, time.monotonic() + self._timeout_seconds)))
            outcome = outcome_of(response.status_code, response.headers, found)
            return Answer(outcome, _rate_limit(response.headers), response.status_code), found or {}

    def _session(self) -> requests.Session:
        # one per thread (requests does not promise more) and process (a fork would share the connection)
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.session = requests.Session()
            self._local.session.headers["User-Agent"] = USER_AGENT
            self._local.pid = os.getpid()
        session: requests.Session = self._local.session
        return session


def outcome_of_exception(error: requests.RequestException) -> Outcome:
    """What an exception of ``requests`` says of the request. The detail is the exception's name alone."""
    detail = type(error).__name__
    match error:
        case requests.ConnectTimeout() | requests.exceptions.ProxyError() | requests.exceptions.SSLError():
            return Failed(Reason.CONNECTION_FAILED, detail)
        case requests.ReadTimeout():
            return Unknown(Reason.READ_TIMEOUT, detail)
        case requests.ConnectionError() if _never_connected(error):
            return Failed(Reason.CONNECTION_FAILED, detail)
        case requests.ConnectionError() | requests.Timeout() | requests.exceptions.ContentDecodingError():
            return Unknown(Reason.CONNECTION_LOST, detail)
        case requests.exceptions.ChunkedEncodingError() | requests.exceptions.StreamConsumedError():
            return Unknown(Reason.CONNECTION_LOST, detail)
        case ValueError() | requests.TooManyRedirects() | requests.exceptions.UnrewindableBodyError():
            return Rejected(Reason.UNSENDABLE, detail)
        case _:
            return Unknown(Reason.CONNECTION_LOST, detail)


def _never_connected(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    inner = getattr(cause, "reason", cause)
    return isinstance(inner, NewConnectionError | ConnectTimeoutError)


def outcome_of(status: int, headers: Mapping[str, str], body: dict[str, Any] | None) -> Outcome:
    """What an answer means. ``body`` is None where it is not a JSON object."""
    if 200 <= status < 300:
        return Delivered(_text(body or {}, "id"), _text(body or {}, "channel_id"))
    if status in (403, 429) and _is_edge(status, headers, body):
        return Deferred(_seconds(headers.get("Retry-After")), Reason.EDGE_BANNED, Scope.EDGE)
    if status == 429:
        return _rate_limited(headers, body or {})
    return _other_outcome(status, body or {})


def _other_outcome(status: int, body: dict[str, Any]) -> Outcome:
    detail = redact(_digest(body))
    match status:
        case 400:
            return Rejected(Reason.INVALID_PAYLOAD, detail, _guilty(body))
        case 401:
            return Rejected(Reason.WEBHOOK_TOKEN_INVALID, detail)
        case 403:
            return Rejected(Reason.FORBIDDEN, detail)
        case 404:
            place = body.get("code") in CODES_OF_A_PLACE
            return Rejected(Reason.UNKNOWN_CHANNEL if place else Reason.WEBHOOK_UNKNOWN, detail)
        case 408 | 425 | 502 | 503:
            return Failed(Reason.BAD_GATEWAY, f"HTTP {status}")
        case 413:
            return Rejected(Reason.PAYLOAD_TOO_LARGE, detail)
        case _ if 300 <= status < 400:
            return Rejected(Reason.REDIRECTED, f"HTTP {status}")
        case _ if 400 <= status < 500:
            return Rejected(Reason.CLIENT_ERROR, detail or f"HTTP {status}")
        case _ if status >= 500:
            return Unknown(Reason.SERVER_ERROR, f"HTTP {status}")
        case _:
            return Unknown(Reason.UNEXPECTED_ANSWER, f"HTTP {status}")


def _is_edge(status: int, headers: Mapping[str, str], body: dict[str, Any] | None) -> bool:
    """Cloudflare answers in Discord's place: no Via header, no JSON, or JSON without what the API would say."""
    if body is None or "Via" not in headers or body.get("code") == CODE_CLOUDFLARE_BLOCK:
        return True
    return status == 429 and "retry_after" not in body


def _rate_limited(headers: Mapping[str, str], body: dict[str, Any]) -> Deferred:
    wait = _seconds(body.get("retry_after"))
    if body.get("global") is True or headers.get("X-RateLimit-Scope") == "global":
        return Deferred(wait, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL)
    if headers.get("X-RateLimit-Scope") == "shared" or body.get("code") in CODES_CHANNEL_WRITE_LIMIT:
        return Deferred(wait, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL)
    return Deferred(max(wait, _seconds(headers.get("X-RateLimit-Reset-After"))), Reason.RATE_LIMITED, Scope.WEBHOOK)


def _rate_limit(headers: Mapping[str, str]) -> RateLimitInfo | None:
    try:
        limit = int(headers["X-RateLimit-Limit"])
        remaining = int(headers["X-RateLimit-Remaining"])
        reset_after = float(headers["X-RateLimit-Reset-After"])
    except (KeyError, ValueError):
        return None
    if not (0 < limit <= 100_000 and 0 <= remaining <= limit and 0 <= reset_after <= WAIT_SECONDS_MAX):
        return None
    reset_at = _seconds(headers.get("X-RateLimit-Reset"), maximum=math.inf)
    return RateLimitInfo(limit, remaining, reset_after, reset_at or None)


def _seconds(value: Any, maximum: float = WAIT_SECONDS_MAX) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return 0.0
    return min(max(seconds, 0.0), maximum) if math.isfinite(seconds) else 0.0


def _read(response: requests.Response, deadline: float) -> bytes | None:
    """The body, in bounded time and size; None where it broke off. The status is known all the same."""
    body = b""
    try:
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > BODY_BYTES_MAX or time.monotonic() > deadline:
                return None
    except requests.RequestException:
        return None
    return body


def _object(body: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(body or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _text(body: dict[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _guilty(body: dict[str, Any]) -> frozenset[int]:
    errors = body.get("errors")
    embeds = errors.get("embeds") if isinstance(errors, dict) else None
    return frozenset(int(key) for key in embeds if str(key).isdecimal()) if isinstance(embeds, dict) else frozenset()


def _digest(body: dict[str, Any]) -> str:
    """Discord's error tree in one line: ``embeds.3.description: Must be 4096 or fewer in length.``"""
    leaves = list(_leaves(body.get("errors"), ()))
    text = "; ".join(leaves) or str(body.get("message", ""))
    return text if len(text) <= DETAIL_CHARACTERS_MAX else text[: DETAIL_CHARACTERS_MAX - 1] + "…"


def _leaves(tree: Any, path: tuple[str, ...]) -> list[str]:
    if not isinstance(tree, dict):
        return []
    found = []
    for key, value in tree.items():
        if key == "_errors" and isinstance(value, list):
            found += [f"{'.'.join(path)}: {leaf.get('message', '')}" for leaf in value if isinstance(leaf, dict)]
        else:
            found += _leaves(value, (*path, str(key)))
    return found
