"""What goes back over HTTP, and the table of Discord's refusals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

JSON = "application/json"
TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"

VIA = {"Via": "1.1 google"}
"""On answers of the API itself; absent when Cloudflare answered (discord-api-docs #1463)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``code`` and ``scope`` repeat what the body and the headers say, for the request log."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None
    scope: str | None = None
    edge: bool = False

    def with_headers(self, headers: Mapping[str, str]) -> "Answer":
        """The same answer with more headers; those it has already stay."""
        return replace(self, headers={**headers, **self.headers})


def json_answer(status: int, value: Any, **more: str) -> Answer:
    """An answer whose body is JSON; ``more`` are headers, with ``_`` for ``-``."""
    headers = {"Content-Type": JSON, **{name.replace("_", "-"): text for name, text in more.items()}}
    code = value.get("code") if isinstance(value, dict) else None
    return Answer(status, encode(value), headers, code=code if isinstance(code, int) else None)


def text_answer(status: int, text: str, kind: str = TEXT) -> Answer:
    """An answer that is not JSON."""
    return Answer(status, text.encode(), {"Content-Type": kind})


def encode(value: Any) -> bytes:
    """JSON as Discord writes it, as bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Problem:
    """One row of Discord's error table: status, JSON code, message."""

    status: int
    code: int
    message: str


# Codes: Discord docs, opcodes.mdx. Where a status or a body was seen in the wild, the place is named.
UNAUTHORIZED = Problem(401, 0, "401: Unauthorized")
NOT_FOUND = Problem(404, 0, "404: Not Found")  # TradingView-Webhook-Bot#68
METHOD_NOT_ALLOWED = Problem(405, 0, "405: Method Not Allowed")  # discord.js#5731
INTERNAL = Problem(500, 0, "500: Internal Server Error")  # lodestone#4
UNKNOWN_CHANNEL = Problem(404, 10003, "Unknown Channel")
UNKNOWN_MESSAGE = Problem(404, 10008, "Unknown Message")  # discohook#29
UNKNOWN_WEBHOOK = Problem(404, 10015, "Unknown Webhook")  # Suwayomi#339
TOO_MANY_FILES = Problem(400, 30015, "Maximum number of attachments in a message reached (10)")
TOO_LARGE = Problem(413, 40005, "Request entity too large")  # DisboxApp/web#40
TAG_REQUIRED = Problem(400, 40067, "A tag is required to create a forum post in this channel")
EMPTY_MESSAGE = Problem(400, 50006, "Cannot send an empty message")
MISSING_PERMISSIONS = Problem(403, 50013, "Missing Permissions")
INVALID_TOKEN = Problem(401, 50027, "Invalid Webhook Token")  # ticket-bot#2
INVALID_FORM = Problem(400, 50035, "Invalid Form Body")
INVALID_VERSION = Problem(400, 50041, "Invalid API version provided")
INVALID_JSON = Problem(400, 50109, "The request body contains invalid JSON.")  # jellyfin-plugin-webhook#107
THREAD_LOCKED = Problem(400, 160005, "Thread is locked")
FORUM_NEEDS_THREAD = Problem(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
FORUM_BOTH = Problem(400, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id")
NOT_A_FORUM = Problem(400, 220003, "Webhooks can only create threads in forum channels")
FORUM_SERVICES = Problem(400, 220004, "Webhook services cannot be used in forum channels")


class RefusalError(Exception):
    """Discord refuses: carries the problem, and for 50035 the errors of the form."""

    def __init__(self, problem: Problem, errors: Any = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.errors = errors

    def answer(self) -> Answer:
        """The refusal in the format of v8 and later."""
        body = {"message": self.problem.message, "code": self.problem.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return json_answer(self.problem.status, body)


def refuse(problem: Problem) -> Answer:
    """The answer that states ``problem``."""
    return RefusalError(problem).answer()
