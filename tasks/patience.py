"""How long a worker that starts waits for Redis and for the broker: what never answers is wrong, and not away."""

import logging
import time

from celery.platforms import EX_FAILURE
from celery.worker import state

from notifier.errors import BrokerUnavailable

from .celery import pipeline

logger = logging.getLogger(__name__)


def variable_at_fault(error: BrokerUnavailable) -> str:
    """The variable that names what does not answer."""
    return "CELERY_BROKER_URL" if "CELERY_BROKER_URL" in str(error) else "REDIS_URL"


class Patience:
    """Ends a worker that, from its start, has never been ready for ``seconds``; 0: as long as it takes.

    One that was ready once waits for Redis as long as it is away.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = time.monotonic() + seconds if seconds else None

    def __call__(self, unready: str) -> None:
        """``unready``: why the worker delivers nothing now."""
        if not unready:
            self._until = None
        if self._until is not None and time.monotonic() >= self._until and (why := self._reason()):
            logger.critical("%s; waited for %g s: this worker ends (NOTIFIER_START_SECONDS)", why, self._seconds)
            state.should_stop = EX_FAILURE  # type: ignore[assignment]  # the published types know no code
            self._until = None

    def _reason(self) -> str:
        """Why it is given up, in words; '' if it is only a matter of time."""
        try:
            pipeline.inspect_redis()
        except BrokerUnavailable as error:
            return "" if error.waiting == "surely" else f"{variable_at_fault(error)}: {error}"
        # a broker that is no Redis is not inspected
        return "CELERY_BROKER_URL: the broker takes no connection" if pipeline.settings.broker_url else ""
