"""Delivery tasks as they lie in a queue, so that the step that admits an alert can put its own there."""

import json
import os
import re
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

from celery import signals

from notifier.ids import new_id
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
        self._id, self._shown = new_id(), new_id()
        self._forms: dict[AlertType, tuple[str, str, list[str]]] = {}
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
        key, tag, parts = form
        own = {tag: new_id(), self._id: _in_json(notification_id), self._shown: _in_json(shown)}
        return Trigger(key, "".join([own.get(part, part) for part in parts]))

    def _form(self, alert_type: AlertType) -> tuple[str, str, list[str]] | None:
        """The key of its queue, the tag of the task that Celery has written, and that task in parts."""
        if (written := self._write(alert_type, self._id, self._shown)) is None:
            return None
        key, text = written
        tag = json.loads(text)["properties"]["delivery_tag"]
        self._forms[alert_type] = form = (key, tag, re.split(f"({tag}|{self._id}|{self._shown})", text))
        return form


def _in_json(text: str) -> str:
    return encode_basestring_ascii(text)[1:-1]
