"""Says in Celery's ways what became of alerts: signals, and the events that Flower shows."""

import logging
import time
from collections.abc import Iterator
from typing import Any

from amqp.exceptions import AMQPError
from billiard.einfo import ExceptionInfo
from celery import Celery, signals
from celery.app.task import Context
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from notifier.errors import NotDelivered
from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.disposition import Action
from notifier.outbox.record import Record, not_delivered, state_of
from notifier.outcome import State
from notifier.routing import ROUTES
from notifier.worker.callbacks import Callbacks

logger = logging.getLogger(__name__)

AWAY = (OperationalError, RedisError, AMQPError, OSError)
"""Raised by a broker that does not take events: kombu lets those of its clients through."""
Event = tuple[str, dict[str, Any]]
"""Its type and its fields."""


class Announcer:
    """Does what Celery does when a task ends, for each alert of a batch, in the worker that carried it.

    The records are stored before, so a lost event loses no alert. ``hostname`` is the name of the worker.
    """

    def __init__(self, app: Celery, callbacks: Callbacks) -> None:
        self.hostname: str | None = None
        self._app = app
        self._callbacks = callbacks

    def __call__(self, result: BatchResult, began: float, committed_from: float) -> None:
        """Call callbacks, send signals and events of a batch.

        Args:
            began: when its request began, by the monotonic clock.
            committed_from: when its commit began, likewise.
        """
        self._callbacks.call(result.records, result.callbacks, leased_at=committed_from)
        seconds = time.monotonic() - began
        for record in result.records:
            self._signal(record)
        if self._app.conf.worker_send_task_events and (events := list(_events(result, seconds))):
            self._send(events)

    def _signal(self, record: Record) -> None:
        task = self._app.tasks[ROUTES[AlertType(record["alert_type"])].task]
        # ``sender.request.id`` is all that a handler of task_success has of Celery to know the task by
        task.request_stack.push(self._request(task.name, record))
        try:
            _send_signal(task, record)
        finally:
            task.request_stack.pop()

    def _request(self, task: str, record: Record) -> Context:
        return Context(
            id=record["id"],
            task=task,
            args=(),
            kwargs=record["message"],
            retries=max(0, record["attempts"] - 1),
            hostname=self.hostname,
            delivery_info={"exchange": "", "routing_key": self._app.conf.task_routes[task]["queue"]},
        )

    def _send(self, events: list[Event]) -> None:
        try:
            with self._app.events.default_dispatcher(hostname=self.hostname) as dispatcher:
                dispatcher.buffer_group, dispatcher.buffer_limit = frozenset({"task"}), len(events) + 1
                for kind, fields in events:
                    dispatcher.send(kind, **fields)
                dispatcher.flush()
        except AWAY as error:
            logger.warning("no events were sent for %d alerts (%s)", len(events), type(error).__name__)


def _send_signal(task: Any, record: Record) -> None:
    if state_of(record) == State.SUCCESS:
        signals.task_success.send(sender=task, result=record)
        return
    try:
        raise not_delivered(record)
    except NotDelivered as error:
        einfo = ExceptionInfo()
        signals.task_failure.send(
            sender=task,
            task_id=record["id"],
            exception=error,
            args=(),
            kwargs=record["message"],
            traceback=error.__traceback__,
            einfo=einfo,
        )


def _events(result: BatchResult, seconds: float) -> Iterator[Event]:
    now = time.time()
    for record in result.records:
        name = ROUTES[AlertType(record["alert_type"])].task
        yield "task-started", {"uuid": record["id"], "name": name, "timestamp": now - seconds}
        yield _end(record, now, seconds)
    for each in result.dispositions:
        if each.action is Action.RETRY_LATER:
            yield "task-retried", {"uuid": each.item.message.id, "exception": str(each.reason), "traceback": ""}


def _end(record: Record, now: float, seconds: float) -> Event:
    fields = {"uuid": record["id"], "timestamp": now}
    if state_of(record) == State.SUCCESS:
        return "task-succeeded", fields | {"result": f"{record['status']} {record['message_id']}", "runtime": seconds}
    return "task-failed", fields | {"exception": repr(not_delivered(record)), "traceback": ""}
