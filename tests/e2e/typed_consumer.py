"""What an application writes, as a type checker sees it."""

from notifier import (
    AlertType,
    BrokerUnavailable,
    DiscordNotificationService,
    NotDelivered,
    NotificationMessage,
    NotificationResult,
    job,
    render_template,
    send_notification,
)
from notifier.testing import Alerts


def raise_alerts(name: str) -> str:
    message = NotificationMessage(alert_type=AlertType.ERROR, title="Disk full", fields={"Mount": name}, source="db1")
    try:
        result = send_notification.delay(message)
        send_notification["critical"].delay(title="T", message="M")
        send_notification.resolve("disk/db1")
        send_notification.delay(render_template("deployment", service="shop", version="2.4"))
    except BrokerUnavailable as error:
        return f"{error} {error.maybe_stored}"
    try:
        result.get(timeout=3)
    except NotDelivered as error:
        return str(error.record["reason"])
    return str(result.id)


async def wait_for_it(service: DiscordNotificationService) -> NotificationResult:
    result = await service.send(NotificationMessage(title="T"), wait=3)
    reveal: bool = result.success
    print(reveal)
    return result


def do_it() -> None:
    with job("import", expect="24h") as running:
        running.progress(0.5, "orders")


def test_it(alerts: Alerts) -> None:
    raise_alerts("/var")
    found: NotificationMessage = alerts.assert_sent(type="error", title="Disk full")
    print(found.title)
