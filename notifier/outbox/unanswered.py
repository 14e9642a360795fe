"""Claims whose answers never came: each may hold a batch that no worker knows of."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from math import inf

from notifier.routing import Partition

UNANSWERED_MAX = 100
"""Ours, per outbox."""


class UnansweredClaims:
    """Their tokens, which the next claims of the same outbox carry. Threads may share it.

    Args:
        life_seconds: how long a token is kept once a claim that carried it was answered. Redis then has what the lost
            claim has leased, or runs it within moments: it may still read a connection that was given up.
    """

    def __init__(self, life_seconds: float) -> None:
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._kept_until: defaultdict[Partition, dict[str, float]] = defaultdict(dict)

    def add(self, outbox: Partition, token: str) -> None:
        """Keep a token; of too many, the newest."""
        with self._lock:
            kept = self._kept_until[outbox]
            kept[token] = inf
            for oldest in list(kept)[:-UNANSWERED_MAX]:
                del kept[oldest]

    def tokens(self, outbox: Partition) -> list[str]:
        """Those that are kept, oldest first."""
        now = time.monotonic()
        with self._lock:
            kept = {token: until for token, until in self._kept_until[outbox].items() if until > now}
            self._kept_until[outbox] = kept
            return list(kept)

    def answered(self, outbox: Partition, carried: Iterable[str]) -> None:
        """A claim that carried these was answered."""
        until = time.monotonic() + self._life_seconds
        with self._lock:
            kept = self._kept_until[outbox]
            for token in carried:
                if token in kept:
                    kept[token] = min(kept[token], until)
