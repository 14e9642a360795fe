"""Looks, now and then, whether Redis still keeps what it is given: its settings may be changed while workers run."""

import logging
import time
from collections.abc import Callable

import redis

from notifier.gate.trouble import report_trouble
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.retention import Findings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""Ours: how often a worker looks."""
CAUSE = "redis_unfit"


class RedisWatch:
    """Logs a problem once, and counts it for self-monitoring while it lasts. ``inspect``: as ``storage.retention``."""

    def __init__(self, client: "redis.Redis", keys: Keys, inspect: Callable[[], Findings]) -> None:
        self._redis = client
        self._keys = keys
        self._inspect = inspect
        self._next_at = 0.0
        self._known: tuple[str, ...] = ()

    def __call__(self) -> None:
        """Look, if it is time.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + LOOK_SECONDS
        problems = self._inspect().problems
        for each in problems:
            if each not in self._known:
                logger.error("%s", each)
        self._known = problems
        with broker_errors():
            for each in problems:
                report_trouble(self._redis, self._keys, CAUSE, "", each)
