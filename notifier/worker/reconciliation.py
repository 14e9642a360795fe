"""What a worker does when Redis was restarted, or another one has taken over: it may have forgotten the last second."""

import logging
import threading
import time

from notifier.errors import BrokerUnavailable
from notifier.outbox.outbox import Outbox
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.producer.publisher import Publisher

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 0.1


class Reconciliation:
    """Does again what this process has done lately, while the claims of the whole fleet are held back.

    A commit that is repeated changes nothing, so it does not matter what was forgotten.
    """

    def __init__(self, outbox: Outbox, publisher: Publisher) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._never = threading.Event()  # its wait is a pause

    def __call__(self, until: float) -> None:
        """``until``: when the run of the server that has ended was last known to answer (monotonic clock)."""
        deadline = time.monotonic() + WITNESS_SECONDS
        while not self._done(until) and time.monotonic() < deadline:
            self._never.wait(AGAIN_SECONDS)

    def _done(self, until: float) -> bool:
        try:
            for wake_up in self._outbox.commit_again(until):
                self._publisher.wake_up(wake_up)
            done = self._outbox.recent.resume()
        except BrokerUnavailable as error:
            logger.warning("Redis was restarted, or has failed over, and what it may have forgotten: %s", error)
            return False
        if done:
            logger.info("Redis was restarted, or has failed over: what it may have forgotten is committed again")
        return done
