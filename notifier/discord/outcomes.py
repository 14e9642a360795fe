"""Maps an answer, or an exception, to an Outcome: tables by status and exception, and the special cases."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests import exceptions as broken
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from notifier.discord.machine import CREDENTIALS, OF_SETTINGS, machine_fault
from notifier.discord.words import CODES_CHANNEL_WRITE_LIMIT, Body, digest, is_edge, refusal_of, rejected_parts
from notifier.message_parts import is_snowflake
from notifier.outcome import (
    FROM_ELSEWHERE,
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

Kind = Callable[[Reason, str], Outcome]


def _here(reason: Reason, detail: str) -> Deferred:
    """A fault of this machine."""
    return Deferred(0, reason, Scope.MACHINE, detail)


ELSEWHERE = "not in Discord's words: a proxy, a filter or a login page may have answered"
WAIT_SECONDS_MAX = 3_600
"""Ours: the longest wait that is believed: bans were seen to last about an hour (discord-api-docs #5385)."""

BY_STATUS: dict[int, tuple[Kind, Reason]] = {
    408: (Failed, Reason.BAD_GATEWAY),
    425: (Failed, Reason.BAD_GATEWAY),
    502: (Failed, Reason.BAD_GATEWAY),  # no gateway took the request (opcodes.mdx)
    503: (Failed, Reason.BAD_GATEWAY),
    511: (Failed, Reason.UNEXPECTED_ANSWER),  # of a network that wants a login (RFC 6585)
}
BY_STATUS_CLASS: dict[int, tuple[Kind, Reason]] = {
    3: (Failed, Reason.REDIRECTED),  # Discord never redirects a request
    4: (Failed, Reason.UNEXPECTED_ANSWER),
    5: (Unknown, Reason.SERVER_ERROR),  # a 500 may have been carried out (discord-api-docs #2225)
}
"""Of what is not in Discord's own words; what is, is in words.py."""
BY_EXCEPTION: dict[type[Exception], tuple[Kind, Reason]] = {
    # nothing was sent
    broken.ConnectTimeout: (Failed, Reason.CONNECTION_FAILED),
    broken.ProxyError: (Failed, Reason.CONNECTION_FAILED),
    broken.SSLError: (Failed, Reason.CONNECTION_FAILED),
    # nothing was sent, for this machine is set up wrongly
    **dict.fromkeys(OF_SETTINGS, (_here, Reason.MACHINE_MISCONFIGURED)),
    OSError: (_here, Reason.MACHINE_MISCONFIGURED),  # requests raises it bare for a file of certificates
    # sent, or not known to be unsent
    broken.ReadTimeout: (Unknown, Reason.READ_TIMEOUT),
    broken.Timeout: (Unknown, Reason.READ_TIMEOUT),
    broken.ConnectionError: (Unknown, Reason.CONNECTION_LOST),
    broken.ChunkedEncodingError: (Unknown, Reason.CONNECTION_LOST),
    broken.ContentDecodingError: (Unknown, Reason.CONNECTION_LOST),
    broken.StreamConsumedError: (Unknown, Reason.CONNECTION_LOST),
    broken.RetryError: (Unknown, Reason.CONNECTION_LOST),
    broken.HTTPError: (Unknown, Reason.CONNECTION_LOST),
    broken.JSONDecodeError: (Unknown, Reason.CONNECTION_LOST),
    broken.TooManyRedirects: (Failed, Reason.REDIRECTED),
    broken.RequestException: (Unknown, Reason.CONNECTION_LOST),
    Exception: (Unknown, Reason.CONNECTION_LOST),
    # cannot be sent
    broken.InvalidHeader: (Rejected, Reason.UNSENDABLE),
    broken.InvalidJSONError: (Rejected, Reason.UNSENDABLE),
    broken.UnrewindableBodyError: (Rejected, Reason.UNSENDABLE),
    UnicodeEncodeError: (Rejected, Reason.UNSENDABLE),
}


def outcome_of_exception(error: Exception) -> Outcome:
    """Map an exception of ``requests`` (or of urllib3, which requests lets through) to an outcome.

    The detail is what this machine has to repair, else the exception's name: its text contains the URL.
    """
    if fault := machine_fault(error):
        return _here(*fault)
    kind, reason = next(BY_EXCEPTION[each] for each in type(error).__mro__ if each in BY_EXCEPTION)
    if isinstance(error, requests.ConnectionError) and _never_connected(error):
        kind, reason = Failed, Reason.CONNECTION_FAILED
    return kind(reason, type(error).__name__)


def _never_connected(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError | ConnectTimeoutError)


def outcome_of(
    status: int, headers: Mapping[str, str], body: Body | None, *, text: str = "", secret: str = ""
) -> Outcome:
    """Map an answer to an outcome. Only what Discord says itself delivers or rejects an alert, or ends a webhook.

    Args:
        body: None if it is not a JSON object.
        text: how such a body begins.
        secret: kept out of the detail.
    """
    found = body or {}
    if 200 <= status < 300 and (message_id := snowflake(found, "id")):
        return Delivered(message_id, snowflake(found, "channel_id"))
    headers = CaseInsensitiveDict(headers)
    if status in (403, 429) and is_edge(status, body, text):
        return Deferred(_seconds(headers.get("Retry-After")), Reason.EDGE_BANNED, Scope.EDGE)
    if status == 429:
        return _rate_limited(headers, found)
    if status == 407:
        return _here(Reason.PROXY_FAILED, CREDENTIALS)
    said = digest(found, secret) if 400 <= status < 500 else ""
    if 400 <= status < 500 and (refusal := refusal_of(status, found)):
        return Rejected(refusal, said or f"HTTP {status}", rejected_parts(found) if status == 400 else frozenset())
    kind, reason = BY_STATUS.get(status) or BY_STATUS_CLASS.get(status // 100, (Unknown, Reason.UNEXPECTED_ANSWER))
    detail = f"HTTP {status}, {ELSEWHERE}" if reason in FROM_ELSEWHERE else f"HTTP {status}"
    return kind(reason, f"{detail} ({said})" if said else detail)


def _rate_limited(headers: Mapping[str, str], body: Body) -> Deferred:
    wait = _seconds(body.get("retry_after"))
    scope = headers.get("X-RateLimit-Scope", "").lower()
    if body.get("global") is True or scope == "global" or headers.get("X-RateLimit-Global", "").lower() == "true":
        return Deferred(wait, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL)
    if scope == "shared" or body.get("code") in CODES_CHANNEL_WRITE_LIMIT:
        # the bucket headers are those of the webhook, which has room: they do not describe this wait
        return Deferred(wait, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL)
    return Deferred(max(wait, _seconds(headers.get("X-RateLimit-Reset-After"))), Reason.RATE_LIMITED, Scope.WEBHOOK)


def rate_limit_of(headers: Mapping[str, str]) -> RateLimitInfo | None:
    """Read the bucket from the headers; None if a value is missing or makes no sense."""
    try:
        limit = int(headers["X-RateLimit-Limit"])
        remaining = int(headers["X-RateLimit-Remaining"])
        reset_after = float(headers["X-RateLimit-Reset-After"])
    except (KeyError, ValueError):
        return None
    if not (0 < limit <= 100_000 and 0 <= remaining <= limit and 0 <= reset_after < math.inf):
        return None
    reset_at = _seconds(headers.get("X-RateLimit-Reset"), maximum=math.inf)
    return RateLimitInfo(
        *(limit, remaining, min(reset_after, WAIT_SECONDS_MAX), reset_at if 0 < reset_at < math.inf else None),
        headers.get("X-RateLimit-Bucket"),
    )


def _seconds(value: Any, maximum: float = WAIT_SECONDS_MAX) -> float:
    """Read a wait in seconds: 0 if it is missing or not a number, and at most ``maximum``."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return 0.0
    except OverflowError:
        return maximum
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), maximum)


def snowflake(body: Body, key: str) -> str | None:
    """The id under ``key``; None if there is none."""
    value = body.get(key)
    return value if isinstance(value, str) and is_snowflake(value) else None
