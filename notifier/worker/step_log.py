"""One line for each step of an alert: what a person reads, and the same as fields for programs."""

import logging
from typing import Any

FIELDS = "notifier_fields"
"""The attribute of a record that has its fields."""

logger = logging.getLogger("notifier.steps")


def log_step(step: str, notification_id: str, alert_type: str | None, level: int = logging.INFO, **fields: Any) -> None:
    """Log what has happened to one alert.

    Args:
        step: one word: admitted, delivered, deferred, retried, moved, continued, left, dead, withdrawn.
        fields: what else is known, by name: ``reason`` (a word), ``wait_seconds``, ``message_id`` …; none of them may
            be a text of the alert. Those that are None or empty are left out.
    """
    if not logger.isEnabledFor(level):
        return
    known = {name: value for name, value in fields.items() if value not in (None, "")}
    told = "".join(f" {name}={value}" for name, value in known.items())
    kind = None if alert_type is None else str(alert_type)
    extra = {FIELDS: {"step": step, "id": notification_id, "type": kind, **known}}
    # an id may be any text of its caller's; "Discord": people look for that word
    where = f"{_word(notification_id)}{f' ({kind})' if kind else ''}"
    logger.log(level, "Discord alert %s: %s%s", where, step, told, extra=extra)


def _word(text: str) -> str:
    """As it stands if it is one word; else so that nothing of it looks like another field or line."""
    return text if text.isprintable() and " " not in text else repr(text)
