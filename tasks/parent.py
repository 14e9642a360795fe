"""What a callback shows of the task before it: its result, or the exception that ended it."""

import json
import logging
from typing import Any

from notifier.message_parts import VALUE_CHARACTERS_MAX
from notifier.outbox.record import Record
from notifier.storage.keys import RESULT_PREFIX

from .celery import pipeline

logger = logging.getLogger(__name__)

Shown = dict[str, Any]
"""One field of an alert: ``name``, ``value``, and ``markdown``: it comes from elsewhere, and is plain text."""

FINISHED_TITLE = "Task finished"
FAILED_TITLE = "Task failed"
"""Titles of callbacks that bring none."""


def result_of(value: object) -> tuple[Shown, ...]:
    """The fields that show a result; of an alert, what became of it and where it is."""
    if isinstance(value, dict) and value.keys() >= Record.__required_keys__:
        value = f"{value['status']}: {value['link'] or value['id']}"
    elif isinstance(value, dict | list | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return (_field("Result", value),)


def failure_of(task_id: str) -> tuple[Shown, ...] | None:
    """The fields that show a failed task: its id and, if our Redis has its result, the exception.

    Returns:
        None if that result says that it has succeeded: then it has returned its own id.
    """
    meta = _stored(task_id)
    if meta.get("status") == "SUCCESS":
        return None
    shown = (_field("Failed task", task_id),)
    match meta.get("result"):
        case None:
            return shown
        case {"exc_type": name, "exc_message": message}:
            texts = message if isinstance(message, list | tuple) else [message]
            # the exception of an alert holds its record too, which says more than one wants to read
            told = ", ".join(str(each) for each in texts if not isinstance(each, dict))
            return (*shown, _field("Exception", ": ".join(filter(None, [str(name), told]))))
        case other:
            return (*shown, _field("Exception", other))


def _stored(task_id: str) -> dict[str, Any]:
    """The result of a task, as Celery stores it: of this deployment, or of another application on our Redis."""
    for key in dict.fromkeys((pipeline.keys.result(task_id), f"{RESULT_PREFIX}{task_id}")):
        try:
            meta = json.loads(pipeline.redis.get(key) or "{}")  # type: ignore[arg-type]
        except Exception as error:  # whatever stands there or fails: the alert goes without it
            logger.info("the result of task %s cannot be read (%s)", task_id, type(error).__name__)
            continue
        if isinstance(meta, dict) and meta:
            return meta
    return {}


def _field(name: str, value: object) -> Shown:
    from notifier.render.cut import cut  # few callers need it

    text = str(value).encode(errors="backslashreplace").decode()
    shown = cut(text if text.strip() else repr(text), VALUE_CHARACTERS_MAX)
    return {"name": name, "value": shown, "markdown": False}
