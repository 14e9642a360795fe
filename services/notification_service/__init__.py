"""The import path of the original notification service.

``services`` is a namespace package: other distributions may add to it, and an application's own ``services`` package
takes precedence over it. Where that hides this one, ``from notifier import …`` gives the same names.
"""

from notifier import AlertType, DiscordNotificationService, NotificationMessage, NotificationResult

__all__ = ["AlertType", "DiscordNotificationService", "NotificationMessage", "NotificationResult"]
