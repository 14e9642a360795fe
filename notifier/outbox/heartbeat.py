"""The heartbeat of a process that delivers: if it stops, its batch is taken over before the lease ends.

A worker's also tells the fleet which webhooks it holds, for the types whose queues it consumes.
"""

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping

import redis

from notifier.errors import BrokerUnavailable
from notifier.gate.gate import GATE_SCRIPTS
from notifier.models import AlertType
from notifier.outbox.fleet import fleet_names
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import script

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
BEAT_TIMEOUT_SECONDS = 1.0
LIFE_SECONDS = 2.5
"""Life of the key. A worker whose key has been missing for ``WITNESS_SECONDS`` counts as dead: after a restart of Redis
all keys are gone, and living workers need a moment to write them again."""
WITNESS_SECONDS = 2.0


class Heartbeat:
    """Renews the key in a thread of each process that calls ``worker``; ends with the process."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._keys = keys
        self._step = client.register_script(script(*GATE_SCRIPTS, "outbox/fleet.lua", "outbox/beat.lua"))
        self._lock = threading.Lock()
        self._pid = 0
        self._name = ""
        self._known_until = 0.0
        self._holdings: Callable[[], Mapping[AlertType, str]] = dict

    def announce(self, holdings: Callable[[], Mapping[AlertType, str]]) -> None:
        """Tell the fleet what this process holds, with each beat from now on.

        Args:
            holdings: is asked at each beat: for each type that this process serves, ``fleet.holding_as_json``.

        Raises:
            BrokerUnavailable: Redis did not answer, and no heartbeat has begun; to be called again.
        """
        self._holdings = holdings
        self.worker()

    def worker(self) -> str:
        """Return this process' name, and start its heartbeat.

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
        """Whether the key certainly exists. If not, another worker may have taken over this one's batch."""
        return time.monotonic() < self._known_until

    def _beat(self, name: str) -> None:
        holdings = self._holdings()
        told = {
            "pid": os.getpid(),
            "life": round(LIFE_SECONDS * 1_000),
            "worker": name,
            "names": fleet_names(self._keys),
            "held": [holdings.get(kind, "") for kind in AlertType],
        }
        fleet = [key for kind in AlertType for key in (self._keys.fleet(kind), self._keys.first_seen(kind))]
        with broker_errors():
            began = time.monotonic()
            self._step(keys=[self._keys.worker(name), *fleet], args=[json.dumps(told)])
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
                    logger.warning("no heartbeat: Redis does not answer")
            except Exception:
                logger.exception("no heartbeat")
