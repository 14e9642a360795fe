"""``send_notification``: one named Celery task per alert type, each on its own queue."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from celery import Task
from celery.exceptions import Ignore
from celery.result import AsyncResult

from notifier.errors import BrokerUnavailable, DeliveryFailed, InvalidMessage
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.claim import ClaimRequest
from notifier.outbox.terms import Terms
from notifier.outcome import Status
from notifier.producer.callbacks import take_callbacks
from notifier.producer.publisher import arguments, shown
from notifier.routing import ROUTES, WAKE_UP_TASK

from .arguments import message_of
from .celery import app, pipeline
from .delivery import run_delivery, send_wake_ups

if TYPE_CHECKING:
    CeleryTask = Task[Any, Any]
else:
    CeleryTask = Task  # cannot be subscripted at run time


class NotificationTask(CeleryTask):
    """A delivery task; its id is that of its notification."""

    alert_type: AlertType
    Request = f"{__package__}.request:DeliveryRequest"

    def delay(self, message: NotificationMessage | None = None, /, **fields: Any) -> "AsyncResult[Any]":
        """Raise an alert of this task's type: a ``NotificationMessage``, or its fields by name.

        Raises:
            InvalidMessage: names the field. QueueFull: no room. BrokerUnavailable: Redis did not take it.
        """
        return pipeline.client.submit(message_of(self.alert_type, message, fields)).result

    def apply_async(  # type: ignore[override]
        self,
        args: Iterable[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> "AsyncResult[Any]":
        """Admit the alert and dispatch its delivery task. Celery's retries come this way too, with ``retries`` set.

        Args:
            args: nothing, or a ``NotificationMessage``.
            kwargs: its fields, if not.
            task_id: the id of the notification.
            options: Celery's.

        Raises:
            As ``delay``; InvalidMessage also for ``countdown`` and ``eta``.
        """
        fields = {**(kwargs or {}), **({"id": task_id} if task_id else {})}
        message = message_of(self.alert_type, next(iter(args or ()), None), fields)
        callbacks = take_callbacks(options, app)
        if options.get("retries"):
            pipeline.publisher.admit(message)
            # when the outbox releases the failed batch: the backoff that Celery worked out would miss that moment
            options["countdown"] = self.request.get("retry_wait_seconds", options.get("countdown"))
        elif options.get("countdown") or options.get("eta"):
            raise InvalidMessage("countdown and eta: an alert goes as soon as Discord allows; it cannot be put off")
        elif (raised := pipeline.client.admit(message, Terms(callbacks=callbacks))).status is not Status.QUEUED:
            return raised.result
        options["kwargsrepr"] = shown(message)
        with pipeline.publisher.dispatching(self.name) as producer:
            super().apply_async((), arguments(message), message.id, **{"producer": producer, **options})
        return self.AsyncResult(message.id)

    dispatch = CeleryTask.apply_async
    """Sends the delivery task, and nothing else: Celery's own way, without admission."""


def _register(alert_type: AlertType) -> NotificationTask:
    configured = pipeline.settings

    def body(self: NotificationTask, **fields: Any) -> None:
        run_delivery(self, fields)

    body.__doc__ = f"Deliver one {alert_type} alert, and what waits with it."
    register: Callable[[Callable[..., Any]], Any] = app.task(
        name=ROUTES[alert_type].task,
        base=NotificationTask,
        bind=True,
        ignore_result=True,  # the commit stores it, and nothing that Celery stores may overwrite it
        shared=False,  # else every other application of this process would have the task as well
        lazy=False,
        alert_type=alert_type,
        autoretry_for=(DeliveryFailed,),
        max_retries=configured.retry_attempts,
        retry_backoff=max(1, round(configured.retry_backoff_seconds)),
        retry_backoff_max=round(configured.retry_backoff_max_seconds),
        retry_jitter=True,
    )
    task: NotificationTask = register(body)
    return task


@app.task(name=WAKE_UP_TASK, ignore_result=True, send_events=False, shared=False, lazy=False)
def wake_up(alert_type: str, token: str) -> None:
    """Deliver a batch of an outbox whose gate should be open now."""
    try:
        delivery = pipeline.delivery_worker.deliver(ClaimRequest(AlertType(alert_type), wake_up=token))
    except BrokerUnavailable:
        raise Ignore from None  # once Redis is back, the sweep sends another
    send_wake_ups(delivery)


class SendNotification:
    """Raises alerts of any type; ``send_notification[AlertType.ERROR]`` is the Celery task of one."""

    def __init__(self, tasks: dict[AlertType, NotificationTask]) -> None:
        self._tasks = tasks

    def __getitem__(self, alert_type: AlertType | str) -> NotificationTask:
        """The Celery task of one type. Raises ValueError: there is no such type."""
        return self._tasks[AlertType(alert_type)]

    def delay(self, message: NotificationMessage | None = None, /, **fields: Any) -> "AsyncResult[Any]":
        """Raise an alert: a ``NotificationMessage``, or its fields by name (``alert_type``, ``title``, ``message``, …).

        Returns once the alert is safe in the outbox. ``get()`` on the result returns its record at delivery.

        Raises:
            InvalidMessage: names the field. QueueFull: no room. BrokerUnavailable: Redis did not take it.
        """
        if message is None:
            message = NotificationMessage(**fields)
            fields = {}
        elif not isinstance(message, NotificationMessage):
            raise InvalidMessage(f"expected a NotificationMessage, not {type(message).__name__}")
        return self[message.alert_type].delay(message, **fields)


send_notification = SendNotification({alert_type: _register(alert_type) for alert_type in AlertType})
