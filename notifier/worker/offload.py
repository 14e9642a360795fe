"""Lets go of a slot of Celery's pool while a webhook is slow: its request goes on in a thread of its own.

A webhook that hangs would else hold a process, thread or greenlet of the pool for as long as its timeouts, and a few of
them all that there are. Nobody knows beforehand which webhook will hang, so none may hold one for long.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from notifier.errors import BrokerUnavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")

SLOT_SECONDS = 0.5
"""Ours: how long a slot waits for a request; above what Discord takes for one when it is well."""
THREADS_EACH = 2
"""Ours: an outbox has one batch under way in the whole fleet, and one more if that has hung past its lease."""


class Offload:
    """The threads of one process. A thread keeps its connections for the next request.

    Args:
        outboxes: how many this process may serve.
    """

    def __init__(self, outboxes: int, slot_seconds: float | None = None) -> None:
        self.slot_seconds = SLOT_SECONDS if slot_seconds is None else slot_seconds
        self._threads = ThreadPoolExecutor(THREADS_EACH * outboxes, "delivery")

    def run(self, act: "Callable[[], T]") -> T | None:
        """What ``act`` returns; None if it needs longer than a slot may wait, and goes on by itself.

        Raises:
            Exception: what ``act`` raises; once it goes on by itself, that is logged.
        """
        running = self._threads.submit(copy_context().run, act)  # a trace of the task goes on there
        try:
            running.exception(self.slot_seconds)  # not its result: that may be a TimeoutError too
        except TimeoutError:
            running.add_done_callback(_log)
            return None
        return running.result()

    def begin(self, act: "Callable[[], object]") -> None:
        """Have it done, and do not wait. It raises nothing."""
        self._threads.submit(act)

    def drain(self) -> None:
        """Wait for all that go on, and take no more."""
        self._threads.shutdown()


def _log(ended: "Future[Any]") -> None:
    error = ended.exception()
    if isinstance(error, BrokerUnavailable):
        logger.warning("the outcome of a slow request is not stored: %s", error)
    elif error is not None:
        logger.error("a slow delivery failed", exc_info=error)
