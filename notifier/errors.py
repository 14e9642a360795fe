"""Every error this package raises.

::

    NotifierError
    ├── ConfigurationError     a setting is missing or wrong; names the variable, never its secret value
    ├── ExtraMissing           an optional part is not installed; names it and the command (also an ImportError)
    ├── InvalidMessage         a notification that could never be sent; names the field (also a ValueError)
    │   └── TemplateError      a template is unknown, malformed, or was given the wrong variables
    ├── QueueFull              the outbox of this alert type holds DISCORD_QUEUE_SIZE alerts already
    ├── BrokerUnavailable      Redis did not take the alert in time; the caller decides what to do with it
    ├── NotificationNotFound   no notification with this id, or not in the state the command needs
    ├── NotDelivered           the result of an alert that is final and was not delivered; holds its record
    └── DeliveryFailed         inside a worker only: a request failed and may succeed later (Celery retries it)

``reason`` is one word, the same in logs, history, results and errors.
"""

from collections.abc import Mapping
from typing import Any, Literal

Waiting = Literal["never", "maybe", "surely"]
"""Whether it helps to wait for what does not answer."""


class NotifierError(Exception):
    """Root of the tree."""

    reason = "error"


class ConfigurationError(NotifierError):
    """A setting is missing or wrong."""

    reason = "configuration_error"


class ExtraMissing(NotifierError, ImportError):
    """An optional part of the installation is missing."""

    reason = "extra_missing"


class InvalidMessage(NotifierError, ValueError):
    """The notification breaks a rule; a retry would not help."""

    reason = "invalid_message"


class TemplateError(InvalidMessage):
    """A template is unknown, malformed, or was given the wrong variables."""

    reason = "template_error"


class QueueFull(NotifierError):
    """The outbox is at its bound; nothing was queued. ``partition``: which one of its type."""

    reason = "queue_full"
    partition = 0


class BrokerUnavailable(NotifierError):
    """Redis refused, did not answer, or failed; the text has its words, its address and the next step.

    ``maybe_stored``: whether Redis may have taken what it was given all the same, because its answer was lost or it
    failed half-way. To repeat the call with the same ``id`` is safe: an alert is admitted once per id.
    ``waiting``: whether it helps to wait; never, if the password is wrong.
    """

    reason = "broker_unavailable"

    def __init__(self, text: str = "", *, maybe_stored: bool = False, waiting: Waiting = "maybe") -> None:
        super().__init__(text)
        self.maybe_stored = maybe_stored
        self.waiting = waiting


class NotificationNotFound(NotifierError, LookupError):
    """No notification has this id."""

    reason = "not_found"


class NotDelivered(NotifierError):
    """The alert is final and was not delivered: what ``AsyncResult.get()`` raises.

    ``record`` says what became of it (``notifier.outbox.record.Record``), ``reason`` why in one word.
    """

    reason = "not_delivered"

    def __init__(self, text: str, record: Mapping[str, Any]) -> None:
        super().__init__(text, record)  # Celery stores the arguments, and builds it from them
        self.record = record
        self.reason = str(record["reason"])

    def __str__(self) -> str:
        return str(self.args[0])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.args[0]!r})"


class DeliveryFailed(NotifierError):
    """A request failed and may succeed later; ``args`` are the reason word and the wait in seconds."""

    reason = "delivery_failed"

    def __init__(self, reason: str, wait_seconds: float) -> None:
        super().__init__(reason, wait_seconds)
        self.reason = reason
        self.wait_seconds = wait_seconds
