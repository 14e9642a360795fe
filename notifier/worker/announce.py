"""Says in Celery's ways what became of alerts: signals, and the events that Flower shows."""

import time
from typing import Any

from billiard.einfo import ExceptionInfo
from celery import Celery, signals
from celery.app.task import Context

from notifier.errors import BrokerUnavailable, NotDelivered
from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Batch, Completed, Throttled
from notifier.outbox.record import Record, not_delivered, state_of
from notifier.outbox.unannounced import Unannounced
from notifier.outcome import Reason, State
from notifier.producer.publisher import shown
from notifier.routing import ROUTES
from notifier.worker.callbacks import Callbacks
from notifier.worker.events import EventSender, end_of, events_of, in_seconds, received


class Announcer:
    """Does what Celery does when a task ends, for each alert of a batch, in the worker that carried it.

    The records are stored before, so a lost event loses no alert.
    """

    def __init__(self, app: Celery, callbacks: Callbacks, events: EventSender, unannounced: Unannounced) -> None:
        self.events = events
        self._app = app
        self._callbacks = callbacks
        self._unannounced = unannounced

    def __call__(self, result: BatchResult, began: float, committed_from: float) -> None:
        """Call callbacks, send signals and events of a batch.

        Args:
            began: when its request began, by the monotonic clock.
            committed_from: when its commit began, likewise.
        """
        self._callbacks.call(result.records, result.callbacks, leased_at=committed_from)
        seconds = time.monotonic() - began
        if signals.task_success.receivers or signals.task_failure.receivers:
            for record in result.records:
                self._signal(record)
        if self.events.listened_to:
            self.events.send(list(events_of(result, seconds)))

    def waits(self, notification_id: str, alert_type: AlertType, shown_arguments: str, delivery: object) -> None:
        """Tell that an alert was received and waits, if its own task has found it so, and nobody has told it.

        Args:
            shown_arguments: what Flower shows of its fields.
            delivery: what its task came to (a ``Delivery``).
        """
        carried = delivery.dispositions if isinstance(delivery, BatchResult) else ()
        if isinstance(delivery, Completed) or any(each.item.message.id == notification_id for each in carried):
            return
        reason, seconds = Reason.IN_FLIGHT, 0.0
        if isinstance(delivery, Throttled):
            reason, seconds = delivery.reason, delivery.wait_seconds
        for each, due in self._untold(alert_type, [notification_id]).items():
            self.events.send([received(each, alert_type, shown_arguments, reason, due or in_seconds(seconds))])

    def hangs(self, batch: Batch) -> None:
        """Tell that those of a batch were received: its request needs long."""
        messages = {item.message.id: item.message for item in batch.items}
        untold = [messages[each] for each in self._untold(batch.alert_type, list(messages), under_way=True)]
        now, reason = in_seconds(0), Reason.IN_FLIGHT
        self.events.send([received(each.id, each.alert_type, shown(each), reason, now) for each in untold])

    def ended_elsewhere(self) -> None:
        """Tell of those that no worker ended. Raises BrokerUnavailable: Redis did not answer."""
        now = time.time()
        if self.events.listened_to:
            self.events.send([end_of(record, now) for record in self._unannounced.ended()])

    def _untold(self, alert_type: AlertType, ids: list[str], *, under_way: bool = False) -> dict[str, str]:
        if not self.events.listened_to:
            return {}
        try:
            return self._unannounced.received(alert_type, ids, under_way=under_way)
        except BrokerUnavailable:
            return {}  # what carries it tells

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
            hostname=self.events.hostname,
            delivery_info={"exchange": "", "routing_key": self._app.conf.task_routes[task]["queue"]},
        )


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
