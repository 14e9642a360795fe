"""Alerts of what a transaction has done."""

from typing import Any

from django.db import transaction

from notifier.models import NotificationMessage


def send_on_commit(*args: Any, using: str | None = None, **fields: Any) -> None:
    """Raise an alert once the transaction is committed; at once if there is none; never if it is rolled back.

    Args:
        args: as ``send_notification.delay`` takes them: a ``NotificationMessage``, or nothing.
        using: the database; None: the default one.
        fields: those of the message.

    Raises:
        InvalidMessage: names what is wrong, here and now. If the alert cannot be raised then, Django logs that.
    """
    from notifier import send_notification

    message = args[0] if args and isinstance(args[0], NotificationMessage) else NotificationMessage(**fields)
    transaction.on_commit(lambda: send_notification.delay(message), using=using, robust=True)
