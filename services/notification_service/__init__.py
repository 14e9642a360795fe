"""The import path of the original notification service."""

from notifier import AlertType, DiscordNotificationService, NotificationMessage, NotificationResult

__all__ = ["AlertType", "DiscordNotificationService", "NotificationMessage", "NotificationResult"]
