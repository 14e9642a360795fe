"""``send_notification``: one named Celery task per alert type, each on its own queue.

A task is a thin shell around the delivery. Its outcome becomes the task's result, or ``Ignore`` where the alert
waits in the outbox, or a retry where a request failed.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from celery import Task
from celery.exceptions import Ignore, Reject
from celery.result import AsyncResult

from notifier.errors import BrokerUnavailable, DeliveryFailed, InvalidMessage, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, Completed, NotFound, Throttled
from notifier.outbox.disposition import Action
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.producer.publisher import arguments, shown
from notifier.routing import ROUTES, WAKE_UP_TASK

from .celery import app, pipeline

REFUSED_CHARACTERS = 3_000
AWAY_SECONDS = 2
"""Ours: how soon a dispatch is repeated that came while Redis was away."""

if TYPE_CHECKING:
    from notifier.worker.delivery import Delivery

    CeleryTask = Task[Any, Any]
else:
    CeleryTask = Task  # cannot be subscripted at run time


class NotificationTask(CeleryTask):
    """A delivery task; its id is that of its notification."""

    alert_type: AlertType

    def delay(self, message: NotificationMessage | None = None, /, **fields: Any) -> "AsyncResult[Any]":
        """Raise an alert of this task's type: a ``NotificationMessage``, or its fields by name.

        Raises:
            InvalidMessage: names the field. QueueFull: no room. BrokerUnavailable: Redis did not take it.
        """
        return pipeline.client.submit(_message(self.alert_type, message, fields)).result

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
        message = _message(self.alert_type, next(iter(args or ()), None), fields)
        if options.get("retries"):
            pipeline.publisher.admit(message)
            # when the outbox releases the failed batch: the backoff that Celery worked out would miss that moment
            options["countdown"] = self.request.get("retry_wait_seconds", options.get("countdown"))
        elif options.get("countdown") or options.get("eta"):
            raise InvalidMessage("countdown and eta: an alert goes as soon as Discord allows; it cannot be put off")
        elif (raised := pipeline.client.admit(message)).status is not Status.QUEUED:
            return raised.result
        options["kwargsrepr"] = shown(message)
        with pipeline.publisher.dispatching(self.name) as producer:
            super().apply_async((), arguments(message), message.id, **{"producer": producer, **options})
        return self.AsyncResult(message.id)


def _message(alert_type: AlertType, message: object, fields: dict[str, Any]) -> NotificationMessage:
    if isinstance(message, NotificationMessage):
        if fields.keys() - {"id"}:
            raise InvalidMessage("give a NotificationMessage or its fields, not both")
        chosen = message
    elif message is not None:
        raise InvalidMessage(f"expected a NotificationMessage, not {type(message).__name__}")
    else:
        chosen = NotificationMessage(**{"alert_type": alert_type, **fields})
    if chosen.alert_type is not alert_type:
        raise InvalidMessage(f"alert_type: this task sends {alert_type} alerts, not {chosen.alert_type}")
    return chosen


def run_delivery(task: NotificationTask, fields: dict[str, Any]) -> Record | None:
    """Deliver a batch of this task's outbox; the record of its own notification, if that is final now.

    Raises:
        DeliveryFailed: its request failed and may succeed later: Celery retries the task.
        Ignore: its notification waits, and others carry it.
    """
    # a program that sends this task by its name asks for a result in the message's header, which outweighs the task's
    # own setting: Celery would store RETRY between the attempts, and overwrite the record that the commit has written
    task.request.update(ignore_result=True)
    try:
        delivery = _deliver(task, fields)
    except BrokerUnavailable:
        _dispatch_again(task, fields)
    _send_wake_ups(delivery)
    match delivery:
        case Completed():
            return pipeline.records.get(str(task.request.id))
        case BatchResult():
            return _own_record(task, delivery)
    raise Ignore


def _deliver(task: NotificationTask, fields: dict[str, Any]) -> "Delivery":
    notification_id = str(task.request.id)
    request = ClaimRequest(task.alert_type, notification_id)
    delivery = pipeline.delivery_worker.deliver(request)
    if not isinstance(delivery, NotFound):
        return delivery
    # sent by a program that only knows the task's name
    try:
        pipeline.publisher.admit(_message(task.alert_type, None, {**fields, "id": notification_id}))
    except (InvalidMessage, QueueFull) as error:
        _refuse(task, fields, error)
        return Completed()
    return pipeline.delivery_worker.deliver(request)


def _dispatch_again(task: NotificationTask, fields: dict[str, Any]) -> NoReturn:
    """Redis is away. Where the broker is another server, the same dispatch comes back in a while, and not at once."""
    again: dict[str, Any] = {"task_id": str(task.request.id), "retries": task.request.retries, "kwargsrepr": ""}
    with pipeline.publisher.dispatching(task.name) as producer:
        CeleryTask.apply_async(task, (), fields, countdown=AWAY_SECONDS, ignore_result=True, producer=producer, **again)
        raise Ignore
    raise Reject("Redis is away", requeue=True)


def _send_wake_ups(delivery: "Delivery") -> None:
    match delivery:
        case Throttled(wake_up=following):
            pipeline.publisher.wake_up(following)
        case BatchResult():
            pipeline.publisher.wake_up(delivery.wake_up)
            pipeline.publisher.wake_up(delivery.fallback_wake_up)


def _refuse(task: NotificationTask, fields: dict[str, Any], error: InvalidMessage | QueueFull) -> None:
    text = repr(fields)[:REFUSED_CHARACTERS]
    message = NotificationMessage(
        id=str(task.request.id), alert_type=task.alert_type, title=f"Refused: {error.reason}", message=text
    )
    status = Status.QUEUE_FULL if isinstance(error, QueueFull) else Status.REJECTED
    pipeline.records.refuse(message, status, error.reason, str(error))


def _own_record(task: NotificationTask, result: BatchResult) -> Record:
    notification_id = str(task.request.id)
    for record in result.records:
        if record["id"] == notification_id:
            return record
    for disposition in result.dispositions:
        if disposition.item.message.id == notification_id and disposition.action is Action.RETRY_LATER:
            if task.request.retries >= pipeline.settings.retry_attempts:
                break  # its attempts are used up in an outage: wake-ups carry it from here
            task.request.update(retry_wait_seconds=result.retry_wait_seconds)
            raise DeliveryFailed(str(disposition.reason), result.retry_wait_seconds)
    raise Ignore


def _register(alert_type: AlertType) -> NotificationTask:
    configured = pipeline.settings

    def body(self: NotificationTask, **fields: Any) -> Record | None:
        return run_delivery(self, fields)

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


@app.task(name=WAKE_UP_TASK, ignore_result=True, shared=False, lazy=False)
def wake_up(alert_type: str, token: str) -> None:
    """Deliver a batch of an outbox whose gate should be open now."""
    try:
        delivery = pipeline.delivery_worker.deliver(ClaimRequest(AlertType(alert_type), wake_up=token))
    except BrokerUnavailable:
        raise Ignore from None  # once Redis is back, the sweep sends another
    _send_wake_ups(delivery)


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
