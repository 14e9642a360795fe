"""Calls a monitoring service while the pipeline moves: it tells somebody once it is called no more.

An alert cannot tell that alerts do not arrive.
"""

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from urllib.parse import urlsplit

import redis
from pydantic import SecretStr

from notifier.models import AlertType
from notifier.storage.connection import broker_errors
from notifier.storage.interval import begins_interval
from notifier.storage.keys import Keys
from notifier.version import VERSION

logger = logging.getLogger(__name__)

CALL_SECONDS = 10
"""Ours: how long an answer may take; healthchecks.io asks for no less than 5."""


class OutsideHeartbeat:
    """A step of the sweep, which runs only where Redis answers. The fleet calls once in ``seconds``.

    It does not call while an outbox stands still without a reason. A worker that cannot reach the service leaves it to
    the others for as long.

    Args:
        url: of the service; a secret, for whoever has it can call too.
        stuck: which outboxes do not move.
    """

    def __init__(
        self,
        client: "redis.Redis",
        keys: Keys,
        url: SecretStr,
        seconds: float,
        stuck: Callable[[], Sequence[AlertType]],
    ) -> None:
        self._redis = client
        self._key = keys.called
        self._url = url
        self._seconds = seconds
        self._stuck = stuck
        self._next_at = 0.0
        self._is_well = True
        self._told: tuple[AlertType, ...] = ()
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Call, if it is time and no other worker did; in a thread, for a sweep waits for nobody.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        if time.monotonic() < self._next_at or (self._thread is not None and self._thread.is_alive()):
            return
        if not begins_interval(self._redis, self._key, self._seconds):
            return
        if self._moves():
            self._thread = threading.Thread(target=self._call, name="outside-heartbeat", daemon=True)
            self._thread.start()

    def _moves(self) -> bool:
        stuck = tuple(self._stuck())
        if stuck and stuck != self._told:
            logger.error("NOTIFIER_HEARTBEAT_URL is not called: nothing comes for alerts of %s", ", ".join(stuck))
        self._told = stuck
        return not stuck

    def _call(self) -> None:
        problem = call(self._url)
        if problem is None:
            self._is_well = True
            return
        if self._is_well:
            host = urlsplit(self._url.get_secret_value()).hostname
            logger.warning("NOTIFIER_HEARTBEAT_URL: %s was not reached (%s); it is tried again", host, problem)
        self._is_well = False
        self._next_at = time.monotonic() + self._seconds
        try:
            with broker_errors():
                self._redis.delete(self._key)  # another machine may reach it
        except Exception as error:  # its life ends by itself
            logger.debug("%s", error)


def call(url: SecretStr) -> str | None:
    """One GET. Returns what went wrong, in words without the URL; None if it was answered with success."""
    request = urllib.request.Request(  # noqa: S310 - the settings take http and https alone
        url.get_secret_value(), headers={"User-Agent": f"celery-discord-notifier/{VERSION}"}
    )
    try:
        # not by requests: urllib3 logs the path, and instrumentations write it into spans
        with urllib.request.urlopen(request, timeout=CALL_SECONDS):  # noqa: S310 - the same
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        return type(reason).__name__ if isinstance(reason, Exception) else "URLError"
    except (OSError, HTTPException, ValueError) as error:
        return type(error).__name__
