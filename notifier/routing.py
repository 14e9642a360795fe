"""One row per alert type; queues, Celery routes, settings and tasks are all derived from it."""

from typing import NamedTuple

from notifier.models import AlertType


class Route(NamedTuple):
    """The task, queue and webhook variables of one alert type."""

    alert_type: AlertType
    webhook_variables: tuple[str, ...]

    @property
    def task(self) -> str:
        """Name of the delivery task of this type."""
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


class Partition(NamedTuple):
    """One outbox of an alert type, which has as many as it has webhooks. The first has the name of its type."""

    alert_type: AlertType
    number: int = 0

    def __str__(self) -> str:
        return f"{self.alert_type}.{self.number}" if self.number else self.alert_type.value


PRIORITY = frozenset({AlertType.CRITICAL, AlertType.SECURITY})
"""What keeps alerts of other types away, or quiet, concerns these only where they are named."""

WAKE_UP_TASK = "send_notification.wake_up"
"""Name of the wake-up task. It claims for an outbox, not for one alert, and uses the queue of its type."""
