"""Changes of a message that come faster than it may be edited: a thread shows them, and nobody waits for it."""

import threading
from collections.abc import Callable

from notifier.producer.deadline import started

CHANGE_SECONDS = 5.0
"""Ours: between two that are shown; an incident's message is edited no more often (SPACING_SECONDS)."""
LAST_CHANGE_SECONDS = 5.0
"""Ours: how long the end waits for one under way, above what a call takes (NOTIFIER_PUBLISH_TIMEOUT_SECONDS)."""


class Changes:
    """Shows changes in a thread of its own, at most every few seconds.

    ``show``: shows all so far; whether it could. If not, it is called again.
    """

    def __init__(self, show: Callable[[], bool]) -> None:
        self._show = show
        self._is_noted = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._beginning = threading.Lock()  # whoever has it starts the thread; a signal handler that notes cannot wait

    def note(self) -> None:
        """There is something new to be shown."""
        self._is_noted = True
        if self._beginning.acquire(blocking=False):
            is_started = False
            try:
                self._thread = threading.Thread(target=self._work, name="notifier-job", daemon=True)
                is_started = started(self._thread)
            finally:
                if not is_started:  # a signal handler may have raised: then it may run, and ends once there is another
                    self._beginning.release()

    def end(self) -> None:
        """Show no more; a change that came after the end would begin another message."""
        self._ended.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(LAST_CHANGE_SECONDS)

    def _work(self) -> None:
        while not self._ended.wait(CHANGE_SECONDS) and self._thread is threading.current_thread():
            if self._is_noted:
                self._is_noted = False
                if not self._show():  # what is noted meanwhile stays noted
                    self._is_noted = True
