"""Delivery tasks as they lie in a queue, so that the step that admits an alert can put its own there."""

import json
import os
from collections.abc import Callable
from typing import NamedTuple

from celery import signals

from notifier.models import AlertType

Write = Callable[[AlertType, str, str], tuple[str, str] | None]
"""Writes the task of one type, of this id and with these arguments shown, as Celery does: its queue's key, its text."""
ID, SHOWN, TAG = (f"{number:032x}" for number in (1, 2, 3))
"""Stand in a form for what differs: admit.lua fills them in."""


class Trigger(NamedTuple):
    """The message of a delivery task.

    ``key``: of its queue in Redis. ``form``: what is to lie there, but for what stands for its id, its tag and what is
    ``shown`` of its arguments.
    """

    key: str
    form: bytes
    shown: str


class Triggers:
    """Has Celery write one task for each type.

    Args:
        write: None is returned by it if that cannot be done.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._forms: dict[AlertType, tuple[str, bytes]] = {}
        self._pid = os.getpid()

    def of(self, alert_type: AlertType, shown: str) -> Trigger | None:
        """The task of one alert. None: Celery has to send it, for somebody listens to what it tells as it does."""
        if signals.before_task_publish.receivers or signals.after_task_publish.receivers:
            return None
        if self._pid != os.getpid():  # it names the process
            self._forms, self._pid = {}, os.getpid()
        form = self._forms.get(alert_type) or self._form(alert_type)
        return form and Trigger(*form, shown)

    def _form(self, alert_type: AlertType) -> tuple[str, bytes] | None:
        if (written := self._write(alert_type, ID, SHOWN)) is None:
            return None
        key, text = written
        tag = json.loads(text)["properties"]["delivery_tag"]
        self._forms[alert_type] = form = (key, text.replace(tag, TAG).encode())
        return form
