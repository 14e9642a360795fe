"""Claims of which nothing is under way here, though Redis may hold something for them.

The answer never came, and it may be a batch; or it was to ask Get Webhook, and that has ended.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from math import inf

from notifier.routing import Partition

Held = Partition | str
"""What Redis may hold for a claim: an outbox; or a webhook, by its id, which may be that of several outboxes."""
UNANSWERED_MAX = 100
"""Ours, of each."""


class UnansweredClaims:
    """Their tokens, which the next claims of the same outbox, or webhook, carry. Threads may share it.

    Args:
        life_seconds: how long a token is kept once a claim that carried it was answered. Redis then has what the lost
            claim has leased, or runs it within moments: it may still read a connection that was given up. And it has
            not forgotten later what it was told.
    """

    def __init__(self, life_seconds: float) -> None:
        self._life_seconds = life_seconds
        self._lock = threading.Lock()
        self._kept_until: defaultdict[Held, dict[str, float]] = defaultdict(dict)

    def add(self, held: Held, token: str) -> None:
        """Keep a token; of too many, the newest."""
        with self._lock:
            kept = self._kept_until[held]
            kept[token] = inf
            for oldest in list(kept)[:-UNANSWERED_MAX]:
                del kept[oldest]

    def tokens(self, *held: Held) -> list[str]:
        """Those that are kept, oldest first."""
        now = time.monotonic()
        with self._lock:
            for each in held:
                kept = self._kept_until[each]
                self._kept_until[each] = {token: until for token, until in kept.items() if until > now}
            return [token for each in held for token in self._kept_until[each]]

    def answered(self, held: Iterable[Held], carried: Iterable[str]) -> None:
        """A claim that carried these was answered."""
        until = time.monotonic() + self._life_seconds
        with self._lock:
            for kept in map(self._kept_until.__getitem__, held):
                for token in kept.keys() & carried:
                    kept[token] = min(kept[token], until)
