"""Raises alerts for an application: through Redis, within a deadline; else to its disk, or straight to Discord."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from celery import Celery, states
from celery.result import AsyncResult, EagerResult

from notifier.errors import BrokerUnavailable, NotifierError
from notifier.models import NotificationMessage
from notifier.outbox.record import iso, record
from notifier.outcome import Delivered, Outcome, Reason, Status, Unknown
from notifier.producer.deadline import run_with_deadline
from notifier.producer.direct import NOTE, Direct
from notifier.producer.publisher import Publisher
from notifier.producer.spool import Spool, Spooled
from notifier.settings import Settings
from notifier.storage.url import SCHEME

logger = logging.getLogger(__name__)

WARM_SECONDS = 1.0
"""Ours: Redis answered so recently that no name need be resolved; the timeouts of sockets are deadline enough."""
FULL_WAIT_SECONDS = 0.5
SPOOL_LEAVES = 0.75
"""Ours: the part of the time that Redis and Discord get where a disk may have to take the alert in the end."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that is safe: ``queued`` in Redis, ``spooled`` on disk, or ``sent_directly``; and its Celery result."""

    status: Status
    result: "AsyncResult[Any]"


class Client:
    """What one call of an application does. It returns or raises within NOTIFIER_PUBLISH_TIMEOUT_SECONDS.

    Raises (every method):
        QueueFull: the outbox of this type is at its bound, and DISCORD_QUEUE_OVERFLOW is reject.
        BrokerUnavailable: Redis did not take it, and neither did the spool or Discord where they are configured.
    """

    def __init__(
        self, app: Celery, publisher: Publisher, settings: Settings, spool: Spool | None, direct: Direct
    ) -> None:
        self._app = app
        self._publisher = publisher
        self._settings = settings
        self._spool = spool
        self._direct = direct
        # sentinels are asked one after another, and each may be silent
        self._warm_seconds = 0.0 if settings.redis_url.get_secret_value().startswith(SCHEME) else WARM_SECONDS
        self._reached_at = -WARM_SECONDS
        self._flusher = Flusher(spool, publisher.hand_over_spooled) if spool else None

    def submit(self, message: NotificationMessage) -> Raised:
        """Hand an alert over, with the task that owns it."""
        return self._raise(message, dispatches=True)

    def admit(self, message: NotificationMessage) -> Raised:
        """The same, without the task: whoever calls sends it where the alert is ``queued``."""
        return self._raise(message, dispatches=False)

    def _raise(self, message: NotificationMessage, *, dispatches: bool) -> Raised:
        seconds = self._settings.publish_timeout_seconds * (SPOOL_LEAVES if self._spool else 1)
        ends_at = time.monotonic() + seconds
        direct = message.alert_type in self._settings.direct_fallback
        if not direct and self._spool:
            with suppress(BrokerUnavailable):  # a disk that is full or broken: it may overtake those that are there
                if self._spool.count(message.alert_type):
                    return self._behind_others(message, self._spool, ends_at)
        begun = threading.Event()
        try:
            self._reach(message, dispatches, begun, seconds / 2 if direct else seconds, direct)
        except BrokerUnavailable as error:
            return self._keep(message, error, ends_at if direct else None, maybe_admitted=begun.is_set())
        self.flush()
        return self._queued(message)

    def flush(self) -> None:
        """Begin to hand over what is spooled, in the background; where there is nothing, nothing happens."""
        if self._flusher:
            self._flusher.start()

    def _queued(self, message: NotificationMessage) -> Raised:
        return Raised(Status.QUEUED, self._app.AsyncResult(message.id))

    def _reach(
        self, message: NotificationMessage, dispatches: bool, begun: threading.Event, seconds: float, direct: bool
    ) -> None:
        """``begun`` is set once Redis has been asked: from then on it may have taken the alert, whatever it answers."""

        def admit() -> None:
            begun.set()
            self._publisher.admit(message)

        def dispatch(again: bool) -> None:
            if dispatches:
                self._publisher.dispatch(message, again)

        warm, self._reached_at = time.monotonic() - self._reached_at < self._warm_seconds, -WARM_SECONDS
        if warm and not direct:  # what may be posted directly is not given to a Redis that may be silent
            admit()
            dispatch(again=False)
        else:
            try:
                run_with_deadline(
                    seconds,
                    admit,
                    before=self._publisher.ping,
                    after=lambda: dispatch(again=True),
                )
            except TimeoutError:
                raise BrokerUnavailable(f"Redis did not answer within {seconds:g} s; see REDIS_URL") from None
        self._reached_at = time.monotonic()

    def _behind_others(self, message: NotificationMessage, spool: Spool, ends_at: float) -> Raised:
        spool.put(message)
        self.flush()
        if self._flusher:
            self._flusher.passed.wait(ends_at - time.monotonic())
        return self._spooled(message) if spool.holds(message.id) else self._queued(message)

    def _keep(
        self,
        message: NotificationMessage,
        error: BrokerUnavailable,
        direct_until: float | None,
        *,
        maybe_admitted: bool,
    ) -> Raised:
        outcome = self._post(message, direct_until, maybe_admitted) if direct_until is not None else None
        if isinstance(outcome, Delivered):
            logger.warning("alert %s was posted by this process: %s", message.id, error)
            return Raised(Status.SENT_DIRECTLY, _eager(message, outcome))
        maybe_posted = isinstance(outcome, Unknown)
        tried = f"; posted directly: {outcome.reason}" if outcome else ""
        if self._spool is None or (maybe_posted and message.alert_type in self._settings.unknown_leave):
            raise BrokerUnavailable(f"{error}{tried}") from None
        self._spool.put(message, maybe_posted=maybe_posted)
        logger.warning("alert %s is spooled: %s%s", message.id, error, tried)
        return self._spooled(message)

    def _spooled(self, message: NotificationMessage) -> Raised:
        return Raised(Status.SPOOLED, self._app.AsyncResult(message.id))

    def _post(self, message: NotificationMessage, until: float, maybe_admitted: bool) -> Outcome:
        try:
            return run_with_deadline(
                until - time.monotonic(), lambda: self._direct.post(message, maybe_admitted=maybe_admitted)
            )
        except TimeoutError:
            return Unknown(Reason.READ_TIMEOUT)


class Flusher:
    """Empties a spool, in one thread of this process at a time. ``passed``: it has come by once since it began."""

    def __init__(self, spool: Spool, hand_over: Callable[[Spooled], None]) -> None:
        self.passed = threading.Event()
        self._spool = spool
        self._hand_over = hand_over
        self._lock = threading.Lock()
        self._running_in: int | None = None

    def start(self) -> None:
        """Begin, unless it is under way already. A spool that cannot be looked at is said and survived."""
        try:
            if not self._spool.count():
                return
        except BrokerUnavailable as error:
            logger.warning("%s", error)
            return
        with self._lock:
            if self._running_in == os.getpid():
                return
            self._running_in = os.getpid()
            self.passed.clear()
        threading.Thread(target=self._run, name="spool", daemon=True).start()

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
        full = self._spool.flush(self._hand_over)
        self.passed.set()
        with self._lock:  # whoever spools after this look starts another thread
            wanted = bool(full or self._spool.count())
            if not wanted:
                self._running_in = None
        return wanted


def _eager(message: NotificationMessage, delivered: Delivered) -> "AsyncResult[Any]":
    now = time.time_ns() // 1_000
    told = record(
        message,
        Status.DELIVERED,
        admitted_at=now,
        finished_at=iso(now),
        attempts=1,
        detail=NOTE,
        message_id=delivered.message_id,
        channel_id=delivered.channel_id,
    )
    return cast("AsyncResult[Any]", EagerResult(message.id, told, states.SUCCESS))
