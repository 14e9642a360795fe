"""Celery's consumer for a worker of ours: what lies in a queue cannot end it, and nothing is deleted unread."""

import base64
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.concurrency import thread
from celery.worker import consumer, strategy
from kombu.message import Message

from notifier.errors import BrokerUnavailable
from notifier.outbox.unreadable import Problem, Unreadable, UnreadableEntries, unreadable
from notifier.storage.bell import Bell
from notifier.worker import transport
from notifier.worker.task_message import UnreadableMessage, check_task_message

logger = logging.getLogger(__name__)

WAITING_MAX = 100
"""Ours: unreadable entries that a worker keeps in its memory while Redis does not take them."""
AGAIN_SECONDS = 2
"""Ours: how soon that is tried again."""
HANDOVER_SECONDS = 0.000_05
"""Ours: long enough for a thread of the pool to take the interpreter's lock, and less than it keeps it."""


# the published types of Celery know little of these
_Consumer: Any = consumer.Consumer
_strategy: Any = strategy


def begin_first(task: Any, app: Any, consumer: "Consumer") -> Callable[..., Any]:
    """Celery's strategy, for a task whose thread is to begin before the main loop goes on. Other pools have none.

    What the loop does next, a line in the log and asking for another message, takes as long as the thread needs until
    its claim is on its way.
    """
    logging_later = {"info": consumer.log_received} if isinstance(consumer.pool, thread.TaskPool) else {}
    begin: Callable[..., Any] = _strategy.default(task, app, consumer, **logging_later)
    return begin


class Consumer(_Consumer):  # type: ignore[misc]
    """Sets aside what is no message of a task, with everything that is known of it."""

    unreadable: UnreadableEntries
    """Where to."""

    def __init__(self, *args: Any, app: Any, **options: Any) -> None:
        self._waiting: deque[Unreadable] = deque(maxlen=WAITING_MAX)
        self._comes_again = False
        connection = {"set_aside": staticmethod(self._set_aside_entry), "waits": staticmethod(self.waits)}
        app.amqp.Connection = type("Connection", (transport.Connection,), connection)
        self._bell: Bell | None = None
        self._received: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._loop_thread = 0
        super().__init__(*args, app=app, **options)

    def waits(self) -> None:
        """Called each second while there is no connection to the broker."""

    def register_with_event_loop(self, hub: Any) -> None:
        """As Celery's, from each new connection on."""
        super().register_with_event_loop(hub)
        self._bell, self._loop_thread = self._bell or Bell(), threading.get_ident()
        hub.add_reader(self._bell.polled, self._bell.hush)

    def call_soon(self, operation: Any, *args: Any, **options: Any) -> Any:
        """As Celery's, whose loop sleeps on for up to a second: tasks that have ended would be acknowledged late.

        Or, where another task comes before, in the middle of that one's claim.
        """
        given = super().call_soon(operation, *args, **options)
        if self._bell is not None and threading.get_ident() != self._loop_thread:
            self._bell.ring()
        return given

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], None]:
        """What is called with each message, from each new connection on."""
        self._keep_waiting()  # also because a connection that was lost has cleared the timer
        run = super().create_task_handler(*args, **options)

        def on_task_received(message: Message) -> None:
            try:
                check_task_message(message, self.strategies)
            except UnreadableMessage as error:
                self._set_aside(message, error.problem, error.detail)
            else:
                try:
                    run(message)
                finally:
                    self._let_begin()

        return on_task_received

    def log_received(self, *told: Any, **more: Any) -> None:
        """Log that a task was received, as ``logging`` is called for it, once it may begin."""
        self._received.append((told, more))

    def _let_begin(self) -> None:
        if not self._received:
            return
        time.sleep(HANDOVER_SECONDS)  # or it would wait for the lock until the loop waits for something
        for told, more in self._received:
            _strategy.logger.info(*told, **more)
        self._received.clear()

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """The transport could not unpack a body."""
        self._set_aside(message, "undecodable", repr(exc))

    def on_invalid_task(self, body: Any, message: Message, exc: Exception) -> None:
        """Celery found a fault that the check had not."""
        self._set_aside(message, "invalid_task", str(exc))

    def add_task_queue(self, queue: str, *args: Any, **options: Any) -> None:
        """Consume a queue from now on. Of one that was cancelled before, Celery knows no more after a reconnection."""
        super().add_task_queue(queue, *args, **options)
        self.app.amqp.queues.select_add(self.app.amqp.queues[queue])

    def _set_aside(self, message: Message, problem: Problem, detail: str) -> None:
        # where Redis does not take it, the broker keeps it as not acknowledged and delivers it again
        if self._keep(unreadable(*_entry_of(message), problem, detail)):
            message.reject_log_error(logger, self.connection_errors)
            signals.task_rejected.send(sender=self, message=message, exc=UnreadableMessage(problem, detail))

    def _set_aside_entry(self, queue: str, raw: bytes, error: Exception) -> None:
        self._waiting.append(unreadable(queue, raw, "no_envelope", repr(error)))
        self._keep_waiting(scheduled=False)

    def _keep_waiting(self, *, scheduled: bool = True) -> None:
        if scheduled:
            self._comes_again = False
        while self._waiting and self._keep(self._waiting[0]):
            self._waiting.popleft()
        if self._waiting and not self._comes_again:
            self._comes_again = True
            self.timer.call_after(AGAIN_SECONDS, self._keep_waiting)

    def _keep(self, entry: Unreadable) -> bool:
        what = f"an entry of {entry.size_bytes} bytes in the queue {entry.queue or '(unknown)'} is no message of a task"
        try:
            dropped = self.unreadable.set_aside(entry)
        except BrokerUnavailable as error:
            logger.warning("%s (%s), and could not be set aside yet: %s", what, entry.problem, error)
            return False
        # what a codec says of a body may quote it
        problem = entry.problem + ("" if entry.problem == "undecodable" else f", {entry.detail}")
        logger.error("%s (%s): set aside as %s; see `notifier dead unreadable`", what, problem, entry.id)
        if dropped:
            logger.warning("more unreadable entries than are kept: %d of the oldest were dropped", dropped)
        return True


def _entry_of(message: Message) -> tuple[str, bytes]:
    """The queue of a message, and what lay in it; of RabbitMQ, the same in the form that it would have in Redis."""
    if entry := getattr(message.channel, "entry", None):
        return entry  # type: ignore[no-any-return]
    queue = str(message.delivery_info.get("routing_key", ""))
    body = message.body if isinstance(message.body, bytes) else str(message.body or "").encode()
    envelope = {
        "body": base64.b64encode(body).decode(),
        "content-type": message.content_type,
        "content-encoding": message.content_encoding,
        "headers": message.headers,
        "properties": {
            **message.properties,
            "body_encoding": "base64",
            "delivery_tag": str(message.delivery_tag),
            "delivery_info": {"exchange": message.delivery_info.get("exchange", ""), "routing_key": queue},
        },
    }
    return queue, json.dumps(envelope, default=str).encode()
