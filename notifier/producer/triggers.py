"""Delivery tasks as they lie in a queue, so that the step that admits an alert can put its own there."""

import json
import os
from collections.abc import Callable
from typing import NamedTuple
from uuid import uuid4

from celery import signals

from notifier.models import AlertType

Write = Callable[[AlertType, str, str], tuple[str, str] | None]
"""Writes the task of one type, of this id and with these arguments shown, as Celery does: its queue's key, its text."""


class Trigger(NamedTuple):
    """The message of a delivery task: the key of its queue in Redis, and what is to lie there."""

    key: str
    text: str


class Triggers:
    """Has Celery write one task for each type, and fills in what differs in the others.

    Args:
        write: None is returned by it if that cannot be done.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._id, self._shown = uuid4().hex, uuid4().hex
        self._forms: dict[AlertType, tuple[str, str, str]] = {}
        self._pid = os.getpid()

    def of(self, alert_type: AlertType, notification_id: str, shown: str) -> Trigger | None:
        """The task of one alert. None: Celery has to send it, for somebody listens to what it tells as it does."""
        if signals.before_task_publish.receivers or signals.after_task_publish.receivers:
            return None
        if self._pid != os.getpid():  # it names the process
            self._forms, self._pid = {}, os.getpid()
        form = self._forms.get(alert_type) or self._form(alert_type)
        if form is None:
            return None
        key, text, tag = form
        text = text.replace(tag, str(uuid4())).replace(self._id, _in_json(notification_id))
        return Trigger(key, text.replace(self._shown, _in_json(shown)))  # last: it may hold anything

    def _form(self, alert_type: AlertType) -> tuple[str, str, str] | None:
        if (written := self._write(alert_type, self._id, self._shown)) is None:
            return None
        key, text = written
        self._forms[alert_type] = form = (key, text, json.loads(text)["properties"]["delivery_tag"])
        return form


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]
