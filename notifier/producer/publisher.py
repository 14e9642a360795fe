"""Admits notifications to their outbox, and dispatches the tasks that deliver them."""

import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from celery import Celery
from celery.exceptions import TaskPredicate
from kombu import Connection, Producer
from kombu.exceptions import OperationalError

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admission, Admitted
from notifier.outbox.progress import Progress
from notifier.outbox.terms import NO_TERMS, TRIGGER_HEADER, Terms
from notifier.producer.forks import forks_wait
from notifier.producer.triggers import Trigger, Triggers
from notifier.routing import ROUTES, WAKE_UP_TASK
from notifier.status import Status
from notifier.storage.broker import dispatch_connection
from notifier.storage.keys import Keys

if TYPE_CHECKING:
    from notifier.outbox.claim import WakeUp
    from notifier.outbox.digest import Digests
    from notifier.outbox.records import Records
    from notifier.producer.spool import Spooled
    from notifier.storage.retention import Findings

logger = logging.getLogger(__name__)

SHOWN_CHARACTERS = 100
IDLE_MAX = 10
"""Ours: as many connections as Celery keeps by default (``broker_pool_limit``); threads at once may use more."""
ADMIT_TRIES = 3
"""Room may appear between finding an outbox full and folding the alert; not so often in a row."""
FOLDED_CALLBACKS_MAX = 65_536
"""Ours: characters of what hangs on a folded alert, of which there may be 10,000 (outbox/digest.py)."""


class Publisher:
    """Admits and dispatches. Once ``submit`` returns, the alert is in the outbox and survives what follows.

    Args:
        records: keeps the record of an alert that is refused.
        digests: fold the alerts that meet a full outbox; if None, they are refused.
        timeout_seconds: for each step of a dispatch.
        one_redis: the broker is the Redis of the outboxes.
    """

    def __init__(
        self,
        app: Celery,
        admission: Admission,
        records: "Records",
        digests: "Digests | None",
        keys: Keys,
        timeout_seconds: float,
        *,
        one_redis: bool = False,
    ) -> None:
        self._keys = keys
        self._timeout_seconds = timeout_seconds
        self._app = app
        self._admission = admission
        self._records = records
        self._digests = digests
        self._idle: deque[Producer] = deque()
        self._pid = os.getpid()
        self._triggers = Triggers(self._written) if one_redis else None
        self._has_looked = False

    def ping(self) -> None:
        """See whether Redis is there, and once, whether it keeps what it is given; else a line in the log says so.

        Raises:
            BrokerUnavailable: it is not.
        """
        self._admission.ping(None if self._has_looked else self._warn_of_findings)
        self._has_looked = True

    def _warn_of_findings(self, findings: "Findings") -> None:
        found = (*findings.problems, *findings.warnings)
        warn_once(*(f"Redis: {each}. This process raises alerts all the same." for each in found))

    def submit(self, message: NotificationMessage) -> None:
        """Admit an alert and send its delivery task.

        Raises:
            QueueFull: the outbox of this type is at its bound, and DISCORD_QUEUE_OVERFLOW is reject (the history has a
                record of it). Otherwise the alert is folded into a digest.
            BrokerUnavailable: Redis did not take it.
        """
        if self.admit(message, with_task=True).needs_task:
            self.dispatch(message)

    def submit_again(self, message: NotificationMessage, progress: Progress, *, maybe_posted: bool) -> None:
        """The same with a dead letter, of which so much is settled. It is neither folded nor recorded as refused.

        ``maybe_posted``: the answer to its last request was lost.

        Raises:
            QueueFull: there is no room.
            BrokerUnavailable: Redis did not take it.
        """
        if self._admission.admit(message, progress=progress, maybe_posted=maybe_posted).needs_task:
            self.dispatch(message)

    def submit_spooled(self, spooled: "Spooled") -> None:
        """Admit an alert that comes from a disk, and send its delivery task.

        Raises:
            QueueFull: there is no room. It is not folded: it waits on the disk until there is.
            BrokerUnavailable: Redis did not take it.
            InvalidMessage, ValueError: another version spooled it, and this one cannot read it.
        """
        message = spooled.message
        admitted = self._admission.admit(
            message, spooled.terms, spooled_seconds=spooled.age_seconds, maybe_posted=spooled.maybe_posted
        )
        if admitted.needs_task:
            self.dispatch(message)

    def admit(self, message: NotificationMessage, terms: Terms = NO_TERMS, *, with_task: bool = False) -> Admitted:
        """Admit an alert.

        Args:
            with_task: its delivery task, if it is wanted, is put into its queue with it where that can be done.

        Returns:
            ``COUNTED`` also if it was folded into a digest.

        Raises:
            QueueFull: the outbox is at its bound, and DISCORD_QUEUE_OVERFLOW is reject, or too much hangs on it to be
                kept with a folded one; the history has a record of it.
            BrokerUnavailable: Redis did not take it.
        """
        trigger = self.trigger_of(message) if with_task else None
        digests = self._digests if len(terms.callbacks) <= FOLDED_CALLBACKS_MAX else None
        tries_left = ADMIT_TRIES if digests else 1
        while True:
            try:
                return self._admission.admit(message, terms, trigger=trigger)
            except QueueFull as error:
                tries_left -= 1
                folded = digests.fold(message, terms, error.partition) if digests is not None else "room"
                if folded != "room":
                    return Admitted.COUNTED if folded == "folded" else Admitted.KNOWN
                if not tries_left:
                    self._records.refuse(message, Status.QUEUE_FULL, error.reason, str(error))
                    raise

    def trigger_of(self, message: NotificationMessage) -> Trigger | None:
        """The delivery task of an alert, to be put into its queue as it is admitted; None: ``dispatch`` sends it."""
        return self._triggers.of(message.alert_type, shown_title(message.title)) if self._triggers else None

    @forks_wait()
    def dispatch(self, message: NotificationMessage, again: bool = True) -> None:
        """Send the delivery task of an admitted alert; if ``again``, once more if it could not be sent.

        A task that cannot be sent is logged, not raised: the alert is in the outbox, and the sweep sends another.
        """
        with self.dispatching(ROUTES[message.alert_type].task) as producer:
            self._send(producer, message.alert_type, message.id, shown(message), again)

    def _send(self, producer: Producer, kind: AlertType, notification_id: str, arguments: str, again: bool) -> None:
        task, amqp = ROUTES[kind].task, self._app.amqp
        # what send_task does, without what this task does not need (about half of the time): routing, declaring a queue
        # that is direct, the text of every argument, and a subscription to a result that no caller waits for yet
        fields = amqp.create_task_message(notification_id, task, argsrepr="", kwargsrepr=arguments, ignore_result=True)
        where = {"queue": self._keys.queue(kind), "headers": {TRIGGER_HEADER: True}}
        amqp.send_task_message(producer, task, fields, declare=[], retry=again, **where)

    def _written(self, kind: AlertType, notification_id: str, arguments: str) -> tuple[str, str] | None:
        with self.dispatching(ROUTES[kind].task) as producer:
            channel: Any = producer.channel
            if not hasattr(channel, "written"):  # none of notifier.storage.dispatch_transport
                return None
            channel.written = []
            try:
                self._send(producer, kind, notification_id, arguments, again=False)
                return channel.written[0] if channel.written else None
            finally:
                channel.written = None
        return None

    def wake_up(self, wake_up: "WakeUp | None") -> None:
        """Send the wake-up that a claim, commit or sweep has asked for, if any. One that cannot be sent is logged."""
        if wake_up is None:
            return
        with self.dispatching(WAKE_UP_TASK) as producer:
            self._app.send_task(
                WAKE_UP_TASK,
                args=[wake_up.alert_type.value, wake_up.token],
                task_id=f"wake-up-{wake_up.alert_type}-{wake_up.token}",
                queue=self._keys.queue(wake_up.alert_type),
                countdown=wake_up.wait_seconds or None,
                ignore_result=True,
                producer=producer,
            )

    def dispatching(self, task: str) -> AbstractContextManager[Producer]:
        """A producer to send the task of this name with. A broker that does not take it is logged, not raised."""
        # the alert is in the outbox: the sweep dispatches it again
        return self.producing(f"{task} could not be queued (%s); the sweep will send another")

    @contextmanager
    def producing(self, lost: str) -> Iterator[Producer]:
        """A producer. A broker that does not take what it sends is logged, by these words and its error's kind."""
        # kept and used again, one for each thread that sends at once: taking one from Celery's pool binds a channel
        if self._pid != os.getpid():
            self._idle, self._pid = deque(), os.getpid()  # a fork must not share its parent's connections
        with forks_wait():
            try:
                producer = self._idle.pop()
            except IndexError:
                producer = self._producer()
            try:
                yield producer
            except TaskPredicate:  # Celery's task.retry() raises it once it has sent
                self._keep(producer)
                raise
            except BaseException as error:
                _drop(producer)  # whatever it was, half a message may have been sent
                if not isinstance(error, _broken(producer)):
                    raise
                logger.warning(lost, type(error).__name__)
            else:
                self._keep(producer)

    def _keep(self, producer: Producer) -> None:
        if len(self._idle) < IDLE_MAX:
            self._idle.append(producer)
        else:
            cast("Connection", producer.connection).release()

    def _producer(self) -> Producer:
        return self._app.amqp.Producer(dispatch_connection(self._app, self._timeout_seconds))


@lru_cache  # in forked processes too
def warn_once(*texts: str) -> None:
    """Log these, if this process has not logged the same before."""
    for each in texts:
        logger.warning("%s", each)


def _broken(producer: Producer) -> tuple[type[BaseException], ...]:
    connection = cast("Connection", producer.connection)
    return (OperationalError, *connection.connection_errors, *connection.channel_errors)


def _drop(producer: Producer) -> None:
    """Close the connection of a producer whose broker has failed, without a word to it: it may be silent."""
    connection = cast("Connection", producer.connection)
    with suppress(Exception):
        # of RabbitMQ; the others close in silence, and kombu's collect would change the process' default timeout
        (connection.collect if hasattr(connection.transport, "_collect") else connection.release)()


def shown(message: NotificationMessage) -> str:
    """What Flower and logs show of a task's arguments."""
    return shown_title(message.title)


def shown_title(title: str) -> str:
    """The same, of an alert with this title."""
    return f"title={title[:SHOWN_CHARACTERS]!r}"
