"""The sign of life of a process that carries alerts: without it, its batch need not wait for its lease to end."""

import logging
import os
import threading
import time
import uuid

import redis

from notifier.errors import BrokerUnavailable
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
BEAT_TIMEOUT_SECONDS = 1.0
LIFE_SECONDS = 2.5
"""Of one beat. A worker whose key is gone counts as dead once somebody has missed it for ``WITNESS_SECONDS``: after a
Redis restart all keys are gone, and those alive need a moment to come back."""
WITNESS_SECONDS = 2.0


class Heartbeat:
    """Beats in a thread of each process that asks for its name; ends with the process."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._redis = client
        self._keys = keys
        self._lock = threading.Lock()
        self._pid = 0
        self._name = ""
        self._known_until = 0.0

    def worker(self) -> str:
        """This process' name; from now on it is known to be alive.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._name = uuid.uuid4().hex
                    self._beat(self._name)
                    threading.Thread(target=self._run, args=(self._name,), name="heartbeat", daemon=True).start()
                    self._pid = os.getpid()
        return self._name

    @property
    def known(self) -> bool:
        """Whether others know for sure that this process is alive; where not, they may have taken over its batch."""
        return time.monotonic() < self._known_until

    def _beat(self, name: str) -> None:
        with broker_errors():
            began = time.monotonic()
            self._redis.set(self._keys.worker(name), os.getpid(), px=round(LIFE_SECONDS * 1_000))
            self._known_until = began + LIFE_SECONDS

    def _run(self, name: str) -> None:
        never = threading.Event()  # its wait is a pause
        missed = 0
        while True:
            never.wait(BEAT_SECONDS)
            try:
                self._beat(name)
                missed = 0
            except BrokerUnavailable:
                missed += 1
                if missed == 1:
                    logger.warning("no sign of life: Redis is away")
            except Exception:
                logger.exception("no sign of life")
