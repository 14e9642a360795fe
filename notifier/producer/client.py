"""Submits alerts for an application: through Redis, within a deadline; else straight to Discord, or to its disk."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from celery import Celery

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.preparation import prepare
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.producer.captures import capture_of
from notifier.producer.deadline import Deadline
from notifier.producer.forks import forks_wait
from notifier.producer.publisher import Publisher
from notifier.producer.submitted import Submitted, captured, dry_run
from notifier.producer.ways import (
    BehindSpooled,
    NotTaken,
    OntoDisk,
    ThroughRedis,
    Warmth,
    Way,
)
from notifier.settings import Settings
from notifier.storage.url import read_redis_url
from notifier.tracing import raising

if TYPE_CHECKING:
    from notifier.producer.direct import Direct
    from notifier.producer.flusher import Flusher

Ways = Mapping[AlertType, Sequence[tuple[Way, float]]]
"""The ways of each type in order, each with the share of the deadline by whose end it must have answered."""
NOT_TAKEN = NotTaken()
WARM_SECONDS = 1.0
"""Ours: how long after an answer Redis is taken to be there still."""
SPOOL_LEAVES = 0.75
"""Ours: the part of the time that Redis and Discord get if a disk may have to take the alert in the end."""
DIRECT_LEAVES = 0.5
"""Ours: the part of that which Redis gets if the alert may be posted directly."""


class Here(threading.local):
    """Of one thread. ``inside``: it is in a call of the client, which a signal handler (or a finalizer) interrupts."""

    inside = False


class Client:
    """What one call of an application does. It returns or raises within NOTIFIER_PUBLISH_TIMEOUT_SECONDS.

    Args:
        flusher: empties the spool, where there is one; shared by all clients of the process.
        direct: makes what posts alerts from this process; called only when one is to be posted.
        another: makes the client of a call within a call.

    Raises (every method):
        QueueFull: the outbox of this type is at its bound, and DISCORD_QUEUE_OVERFLOW is reject.
        BrokerUnavailable: Redis did not take it, and neither did the spool or Discord if they are configured.
    """

    def __init__(
        self,
        app: Celery,
        publisher: Publisher,
        settings: Settings,
        flusher: "Flusher | None",
        direct: "Callable[[], Direct]",
        another: "Callable[[], Client]",
    ) -> None:
        self._app = app
        self._publisher = publisher
        self._settings = settings
        # sentinels are asked one after another, and each may be silent
        address = read_redis_url("REDIS_URL", settings.redis_url.get_secret_value())
        self._place = address.place
        self._warmth = Warmth(0.0 if address.sentinels else WARM_SECONDS)
        self._flusher = flusher
        self._behind_spooled = BehindSpooled(flusher, app.AsyncResult) if flusher else None
        self._straight_to_discord = _straight_to_discord(direct) if settings.direct_fallback else None
        self._onto_disk = OntoDisk(flusher.spool, app.AsyncResult, settings.unknown_leave) if flusher else None
        self._submits = self._ways(self._through_redis(dispatches=True))
        self._admits = self._ways(self._through_redis(dispatches=False))
        self._here = Here()
        self._another = another
        self._inner: Client | None = None

    def submit(self, message: NotificationMessage, terms: Terms = NO_TERMS) -> Submitted:
        """Prepare an alert, bring it to safety, and send its delivery task if it is ``queued``."""
        if self._here.inside:
            return self._of_inner_calls.submit(message, terms)
        with forks_wait():  # to prepare imports what few calls need
            return self._take(prepare(message, self._settings), terms, self._submits)

    def admit(self, message: NotificationMessage, terms: Terms = NO_TERMS) -> Submitted:
        """The same with a prepared alert, without the task: the caller sends it if the alert is ``queued``."""
        if self._here.inside:
            return self._of_inner_calls.admit(message, terms)
        with forks_wait():
            return self._take(message, terms, self._admits)

    def flush(self) -> None:
        """Begin to hand over what is spooled, in the background. Does nothing if nothing is."""
        if self._flusher:
            self._flusher.start()

    @property
    def _of_inner_calls(self) -> "Client":
        """Takes the alerts of such calls: it shares no lock and no connection with the call that is interrupted."""
        if self._inner is None:
            self._inner = self._another()
        return self._inner

    def _take(self, message: NotificationMessage, terms: Terms, ways: Ways) -> Submitted:
        if capture := capture_of(self._settings):
            capture(message)
            return captured(message)
        if self._app.conf.task_always_eager:
            return dry_run(message)
        deadline = Deadline.after(self._settings.publish_timeout_seconds)
        self._here.inside = True
        try:
            with raising(message.alert_type, message.id):
                so_far = NOT_TAKEN
                for way, share in ways[message.alert_type]:
                    answer = way.take(message, terms, deadline.part(share), so_far)
                    if isinstance(answer, Submitted):
                        return answer
                    so_far = answer
                raise so_far.error
        finally:
            self._here.inside = False

    def _ways(self, through_redis: Way) -> Ways:
        share = SPOOL_LEAVES if self._onto_disk else 1.0
        first: list[tuple[Way, float]] = [(self._behind_spooled, share)] if self._behind_spooled else []
        last: list[tuple[Way, float]] = [(self._onto_disk, 1.0)] if self._onto_disk else []
        usual = [*first, (through_redis, share), *last]
        ways: dict[AlertType, Sequence[tuple[Way, float]]] = dict.fromkeys(AlertType, usual)
        if self._straight_to_discord:
            direct = [(through_redis, share * DIRECT_LEAVES), (self._straight_to_discord, share), *last]
            ways |= dict.fromkeys(self._settings.direct_fallback, direct)
        return ways

    def _through_redis(self, *, dispatches: bool) -> ThroughRedis:
        return ThroughRedis(
            self._publisher,
            self._app.AsyncResult,
            dispatches=dispatches,
            warmth=self._warmth,
            place=self._place,
            always_cold=self._settings.direct_fallback,
            flusher=self._flusher,
        )


def _straight_to_discord(direct: "Callable[[], Direct]") -> Way:
    from notifier.producer.straight import StraightToDiscord  # few programs may post

    return StraightToDiscord(direct)
