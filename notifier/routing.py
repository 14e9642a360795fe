"""One row per alert type; queues, Celery routes, settings and tasks are all derived from it."""

from dataclasses import dataclass

from notifier.models import AlertType


@dataclass(frozen=True, slots=True)
class Route:
    """How one alert type travels."""

    alert_type: AlertType
    webhook_variables: tuple[str, ...]

    @property
    def task(self) -> str:
        """Name of the Celery task that owns an alert of this type."""
        return f"send_notification.{self.alert_type}"

    @property
    def queue(self) -> str:
        """Name of the Celery queue the task travels through."""
        return f"notifications.{self.alert_type}"


ROUTES: dict[AlertType, Route] = {
    route.alert_type: route
    for route in (
        Route(AlertType.GENERAL, ("DISCORD_WEBHOOK_GENERAL",)),
        Route(AlertType.ERROR, ("DISCORD_WEBHOOK_ERRORS", "DISCORD_WEBHOOK_ERROR")),
        Route(AlertType.CRITICAL, ("DISCORD_WEBHOOK_CRITICAL",)),
        Route(AlertType.TRACKLIST, ("DISCORD_WEBHOOK_TRACKLIST",)),
        Route(AlertType.MONITORING, ("DISCORD_WEBHOOK_MONITORING",)),
        Route(AlertType.SECURITY, ("DISCORD_WEBHOOK_SECURITY",)),
    )
}

WAKE_UP_TASK = "send_notification.wake_up"
"""The task of a wake-up: it is for an outbox, not for one alert. It travels through the queue of its type."""
