"""What is done to a message once, whichever way it comes in, before it is stored, spooled, logged or posted."""

from typing import Any

from notifier.models import NotificationMessage
from notifier.outbox.message_secrets import masked_message, masked_value
from notifier.settings import Settings


def prepare(message: NotificationMessage, settings: Settings) -> NotificationMessage:
    """The message as it is stored. Preparing it again changes nothing."""
    return masked_message(message, settings.secret_patterns) if settings.mask_secrets else message


def prepare_given(value: Any, settings: Settings) -> Any:
    """The same for what was given and is no message: what JSON can hold."""
    return masked_value(value, settings.secret_patterns) if settings.mask_secrets else value
