"""What reached the API: the last requests, and counts of all of them. No token is in any of it."""

import re
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from notifier.sandbox.call import Call, Endpoint

REQUESTS_KEPT = 10_000
PLACES_KEPT = 10_000

HIDDEN = "***"
TOKEN_PLACE = re.compile(r"(/webhooks/[^/?]*/)[^/?]+", re.IGNORECASE)
LONG_SEGMENT = re.compile(r"[\w.%-]{60,}")
"""Text as long as a token is hidden in any place, so that a mistyped path shows none either."""


def without_tokens(text: str, tokens: Iterable[str] = ()) -> str:
    """The text with every webhook token replaced."""
    text = TOKEN_PLACE.sub(rf"\g<1>{HIDDEN}", text)
    for token in tokens:
        if token and token in unquote(text):
            text = unquote(text).replace(token, HIDDEN)
    return LONG_SEGMENT.sub(HIDDEN, text)


class Journal:
    """The last requests, newest last, and the counts."""

    def __init__(self) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self.clear()

    def clear(self) -> None:
        """Forget all requests and counts."""
        self.requests.clear()
        self._number = 0
        self._by_status: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._gone: dict[str, None] = {}

    def revived(self, webhook_id: str) -> None:
        """A webhook exists again: requests to it are valid again."""
        self._gone.pop(webhook_id, None)

    def record(self, entry: dict[str, Any], call: Call, *, invalid: bool) -> dict[str, Any]:
        """Note a request that was answered, or not (status None)."""
        self._number += 1
        entry = {"number": self._number, **entry}
        self.requests.append(entry)
        status = entry["status"]
        self._counts["requests"] += 1
        self._by_status["none" if status is None else str(status)] += 1
        route = call.route()
        if call.method == "POST" and route is not None and route.endpoint is Endpoint.WEBHOOK:
            self._counts["executes"] += 1
        self._counts["rate_limited"] += status == 429
        self._counts["invalid"] += invalid
        webhook_id = entry["webhook_id"]
        if webhook_id in self._gone:
            self._counts["after_404"] += 1
        if status == 404 and entry["code"] == 10015 and len(self._gone) < PLACES_KEPT:
            self._gone[webhook_id] = None
        return entry

    def stats(self) -> dict[str, Any]:
        """Counts since the start or the last reset."""
        names = ("requests", "executes", "rate_limited", "after_404", "invalid")
        return {**{name: self._counts[name] for name in names}, "by_status": dict(self._by_status)}
