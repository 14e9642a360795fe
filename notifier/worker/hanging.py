"""Which requests hang: somebody is told once of each."""

import logging
import threading
import time
from collections.abc import Callable

from notifier.outbox.claim import Batch

logger = logging.getLogger(__name__)


class HangingBatches:
    """The batches under way, and of which of them nobody was told yet."""

    def __init__(self) -> None:
        self.tell: Callable[[Batch], object] = lambda _: None
        """Is given a batch whose request needs longer than a slot may wait."""
        self._under_way: dict[str, tuple[float, Batch] | None] = {}
        self._changing = threading.Lock()

    def begins(self, batch: Batch) -> None:
        """Its request is to be made. Repeating it changes nothing."""
        with self._changing:
            self._under_way.setdefault(batch.token, (time.monotonic(), batch))

    def ends(self, batch: Batch) -> None:
        """Its request hangs no longer."""
        with self._changing:
            self._under_way.pop(batch.token, None)

    def hangs(self, batch: Batch) -> None:
        """Tell of it, unless it has ended or somebody was told."""
        with self._changing:
            if self._under_way.get(batch.token) is None:
                return
            self._under_way[batch.token] = None
        self.tell(batch)

    def look(self, slot_seconds: float) -> None:
        """Tell of all that have begun longer ago. It raises nothing."""
        late = time.monotonic() - slot_seconds
        for began, batch in [each for each in list(self._under_way.values()) if each]:
            if began < late:
                try:
                    self.hangs(batch)
                except Exception:  # who looks has to go on
                    logger.exception("nobody was told that a request hangs")
