"""The heartbeat of a process that delivers: if it stops, its batch is taken over before the lease ends.

A worker's also tells the fleet which webhooks it holds, for the types whose queues it consumes.
"""

import json
import logging
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import cast

import redis

from notifier.errors import BrokerUnavailable
from notifier.gate.gate import GATE_SCRIPTS
from notifier.models import AlertType
from notifier.outbox.fleet import fleet_names
from notifier.outbox.server_run import ServerRun
from notifier.routing import Partition
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import run_script, script
from notifier.version import VERSION

logger = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
BEAT_TIMEOUT_SECONDS = 1.0
LIFE_SECONDS = 2.5
"""Life of the key. A worker whose key has been missing for ``WITNESS_SECONDS`` counts as dead: after a restart of Redis
all keys are gone, and living workers need a moment to write them again."""


class Heartbeat:
    """Renews the key in a thread of each process that calls ``worker``; ends with the process.

    Args:
        on_new_run: is called, in a thread, when the server is another run than before: it may have forgotten what was
            last written. Its argument: when the one before was last known to answer (monotonic clock).
    """

    def __init__(
        self, client: "redis.Redis", keys: Keys, on_new_run: Callable[[float], object] = lambda _: None
    ) -> None:
        self._redis = client
        self._keys = keys
        self._on_new_run = on_new_run
        self._run = ServerRun(client, keys)
        self._text = self._run.marked(script(*GATE_SCRIPTS, "outbox/fleet.lua", "outbox/beat.lua"))
        self._run_id: str | None = None
        self._reconciled = ""
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._pid = 0
        self._name = ""
        self._known_until = 0.0
        self._holdings: Callable[[], Mapping[Partition, str]] = dict

    def announce(self, holdings: Callable[[], Mapping[Partition, str]]) -> None:
        """Tell the fleet what this process holds, with each beat from now on.

        Args:
            holdings: is asked at each beat: for each webhook of the types that this process serves,
                ``fleet.holding_as_json``; '' for a further one that a type has elsewhere.

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
                    threading.Thread(target=self._go_on, args=(self._name,), name="heartbeat", daemon=True).start()
                    self._pid = os.getpid()
        return self._name

    def leave(self) -> None:
        """End the heartbeat: this process has nothing under way any more."""
        self._over.set()
        if not self._pid:  # none has begun
            return
        try:
            with broker_errors():
                self._redis.zrem(self._keys.workers, f"{self._name} {VERSION}")
        except BrokerUnavailable as error:
            logger.warning("the fleet does not know that this worker ends: %s", error)

    @property
    def known(self) -> bool:
        """Whether the key certainly exists. If not, another worker may have taken over this one's batch."""
        return time.monotonic() < self._known_until

    def newer_lives(self) -> bool:
        """Whether a worker of a later version of this program lives.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with broker_errors():
            since = clock(self._redis) - LIFE_SECONDS * MICROSECONDS
            found = cast("list[str]", self._redis.zrangebyscore(self._keys.workers, since, "+inf"))
        return any(_numbers(each.rpartition(" ")[2]) > _numbers(VERSION) for each in found)

    def _beat(self, name: str) -> None:
        holdings = self._holdings()
        held = sorted({*map(Partition, AlertType), *holdings}, key=lambda each: each.number)
        counts = Counter(each.alert_type for each in holdings if each.number and holdings[each])
        several = sorted({each.alert_type for each in held if each.number and holdings.get(Partition(each.alert_type))})
        told = {
            "pid": os.getpid(),
            "life": round(LIFE_SECONDS * 1_000),
            "worker": name,
            "version": VERSION,
            "run": self._reconciled,
            "names": fleet_names(self._keys),
            "held": [holdings.get(each, "") for each in held],
            "counts": [1 + counts[kind] for kind in several],
        }
        fleet = [key for each in held for key in (self._keys.fleet(each), self._keys.first_seen(each))]
        with broker_errors():
            began = time.monotonic()
            keys = [self._keys.worker(name), self._keys.run, self._keys.workers, *fleet]
            keys += [self._keys.outbox(kind, "partitions") for kind in several]
            run_id = run_script(self._redis, self._text, self._run.note, keys, [json.dumps(told)])
        before, self._known_until = self._known_until - LIFE_SECONDS, began + LIFE_SECONDS
        last_run, self._run_id = self._run_id, run_id  # known before the thread beats
        if run_id and last_run not in (None, run_id):
            given = (before, run_id, name)
            threading.Thread(target=self._reconcile, args=given, name="new-run", daemon=True).start()
        elif last_run is None:
            self._reconciled = run_id

    def _reconcile(self, before: float, run_id: str, name: str) -> None:
        """Only then is this worker back, for those who want to know what may have been posted."""
        self._on_new_run(before)
        self._reconciled = run_id
        with suppress(BrokerUnavailable):  # the next beat says it too
            self._beat(name)

    def _go_on(self, name: str) -> None:
        missed = 0
        while not self._over.wait(BEAT_SECONDS):
            try:
                self._beat(name)
                missed = 0
            except BrokerUnavailable:
                missed += 1
                if missed == 1:
                    logger.warning("no heartbeat: Redis does not answer")
            except Exception:
                logger.exception("no heartbeat")


def _numbers(version: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", version)]
