"""What is stored of a message while it waits: its JSON, and the version of that."""

import json
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json, to_jsonable_python

from notifier.errors import InvalidMessage
from notifier.models import PLAIN, AlertType, NotificationMessage, is_plain, stored_message
from notifier.status import Reason

PAYLOAD_VERSION = 3
"""The highest that this program reads."""
SINCE: dict[str, int] = dict.fromkeys(
    (
        *("author", "thumbnail", "image", "footer_icon", "content", "tts", "silent", "suppress_embeds", "thread_name"),
        *("applied_tags", "files", "poll", "buttons", "traceback", "markdown", "plain", "long_text", "adjusted"),
    ),
    2,
) | dict.fromkeys(
    (
        *("dedup_key", "dedup_seconds", "resolved", "update", "progress", "repeat"),
        *("dedup_text", "dedup_repost_after", "incident_thread", "if_not_open"),
        *("acknowledged_by", "acknowledged_why"),
        *("remind_seconds", "escalate_after", "escalate_to"),
    ),
    3,
)
"""The fields that version 1 (0.1 and 0.2) does not know, and the version from which on each is known."""
SINCE["count"] = 3
UNREADABLE = "An alert that this version cannot read"
UNREADABLE_CHARACTERS = 3_000
"""Ours: how much of it is shown. All of it is kept."""


def text_of(message: NotificationMessage) -> str:
    """A message as it is stored: its fields that have another value than the default, as JSON."""
    if is_plain(message):
        return to_json(_plain_fields(message)).decode()
    return message.model_dump_json(exclude_defaults=True)


def stored_fields(message: NotificationMessage) -> dict[str, Any]:
    """The same, as what JSON can hold. Of files: all but their content."""
    if is_plain(message):
        fields: dict[str, Any] = to_jsonable_python(_plain_fields(message))
        return fields
    without = {"files": {"__all__": {"content"}}}
    return message.model_dump(mode="json", exclude_defaults=True, exclude=without if message.files else None)


def _plain_fields(message: NotificationMessage) -> dict[str, Any]:
    values = vars(message)  # pydantic would compare all fifty
    given = {name: values[name] for name, default in _PLAIN_DEFAULTS if values[name] != default}
    for name in ("alert_type", "severity"):
        if name in given:
            given[name] = str(given[name])  # of an enum's member pydantic asks Python, which takes as long as all
    return given


def version_of(message: NotificationMessage) -> int:
    """The lowest version whose workers can read it: a new field counts only in the messages that have it."""
    if is_plain(message) and not _is_larger_than_version_1_takes(message):
        return 1
    set_here = SINCE.keys() & message.model_fields_set
    given = [SINCE[name] for name in set_here if getattr(message, name) != _default(name)]
    if any(each.markdown is not None for each in message.fields) or _is_larger_than_version_1_takes(message):
        given.append(2)
    return max([1, *given])


_PLAIN_DEFAULTS = [(name, field.default) for name, field in NotificationMessage.model_fields.items() if name in PLAIN]


@cache
def _default(name: str) -> object:
    return NotificationMessage.model_fields[name].default


def _is_larger_than_version_1_takes(message: NotificationMessage) -> bool:
    if len(message.title) + len(message.message) + len(message.source or "") <= 10_000 and not message.fields:
        return False
    texts = ((message.title, 10_000), (message.message, 1_000_000), (message.source or "", 10_000))
    parts = ((text, most) for each in message.fields for text, most in ((each.name, 1_000), (each.value, 100_000)))
    return len(message.fields) > 200 or any(len(text) > most for text, most in (*texts, *parts))


def read(
    notification_id: str, alert_type: AlertType, text: str, version: int
) -> tuple[NotificationMessage, Reason | None]:
    """A stored message.

    Returns:
        The message and None; or what is shown in its place and why it cannot be read: ``newer_version`` if another
        program may read it, ``invalid_message`` if it is no JSON object, which nobody can.
    """
    if version <= PAYLOAD_VERSION:
        for reading in (stored_message, NotificationMessage.model_validate_json):
            try:
                return reading(text), None
            except (InvalidMessage, ValidationError):
                pass
    reason = Reason.INVALID_MESSAGE if fields_of(text) is None else Reason.NEWER_VERSION
    return stand_in(notification_id, alert_type, text), reason


def stand_in(notification_id: str, alert_type: AlertType, text: str) -> NotificationMessage:
    """What is shown of a stored message that this version cannot read."""
    return NotificationMessage(
        id=notification_id, alert_type=alert_type, title=UNREADABLE, message=text[:UNREADABLE_CHARACTERS]
    )


def fields_of(text: str) -> dict[str, Any] | None:
    """The fields of a stored message, known or not; None if it is no JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
