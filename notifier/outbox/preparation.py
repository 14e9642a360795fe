"""What is done to a message once, whichever way it comes in, before it is stored, spooled, logged or posted."""

from notifier.models import NotificationMessage
from notifier.settings import Settings


def prepare(message: NotificationMessage, settings: Settings) -> NotificationMessage:
    """The message as it is stored. Preparing it again changes nothing."""
    _ = settings
    return message
