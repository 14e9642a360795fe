"""The wake-ups that a worker sees to itself: those of an outbox that it has just served, due within seconds.

A message through the broker costs more than all the rest of a batch. Nothing depends on these: Redis knows of each when
it is due, and once a worker has not come, another one looks for it within two seconds.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.outbox.claim import ClaimRequest, WakeUp

logger = logging.getLogger(__name__)

SECONDS_MAX = 10.0
"""Ours: a longer wait goes through the broker, and so to whichever worker there is then."""


class OwnWakeUps:
    """A thread waits for the next one, and the worker's others deliver.

    Args:
        begin: has something done by another thread, and does not wait for it.
        deliver: makes at most one request for an outbox.
        send: sends a wake-up through the broker.
        takes: whether this worker serves a type now.
    """

    def __init__(
        self,
        begin: Callable[[Callable[[], object]], object],
        deliver: Callable[[ClaimRequest], object],
        send: Callable[[WakeUp], object],
        takes: Callable[[AlertType], bool],
    ) -> None:
        self._begin = begin
        self._deliver = deliver
        self._send = send
        self._takes = takes
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, WakeUp]] = []
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._has_ended = False

    def take(self, wake_up: WakeUp) -> bool:
        """Whether this worker sees to it."""
        if wake_up.wait_seconds > SECONDS_MAX or not self._takes(wake_up.alert_type):
            return False
        with self._changed:
            if self._has_ended:
                return False
            due = time.monotonic() + wake_up.wait_seconds
            heapq.heappush(self._waiting, (due, next(self._numbers), wake_up))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                self._thread.start()
            self._changed.notify()
        return True

    def drain(self) -> None:
        """Take no more, and leave those that wait to other workers."""
        with self._changed:
            self._has_ended = True
            left, self._waiting = [each for _, _, each in self._waiting], []
            self._changed.notify()
        for each in left:
            self._send(each)
        if self._thread is not None:
            self._thread.join()  # what it begins is begun before the others end

    def _run(self) -> None:
        while (due := self._next()) is not None:
            try:
                self._begin(partial(self._see_to, due))
            except RuntimeError:  # the system has no thread left
                logger.exception("a wake-up waits for a thread")

    def _next(self) -> WakeUp | None:
        """The first that is due; None once there are to be no more."""
        with self._changed:
            while not self._has_ended:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(left)
        return None

    def _see_to(self, wake_up: WakeUp) -> None:
        try:
            if self._takes(wake_up.alert_type):
                self._deliver(ClaimRequest.of_wake_up(wake_up.alert_type, wake_up.token))
            else:
                self._send(wake_up)
        except BrokerUnavailable:
            pass  # once Redis is back, a sweep sends another
        except Exception:
            logger.exception("a wake-up failed")
