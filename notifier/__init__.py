"""Alerts that reach their Discord channel: once, whole, as soon as Discord allows.

``from notifier import send_notification`` works in every process that this package is installed for, and
``celery -A notifier worker`` starts a worker there. Importing it changes nothing of the program that does: not its
current Celery application, its shared tasks, its logging, its environment or its signal handlers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from notifier.version import VERSION

if TYPE_CHECKING:
    from notifier.errors import (
        BrokerUnavailable,
        ConfigurationError,
        InvalidMessage,
        NotDelivered,
        NotificationNotFound,
        NotifierError,
        QueueFull,
        TemplateError,
    )
    from notifier.integrations.hooks import init
    from notifier.message_parts import Author, LinkButton, MessageField, MessageFile, Poll, PollAnswer
    from notifier.models import AlertType, NotificationMessage, Severity
    from notifier.notification_result import NotificationResult
    from notifier.operations.history import NotificationHistory
    from notifier.pipeline import client_pipeline
    from notifier.running_job import job
    from notifier.service import DiscordNotificationService
    from notifier.status import Status
    from notifier.templates import render_template
    from notifier.texts import DiscordTime
    from tasks import app, send_notification

__all__ = [
    "AlertType",
    "Author",
    "BrokerUnavailable",
    "ConfigurationError",
    "DiscordNotificationService",
    "DiscordTime",
    "InvalidMessage",
    "LinkButton",
    "MessageField",
    "MessageFile",
    "NotDelivered",
    "NotificationHistory",
    "NotificationMessage",
    "NotificationNotFound",
    "NotificationResult",
    "NotifierError",
    "Poll",
    "PollAnswer",
    "QueueFull",
    "Severity",
    "Status",
    "TemplateError",
    "__version__",
    "app",
    "client_pipeline",
    "init",
    "job",
    "render_template",
    "send_notification",
]

__version__ = VERSION

_HOMES = {
    **dict.fromkeys(
        (
            "BrokerUnavailable",
            "ConfigurationError",
            "InvalidMessage",
            "NotDelivered",
            "NotificationNotFound",
            "NotifierError",
            "QueueFull",
            "TemplateError",
        ),
        "errors",
    ),
    **dict.fromkeys(("AlertType", "NotificationMessage", "Severity"), "models"),
    **dict.fromkeys(("Author", "LinkButton", "MessageField", "MessageFile", "Poll", "PollAnswer"), "message_parts"),
    "DiscordNotificationService": "service",
    "DiscordTime": "texts",
    "NotificationHistory": "operations.history",
    "NotificationResult": "notification_result",
    "Status": "status",
    "client_pipeline": "pipeline",
    "init": "integrations.hooks",
    "job": "running_job",
    "render_template": "templates",
}


def __getattr__(name: str) -> Any:
    # imported when first asked for: neither --help nor the sandbox should wait for Celery
    if home := _HOMES.get(name):
        return getattr(import_module(f"notifier.{home}"), name)
    if name in ("app", "send_notification"):  # Celery's ``-A notifier`` asks for ``app``
        return getattr(import_module("notifier.application").load_tasks(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
