"""The ways that an alert may take to safety: through Redis, straight to Discord, or onto this machine's disk.

Each is tried within its part of one deadline. It answers ``Submitted``, or ``NotTaken`` with what the next must know.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.terms import Terms
from notifier.producer.deadline import Deadline, DeadlineExceeded, run_with_deadline
from notifier.producer.submitted import Submitted
from notifier.status import Status

if TYPE_CHECKING:
    from celery.result import AsyncResult

    from notifier.producer.flusher import Flusher
    from notifier.producer.publisher import Publisher
    from notifier.producer.spool import Spool

logger = logging.getLogger(__name__)

T = TypeVar("T")
DISK_SECONDS = 1.0
"""Ours: how long a disk is waited for at the least, even past the deadline: no other way is left."""

ResultOf = Callable[[str], "AsyncResult[Any]"]
"""The Celery result of a notification id."""


class NotTaken(NamedTuple):
    """No way has taken the alert so far, ``because`` of this; but it may be there all the same.

    ``maybe_admitted``: Redis was asked, and may have it. ``maybe_posted``: Discord was asked, and the answer was lost.
    """

    because: str = ""
    maybe_admitted: bool = False
    maybe_posted: bool = False

    @property
    def error(self) -> BrokerUnavailable:
        """What the caller is told: why, and whether the alert may be on its way all the same."""
        told = "nothing was stored"
        if self.maybe_admitted:
            told = "Redis may have stored the alert; to repeat the call with the same id is safe"
        if self.maybe_posted:
            told += "; Discord may have posted it"
        return BrokerUnavailable(f"{self.because}; {told}", maybe_stored=self.maybe_admitted)


class Way(Protocol):
    """One way; ``so_far`` is the answer of the ways before it.

    Raises:
        QueueFull: the alert is refused, and no other way may take it.
    """

    def take(
        self, message: NotificationMessage, terms: Terms, deadline: Deadline, so_far: NotTaken
    ) -> Submitted | NotTaken:
        """Bring the alert to safety before the deadline, or say why not."""


class Warmth:
    """Whether Redis answered less than ``seconds`` ago. Then no name need be resolved: socket timeouts suffice."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answered_at = float("-inf")

    def spend(self) -> bool:
        """Whether it is warm. It is cold from here on, until ``renew``: the call that asks may find Redis away."""
        warm, self._answered_at = time.monotonic() - self._answered_at < self._seconds, float("-inf")
        return warm

    def renew(self) -> None:
        """Redis has just answered."""
        self._answered_at = time.monotonic()


class ThroughRedis:
    """Admits the alert and dispatches it.

    Args:
        dispatches: the delivery task is sent if one is wanted; False: the caller sends it.
        warmth: shared by all that talk to this Redis.
        place: which Redis it is, for errors.
        always_cold: types that are given up in time even if Redis falls silent after it has just answered: they may
            be posted directly, and a Redis that wakes up must not post them again.
        flusher: hands over what is spooled, if there is one, once Redis has taken an alert.
    """

    def __init__(
        self,
        publisher: "Publisher",
        result_of: ResultOf,
        *,
        dispatches: bool,
        warmth: Warmth,
        place: str,
        always_cold: frozenset[AlertType],
        flusher: "Flusher | None",
    ) -> None:
        self._publisher = publisher
        self._dispatches = dispatches
        self._result_of = result_of
        self._warmth = warmth
        self._place = place
        self._always_cold = always_cold
        self._flusher = flusher

    def take(
        self, message: NotificationMessage, terms: Terms, deadline: Deadline, so_far: NotTaken
    ) -> Submitted | NotTaken:
        """As ``Way.take``."""
        try:
            if self._warmth.spend() and message.alert_type not in self._always_cold:
                needs_task = self._publisher.admit(message, terms, with_task=self._dispatches).needs_task
                if needs_task and self._dispatches:
                    self._publisher.dispatch(message, again=False)
            else:
                needs_task = self._take_cold(message, terms, deadline).needs_task
        except BrokerUnavailable as error:
            return so_far._replace(because=str(error), maybe_admitted=error.maybe_stored)
        self._warmth.renew()
        if self._flusher:
            self._flusher.start()
        return Submitted(Status.QUEUED, self._result_of(message.id), needs_task=needs_task)

    def _take_cold(self, message: NotificationMessage, terms: Terms, deadline: Deadline) -> Admitted:
        admitted: list[Admitted] = []

        def admit() -> None:
            admitted.append(self._publisher.admit(message, terms, with_task=self._dispatches))

        def dispatch() -> None:
            if admitted[0].needs_task and self._dispatches:
                self._publisher.dispatch(message)

        try:
            deadline.run(admit, before=self._ping, after=dispatch)
            return admitted[0]
        except DeadlineExceeded as late:
            silence = f"Redis at {self._place} did not answer within {deadline.seconds:g} s"
            text = f"{silence}; does it run, and is REDIS_URL right?"
            raise BrokerUnavailable(text, maybe_stored=late.begun) from None

    def _ping(self) -> None:
        try:
            self._publisher.ping()
        except BrokerUnavailable as error:  # nothing was handed over yet
            raise BrokerUnavailable(str(error)) from None


def _on_disk(act: Callable[[], T], seconds: float) -> T:
    # in a thread: a call that a signal handler interrupts would keep its lock on the file as long as that one waits
    try:
        return run_with_deadline(seconds, act)
    except DeadlineExceeded:
        raise BrokerUnavailable("the disk of NOTIFIER_SPOOL_DIR does not answer; it may have the alert") from None


class BehindSpooled:
    """Keeps the order of a type: while alerts of it wait on the disk, the next goes behind them."""

    def __init__(self, flusher: "Flusher", result_of: ResultOf) -> None:
        self._spool = flusher.spool
        self._flusher = flusher
        self._result_of = result_of

    def take(
        self, message: NotificationMessage, terms: Terms, deadline: Deadline, so_far: NotTaken
    ) -> Submitted | NotTaken:
        """As ``Way.take``; not taken if none of its type waits there."""
        with suppress(BrokerUnavailable):  # with a disk that is full or broken, it may overtake those that are there
            if self._spool.exists and _on_disk(
                lambda: self._put_behind(message, terms), deadline.part(0.5).remaining_seconds
            ):
                self._flusher.start().wait(deadline.remaining_seconds)
                held = _on_disk(lambda: self._spool.holds(message.id), DISK_SECONDS)
                return Submitted(Status.SPOOLED if held else Status.QUEUED, self._result_of(message.id))
        return so_far

    def _put_behind(self, message: NotificationMessage, terms: Terms) -> bool:
        if not self._spool.count(message.alert_type):
            return False
        self._spool.put(message, terms)
        return True


class OntoDisk:
    """Spools the alert. ``unknown_leave``: types that are not repeated if they may have been posted."""

    def __init__(self, spool: "Spool", result_of: ResultOf, unknown_leave: frozenset[AlertType]) -> None:
        self._spool = spool
        self._result_of = result_of
        self._unknown_leave = unknown_leave

    def take(
        self, message: NotificationMessage, terms: Terms, deadline: Deadline, so_far: NotTaken
    ) -> Submitted | NotTaken:
        """As ``Way.take``; it is on the disk when this returns ``Submitted``."""
        if so_far.maybe_posted and message.alert_type in self._unknown_leave:
            return so_far
        try:
            _on_disk(
                lambda: self._spool.put(message, terms, maybe_posted=so_far.maybe_posted),
                max(DISK_SECONDS, deadline.remaining_seconds),
            )
        except BrokerUnavailable as error:
            return so_far._replace(because=f"{error}; {so_far.because}")
        logger.warning("alert %s is spooled: %s", message.id, so_far.because)
        return Submitted(Status.SPOOLED, self._result_of(message.id))
