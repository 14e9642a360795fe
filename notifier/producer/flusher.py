"""Hands spooled alerts over in the background."""

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from notifier.errors import NotifierError
from notifier.producer.deadline import started

if TYPE_CHECKING:
    from notifier.producer.spool import Spool, Spooled

logger = logging.getLogger(__name__)

FULL_WAIT_SECONDS = 0.5
"""Ours: how soon an outbox that was full is tried again."""


class Run:
    """One thread's work on a spool. Without a lock: a signal handler may wait for it in the middle of such a wait."""

    def __init__(self) -> None:
        self._over = False
        self._waiting: list[threading.Event] = []

    def wait(self, seconds: float) -> bool:
        """Wait until it has gone through the whole spool once, or has given up; whether that was in time."""
        own = threading.Event()
        self._waiting.append(own)
        try:
            return self._over or own.wait(seconds)
        finally:
            self._waiting.remove(own)

    def passed(self) -> None:
        """Let go of all that wait, and of whoever will."""
        self._over = True
        for each in list(self._waiting):
            each.set()


class Flusher:
    """Empties a spool, in one thread of this process at a time. All clients of the process share it."""

    def __init__(self, spool: "Spool", hand_over: "Callable[[Spooled], None]") -> None:
        self.spool = spool
        self._hand_over = hand_over
        # the one run of each process, for a fork has no thread of its parent; a step of a dict needs no lock
        self._runs: dict[int, Run] = {}

    def start(self) -> Run:
        """Begin, unless it has begun already or nothing was ever spooled."""
        run = Run()
        if not self.spool.exists:
            run.passed()
            return run
        under_way = self._runs.setdefault(os.getpid(), run)
        if under_way is run and not started(threading.Thread(target=self._run, args=(run,), name="spool", daemon=True)):
            self._end(run)  # what is spooled is safe, and another process hands it over
            run.passed()
        return under_way

    def _run(self, run: Run) -> None:
        try:
            while self._pass(run):
                time.sleep(FULL_WAIT_SECONDS)
        except NotifierError as error:
            logger.warning("the spool waits: %s", error)
        finally:
            self._end(run)
            run.passed()

    def _pass(self, run: Run) -> bool:
        """Whether another is wanted, of this run: outboxes are full, or more was spooled meanwhile."""
        full = self.spool.flush(self._hand_over) if self.spool.count() else ()
        run.passed()
        self._end(run)  # whoever spools after the next look starts a run
        return bool(full or self.spool.count()) and self._runs.setdefault(os.getpid(), run) is run

    def _end(self, run: Run) -> None:
        if self._runs.get(os.getpid()) is run:
            del self._runs[os.getpid()]
