"""Each alert type has one route, and no two share a task, a queue or a variable."""

from notifier.models import AlertType
from notifier.routing import ROUTES, WAKE_UP_TASK


def test_every_type_has_the_route_that_bears_its_name() -> None:
    assert list(ROUTES) == list(AlertType)
    assert {kind: (route.alert_type, route.task, route.queue) for kind, route in ROUTES.items()} == {
        kind: (kind, f"send_notification.{kind.value}", f"notifications.{kind.value}") for kind in AlertType
    }


def test_the_variables_are_those_of_the_contract_and_none_serves_two_types() -> None:
    assert {kind.value: route.webhook_variables for kind, route in ROUTES.items()} == {
        "general": ("DISCORD_WEBHOOK_GENERAL",),
        "error": ("DISCORD_WEBHOOK_ERRORS", "DISCORD_WEBHOOK_ERROR"),
        "critical": ("DISCORD_WEBHOOK_CRITICAL",),
        "tracklist": ("DISCORD_WEBHOOK_TRACKLIST",),
        "monitoring": ("DISCORD_WEBHOOK_MONITORING",),
        "security": ("DISCORD_WEBHOOK_SECURITY",),
    }


def test_no_delivery_task_is_taken_for_a_wake_up() -> None:
    assert WAKE_UP_TASK not in {route.task for route in ROUTES.values()}
