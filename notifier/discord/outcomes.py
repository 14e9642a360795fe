"""Maps an answer, or an exception, to an Outcome: tables by status and exception, and the special cases."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from requests import exceptions as broken
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ConnectTimeoutError, LocationValueError, NewConnectionError

from notifier.discord.redaction import redact
from notifier.models import is_snowflake
from notifier.outcome import (
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

Body = dict[str, Any]
Kind = type[Failed] | type[Rejected] | type[Unknown]

DETAIL_CHARACTERS_MAX = 500
ERROR_DEPTH_MAX = 16
WAIT_SECONDS_MAX = 3_600
"""Ours: the longest wait that is believed: bans were seen to last about an hour (discord-api-docs #5385)."""

CODE_CLOUDFLARE_BLOCK = 40333
"""Sent by Discord's edge, not by its API (opcodes.mdx)."""
CODES_CHANNEL_WRITE_LIMIT = frozenset({20028, 20029})
"""The write limits of a channel and of its server (opcodes.mdx; discord-api-docs #8290)."""
CODES_OF_A_PLACE = frozenset({10003, 10008})
"""Unknown Channel and Unknown Message: the webhook exists, the thread or message does not (opcodes.mdx)."""

BY_STATUS: dict[int, tuple[Kind, Reason]] = {
    400: (Rejected, Reason.INVALID_PAYLOAD),
    401: (Rejected, Reason.WEBHOOK_TOKEN_INVALID),
    403: (Rejected, Reason.FORBIDDEN),
    404: (Rejected, Reason.WEBHOOK_UNKNOWN),
    408: (Failed, Reason.BAD_GATEWAY),
    413: (Rejected, Reason.PAYLOAD_TOO_LARGE),
    425: (Failed, Reason.BAD_GATEWAY),
    502: (Failed, Reason.BAD_GATEWAY),  # no gateway took the request (opcodes.mdx)
    503: (Failed, Reason.BAD_GATEWAY),
}
BY_STATUS_CLASS: dict[int, tuple[Kind, Reason]] = {
    3: (Rejected, Reason.REDIRECTED),
    4: (Rejected, Reason.CLIENT_ERROR),
    5: (Unknown, Reason.SERVER_ERROR),  # a 500 may have been carried out (discord-api-docs #2225)
}
BY_EXCEPTION: dict[type[Exception], tuple[Kind, Reason]] = {
    # nothing was sent
    broken.ConnectTimeout: (Failed, Reason.CONNECTION_FAILED),
    broken.ProxyError: (Failed, Reason.CONNECTION_FAILED),
    broken.SSLError: (Failed, Reason.CONNECTION_FAILED),
    broken.InvalidProxyURL: (Failed, Reason.CONNECTION_FAILED),  # the machine's fault and not the alert's
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
    broken.TooManyRedirects: (Rejected, Reason.REDIRECTED),
    broken.RequestException: (Unknown, Reason.CONNECTION_LOST),
    Exception: (Unknown, Reason.CONNECTION_LOST),
    # cannot be sent
    broken.URLRequired: (Rejected, Reason.UNSENDABLE),
    broken.MissingSchema: (Rejected, Reason.UNSENDABLE),
    broken.InvalidSchema: (Rejected, Reason.UNSENDABLE),
    broken.InvalidURL: (Rejected, Reason.UNSENDABLE),
    broken.InvalidHeader: (Rejected, Reason.UNSENDABLE),
    broken.InvalidJSONError: (Rejected, Reason.UNSENDABLE),
    broken.UnrewindableBodyError: (Rejected, Reason.UNSENDABLE),
    LocationValueError: (Rejected, Reason.UNSENDABLE),
}


def outcome_of_exception(error: Exception) -> Outcome:
    """Map an exception of ``requests`` (or of urllib3, which requests lets through) to an outcome.

    The detail is only the exception's name: its text contains the URL.
    """
    kind, reason = next(BY_EXCEPTION[each] for each in type(error).__mro__ if each in BY_EXCEPTION)
    if isinstance(error, requests.ConnectionError) and _never_connected(error):
        kind, reason = Failed, Reason.CONNECTION_FAILED
    return kind(reason, type(error).__name__)


def _never_connected(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError | ConnectTimeoutError)


def outcome_of(status: int, headers: Mapping[str, str], body: Body | None, *, secret: str = "") -> Outcome:
    """Map an answer to an outcome. ``body``: None if it is not a JSON object. ``secret``: kept out of the detail."""
    headers, found = CaseInsensitiveDict(headers), body or {}
    if 200 <= status < 300:
        return Delivered(snowflake(found, "id"), snowflake(found, "channel_id"))
    if status in (403, 429) and _is_edge(status, headers, body):
        return Deferred(_seconds(headers.get("Retry-After")), Reason.EDGE_BANNED, Scope.EDGE)
    if status == 429:
        return _rate_limited(headers, found)
    kind, reason = BY_STATUS.get(status) or BY_STATUS_CLASS.get(status // 100, (Unknown, Reason.UNEXPECTED_ANSWER))
    if status == 404 and body is None:
        reason = Reason.CLIENT_ERROR  # this 404 is not from Discord's API, so it must not quarantine the webhook
    if status == 404 and found.get("code") in CODES_OF_A_PLACE:
        reason = Reason.UNKNOWN_CHANNEL
    detail = (_digest(found, secret) if 400 <= status < 500 else "") or f"HTTP {status}"
    return Rejected(reason, detail, _rejected_indexes(found)) if status == 400 else kind(reason, detail)


def _is_edge(status: int, headers: Mapping[str, str], body: Body | None) -> bool:
    """Whether Cloudflare answered instead of the API: no Via header, no JSON, or JSON without the API's fields."""
    if body is None or "Via" not in headers or body.get("code") == CODE_CLOUDFLARE_BLOCK:
        return True
    return status == 429 and "retry_after" not in body


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


def _rejected_indexes(body: Body) -> frozenset[int]:
    errors = body.get("errors")
    embeds = errors.get("embeds") if isinstance(errors, dict) else None
    return (
        frozenset(int(key) for key in embeds if re.fullmatch(r"[0-9]{1,3}", key))
        if isinstance(embeds, dict)
        else frozenset()
    )


def _digest(body: Body, secret: str) -> str:
    """Discord's error tree in one line, as ``embeds.3.description: Must be 4096 or fewer in length``."""
    leaves = list(_leaves(body.get("errors"), ()))
    text = redact(" ".join(("; ".join(leaves) or str(body.get("message", ""))).split()))
    text = text.replace(secret, "***") if secret else text  # a server may repeat the request in its answer
    return text if len(text) <= DETAIL_CHARACTERS_MAX else text[: DETAIL_CHARACTERS_MAX - 1] + "…"


def _leaves(tree: Any, path: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(tree, dict) or len(path) > ERROR_DEPTH_MAX:
        return
    for key, value in tree.items():
        if key == "_errors" and isinstance(value, list):
            yield from (f"{'.'.join(path)}: {leaf.get('message', '')}" for leaf in value if isinstance(leaf, dict))
        else:
            yield from _leaves(value, (*path, str(key)))
