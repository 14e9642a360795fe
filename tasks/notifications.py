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
from notifier.worker.announce import Announcer
from notifier.worker.delivery import Delivery, DeliveryWorker
from tasks.celery import app, pipeline

delivery_worker = DeliveryWorker(
    pipeline.outbox,
    pipeline.heartbeat,
    pipeline.gate,
    pipeline.discord,
    pipeline.settings,
    Announcer(app),
)


REFUSED_CHARACTERS = 3_000
AWAY_SECONDS = 2
"""Ours: how soon a dispatch is repeated that came while Redis was away."""

if TYPE_CHECKING:
    CeleryTask = Task[Any, Any]
else:
    CeleryTask = Task  # cannot be subscripted at run time


class NotificationTask(CeleryTask):
    """A task that owns the notification whose id it bears."""

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
        """Celery's own door, also taken by its retries; ``options`` are Celery's. Raises: as ``delay``."""
        if not options.get("retries") and (options.get("countdown") or options.get("eta")):
            raise InvalidMessage("countdown and eta: an alert goes as soon as Discord allows; it cannot be put off")
        fields = {**(kwargs or {}), **({"id": task_id} if task_id else {})}
        message = _message(self.alert_type, next(iter(args or ()), None), fields)
        if options.get("retries"):
            pipeline.publisher.admit(message)
        else:
            raised = pipeline.client.admit(message)
            if raised.status is not Status.QUEUED:
                return raised.result
        options["kwargsrepr"] = shown(message)
        with pipeline.publisher.dispatching(self.name) as producer:
            super().apply_async((), arguments(message), message.id, **{"producer": producer, **options})
        return self.AsyncResult(message.id)

    def retry(self, args: Any = None, kwargs: Any = None, exc: Exception | None = None, **options: Any) -> NoReturn:  # type: ignore[override]
        """Retry when the outbox releases the failed batch; the countdown Celery worked out would miss that moment."""
        if isinstance(exc, DeliveryFailed):
            options["countdown"] = exc.wait_seconds
        super().retry(args, kwargs, exc, **options)
        raise AssertionError("unreachable: retry raises")


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


def own(task: NotificationTask, **fields: Any) -> Record | None:
    """ClaimRequest for the notification of this task; what is not its own end is left to others."""
    try:
        end = _deliver(task, fields)
    except BrokerUnavailable:
        _dispatch_again(task, fields)
    match end:
        case Completed():
            return pipeline.records.get(str(task.request.id))
        case Throttled(wake_up=wake_up):
            pipeline.publisher.wake_up(wake_up)
        case BatchResult():
            _wake_up(end)
            return _own_end(task, end)
    raise Ignore


def _deliver(task: NotificationTask, fields: dict[str, Any]) -> Delivery:
    notification_id = str(task.request.id)
    request = ClaimRequest(task.alert_type, notification_id)
    end = delivery_worker.deliver(request)
    if not isinstance(end, NotFound):
        return end
    # published by a program that only knows the task's name
    try:
        pipeline.publisher.admit(_message(task.alert_type, None, {**fields, "id": notification_id}))
    except (InvalidMessage, QueueFull) as error:
        _refuse(task, fields, error)
        return Completed()
    return delivery_worker.deliver(request)


def _dispatch_again(task: NotificationTask, fields: dict[str, Any]) -> NoReturn:
    """Redis is away. Where the broker is another server, the same dispatch comes back in a while, and not at once."""
    again: dict[str, Any] = {"task_id": str(task.request.id), "retries": task.request.retries, "kwargsrepr": ""}
    with pipeline.publisher.dispatching(task.name) as producer:
        CeleryTask.apply_async(task, (), fields, countdown=AWAY_SECONDS, ignore_result=True, producer=producer, **again)
        raise Ignore
    raise Reject("Redis is away", requeue=True)


def _wake_up(result: BatchResult) -> None:
    pipeline.publisher.wake_up(result.wake_up)
    pipeline.publisher.wake_up(result.fallback_wake_up)


def _refuse(task: NotificationTask, fields: dict[str, Any], error: InvalidMessage | QueueFull) -> None:
    text = repr(fields)[:REFUSED_CHARACTERS]
    message = NotificationMessage(
        id=str(task.request.id), alert_type=task.alert_type, title=f"Refused: {error.reason}", message=text
    )
    status = Status.QUEUE_FULL if isinstance(error, QueueFull) else Status.REJECTED
    pipeline.records.refuse(message, status, error.reason, str(error))


def _own_end(task: NotificationTask, result: BatchResult) -> Record:
    notification_id = str(task.request.id)
    for record in result.records:
        if record["id"] == notification_id:
            return record
    for disposition in result.dispositions:
        if disposition.item.message.id == notification_id and disposition.action is Action.RETRY_LATER:
            if task.request.retries >= pipeline.settings.retry_attempts:
                break  # its attempts are used up in an outage: wake-ups carry it from here
            raise DeliveryFailed(str(disposition.reason), result.retry_wait_seconds)
    raise Ignore


def _task(alert_type: AlertType) -> NotificationTask:
    configured = pipeline.settings

    def body(self: NotificationTask, **fields: Any) -> Record | None:
        return own(self, **fields)

    body.__doc__ = f"Own one {alert_type} alert until its outcome is final."
    register: Callable[[Callable[..., Any]], Any] = app.task(
        name=ROUTES[alert_type].task,
        base=NotificationTask,
        bind=True,
        ignore_result=True,  # the commit stores it, and nothing that Celery stores may overwrite it
        alert_type=alert_type,
        autoretry_for=(DeliveryFailed,),
        max_retries=configured.retry_attempts,
        retry_backoff=max(1, round(configured.retry_backoff_seconds)),
        retry_backoff_max=round(configured.retry_backoff_max_seconds),
        retry_jitter=True,
    )
    task: NotificationTask = register(body)
    return task


@app.task(name=WAKE_UP_TASK, ignore_result=True)
def wake_up(alert_type: str, token: str) -> None:
    """ClaimRequest for an outbox: the gate should be open now."""
    try:
        end = delivery_worker.deliver(ClaimRequest(AlertType(alert_type), wake_up=token))
    except BrokerUnavailable:
        raise Ignore from None  # once Redis is back, the sweeper sends another
    match end:
        case Throttled(wake_up=following):
            pipeline.publisher.wake_up(following)
        case BatchResult() as result:
            _wake_up(result)


class SendNotification:
    """Raises alerts of any type; ``send_notification[AlertType.ERROR]`` is the Celery task of one."""

    def __init__(self, tasks: dict[AlertType, NotificationTask]) -> None:
        self._tasks = tasks

    def __getitem__(self, alert_type: AlertType | str) -> NotificationTask:
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


send_notification = SendNotification({alert_type: _task(alert_type) for alert_type in AlertType})
