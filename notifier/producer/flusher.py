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


class Flusher:
    """Empties a spool, in one thread of this process at a time.

    ``passed`` is set once it has gone through the whole spool since it was last started, or has given up.
    """

    def __init__(self, spool: "Spool", hand_over: "Callable[[Spooled], None]") -> None:
        self.passed = threading.Event()
        self._spool = spool
        self._hand_over = hand_over
        self._lock = threading.Lock()
        self._running_in: int | None = None

    def start(self) -> None:
        """Begin, unless it has begun already or nothing was ever spooled. A spool that cannot be read is logged."""
        if not self._spool.exists:
            return
        with self._lock:
            if self._running_in == os.getpid():  # a forked process does not have its parent's thread
                return
            self._running_in = os.getpid()
            self.passed.clear()
        if not started(threading.Thread(target=self._run, name="spool", daemon=True)):
            self._running_in = None  # what is spooled is safe, and another process hands it over
            self.passed.set()

    def _run(self) -> None:
        try:
            while self._pass():
                time.sleep(FULL_WAIT_SECONDS)
        except NotifierError as error:
            logger.warning("the spool waits: %s", error)
        finally:
            self._running_in = None
            self.passed.set()

    def _pass(self) -> bool:
        """Whether another is wanted: outboxes are full, or more was spooled meanwhile."""
        full = self._spool.flush(self._hand_over) if self._spool.count() else ()
        self.passed.set()
        with self._lock:  # whoever spools after this look starts another thread
            wanted = bool(full or self._spool.count())
            if not wanted:
                self._running_in = None
        return wanted
