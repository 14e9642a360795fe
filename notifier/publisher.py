"""From a message to its outbox and a task that owns it: admit, then publish."""

import logging
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from kombu.exceptions import OperationalError

from notifier.errors import QueueFull
from notifier.history import NotificationHistory
from notifier.models import NotificationMessage
from notifier.outbox.outbox import Outbox, WakeUp
from notifier.routing import ROUTES, WAKE_UP_TASK

logger = logging.getLogger(__name__)


class Publisher:
    """Hands alerts over. Once ``publish`` returns, the alert is in the outbox and survives whatever follows."""

    def __init__(self, app: Celery, outbox: Outbox, history: NotificationHistory) -> None:
        self._app = app
        self._outbox = outbox
        self._history = history

    def publish(self, message: NotificationMessage, **options: Any) -> "AsyncResult[Any]":
        """Admit the alert and send its owner task; ``options`` are those of Celery's ``send_task``.

        Raises:
            QueueFull: the outbox of this type is at its bound (the history has a record of it).
            BrokerUnavailable: Redis did not take it.
        """
        self.admit(message)
        route = ROUTES[message.alert_type]
        arguments = message.model_dump(mode="json", exclude_defaults=True, exclude={"id", "alert_type"})
        self._send(route.task, kwargs=arguments, task_id=message.id, queue=route.queue, **options)
        return self._app.AsyncResult(message.id)

    def admit(self, message: NotificationMessage) -> bool:
        """Admit only; whoever calls carries the alert. False where this id was admitted before.

        Raises: as ``publish``.
        """
        try:
            return self._outbox.admit(message)
        except QueueFull as error:
            self._history.refuse(message, str(error))
            raise

    def wake_up(self, wake_up: WakeUp | None) -> None:
        """Send the knock that a claim, settle or sweep has asked for."""
        if wake_up is not None:
            self._send(
                WAKE_UP_TASK,
                args=[wake_up.alert_type.value, wake_up.token],
                task_id=f"wake-up-{wake_up.alert_type}-{wake_up.token}",
                queue=ROUTES[wake_up.alert_type].queue,
                countdown=wake_up.wait_seconds or None,
            )

    def _send(self, task: str, **options: Any) -> None:
        try:
            # ignore_result: bare Celery subscribes to each result at once; ours is subscribed to when somebody waits
            self._app.send_task(task, ignore_result=True, **options)
        except OperationalError as error:
            # the alert is in the outbox: the sweeper sends another knock
            logger.warning("%s could not be queued (%s); the sweeper will see to it", task, type(error).__name__)
