"""``send_notification``: one named Celery task per alert type, each on its own queue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery.exceptions import Ignore
from celery.result import AsyncResult
from celery.utils.threads import LocalStack

from notifier.errors import BrokerUnavailable, DeliveryFailed, InvalidMessage
from notifier.models import AlertType
from notifier.producer.forks import forks_wait
from notifier.raised import somebody
from notifier.routing import ROUTES, WAKE_UP_TASK

from .arguments import message_of
from .celery import app, pipeline
from .notification_task import NotificationTask, submit


def _register(alert_type: AlertType) -> NotificationTask:
    configured = pipeline.settings

    def body(self: NotificationTask, /, *args: Any, **fields: Any) -> str:
        # no worker has sent for it: send_notification["error"](title="…"), celery.map, a signal's handler in a delivery
        if self.request.called_directly or self.request.get("delivering"):
            return str(self.delay(*args, **fields).id)
        from .delivery import run_delivery  # a caller need not import what delivers

        return run_delivery(self, args, fields)

    body.__doc__ = f"Deliver one {alert_type} alert, and what waits with it. Called directly: raise one; its id."
    of_its_own: Any = LocalStack()
    register: Callable[[Callable[..., Any]], Any] = app.task(
        name=ROUTES[alert_type].task,
        base=NotificationTask,
        bind=True,
        ignore_result=True,  # the commit stores it, and nothing that Celery stores may overwrite it
        shared=False,  # else every other application of this process would have the task as well
        lazy=False,
        typing=False,  # what is wrong is told by the message, field by field
        send_events=False,  # the alert's are sent by the worker that carries it (notifier.worker.events)
        alert_type=alert_type,
        request_stack=of_its_own,  # once somebody has read ``celery.Task.app``, Celery gives all tasks the same one
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
    from notifier.outbox.claim import ClaimRequest

    try:
        pipeline.delivery_worker.deliver(ClaimRequest.of_wake_up(AlertType(alert_type), token))
    except BrokerUnavailable:
        raise Ignore from None  # once Redis is back, the sweep sends another


class SendNotification:
    """Raises alerts of any type; ``send_notification[AlertType.ERROR]`` is the Celery task of one."""

    def __init__(self, tasks: dict[AlertType, NotificationTask]) -> None:
        self._tasks = tasks

    def __getitem__(self, alert_type: AlertType | str) -> NotificationTask:
        """The Celery task of one type. Raises InvalidMessage (a ValueError): there is no such type."""
        try:
            return self._tasks[AlertType(alert_type)]
        except ValueError:
            raise InvalidMessage(f"alert_type: {alert_type!r} is none of {', '.join(AlertType)}") from None

    if not TYPE_CHECKING:  # a type checker shall still find a misspelt name

        def __getattr__(self, name: str) -> Any:
            """Say where the rest of Celery's task API is. Raises AttributeError."""
            if hasattr(NotificationTask, name):
                raise AttributeError(
                    f"{name} belongs to the task of one type, such as send_notification['error'].{name}; "
                    "send_notification itself has delay alone"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def update(self, dedup_key: str, /, **fields: Any) -> "AsyncResult[Any]":
        """Change the message of an open incident: what is not named stays. It is no repeat; of nothing, it opens one.

        Args:
            dedup_key: that of the alert that opened it.
            fields: of the message, as for ``delay``; ``alert_type`` too, unless it is general. ``progress``: 0 to 1.

        Raises:
            As ``delay``; InvalidMessage too if the key is empty.
        """
        return self._change({**fields, "dedup_key": dedup_key, "update": True})

    def resolve(self, dedup_key: str, /, **fields: Any) -> "AsyncResult[Any]":
        """End an open incident: its message turns green. If none is open, nothing is posted (status ``not_open``).

        Args and Raises as ``update``. With ``if_not_open="post"`` a green message is posted if none is open.
        """
        return self._change({**fields, "dedup_key": dedup_key, "resolved": True})

    def ack(self, dedup_key: str, /, *, by: str, why: str = "", **fields: Any) -> "AsyncResult[Any]":
        """Say who takes care of an open incident: no reminder of it is posted any more. Its message shows it.

        If none is open, nothing is posted (status ``not_open``). Args and Raises as ``update``.
        """
        said = {"acknowledged_by": somebody(by), "acknowledged_why": why}
        return self._change({**fields, "dedup_key": dedup_key, **said})

    def _change(self, fields: dict[str, Any]) -> "AsyncResult[Any]":
        message = message_of(None, (), fields)
        if not message.dedup_key:  # else it would be posted as an alert of its own
            raise InvalidMessage("dedup_key: it is empty, and so names no incident")
        return self.delay(message)

    def delay(self, /, *args: Any, **fields: Any) -> "AsyncResult[Any]":
        """Raise an alert: a ``NotificationMessage``, or its fields (``alert_type``, ``title``, ``message``, …).

        Returns once the alert is safe in the outbox. ``get()`` on the result returns its record at delivery.

        Raises:
            InvalidMessage: names the field. QueueFull: no room. BrokerUnavailable: Redis did not take it.
        """
        with forks_wait():
            return submit(message_of(None, args, fields))


send_notification = SendNotification({alert_type: _register(alert_type) for alert_type in AlertType})
