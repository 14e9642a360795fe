"""The facade turns what became of an alert into its result, and logs what a check finds."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations.checks import CheckReport, WebhookCheck
from notifier.outbox.record import record
from notifier.outcome import Status
from notifier.producer.submitted import Submitted
from notifier.service import DiscordNotificationService, result_of

ALERT = NotificationMessage(id="a", title="T", metadata={"order": 7})
AT = "2027-01-15T08:00:00+00:00"


def service(**parts: Any) -> DiscordNotificationService:
    """One whose pipeline is made of these."""
    made = DiscordNotificationService()
    made._pipeline = SimpleNamespace(settings=SimpleNamespace(backend="redis"), **parts)  # type: ignore[assignment]
    return made


def taken(status: Status) -> DiscordNotificationService:
    """One whose client takes every alert so; its result is never there."""
    return service(client=SimpleNamespace(submit=lambda *_, **__: Submitted(status, None)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("attempts", "retries"), [(0, 0), (1, 0), (4, 3)])
def test_a_result_counts_what_came_after_the_first_request(attempts: int, retries: int) -> None:
    ended = record(ALERT, Status.DELIVERED, admitted_at=AT, finished_at=AT, attempts=attempts)
    assert result_of(ended).retry_count == retries


def test_a_result_has_what_the_record_says() -> None:
    found = result_of(
        record(
            *(ALERT, Status.DELIVERED),
            admitted_at=AT,
            finished_at=AT,
            attempts=1,
            message_id="1",
            channel_id="2",
            guild_id="3",
            carried_with=4,
        )
    )
    assert (found.id, found.success, found.status, found.message_id, found.error) == ("a", True, "delivered", "1", None)
    assert found.timestamp.isoformat() == AT
    assert found.metadata == {
        "alert_type": "general",
        "channel_id": "2",
        "link": "https://discord.com/channels/3/2/1",
        "carried_with": 4,
        "admitted_at": AT,
        "message": {"order": 7},
    }


@pytest.mark.parametrize(
    ("reason", "detail", "error"),
    [("bad_gateway", "HTTP 502", "bad_gateway: HTTP 502"), ("expired", "", "expired"), (None, "", None)],
)
def test_an_error_is_the_reason_word_and_what_discord_said(reason: str | None, detail: str, error: str | None) -> None:
    ended = record(ALERT, Status.FAILED, admitted_at=AT, finished_at=AT, reason=reason, detail=detail)
    assert (result_of(ended).success, result_of(ended).error) == (False, error)


@pytest.mark.parametrize(("status", "wait"), [(Status.QUEUED, None), (Status.SPOOLED, None), (Status.SPOOLED, 9.0)])
def test_an_alert_that_is_safe_is_a_success_and_nobody_waits_for_a_disk(status: Status, wait: float | None) -> None:
    found = asyncio.run(taken(status).send(ALERT, wait=wait))
    assert (found.id, found.success, found.status, found.error) == ("a", True, status.value, None)


def report(redis: str | None = None, **webhook: Any) -> CheckReport:
    return CheckReport(redis, (WebhookCheck(AlertType.ERROR, "DISCORD_WEBHOOK_ERRORS", **webhook),))


@pytest.mark.parametrize(
    ("found", "valid", "healthy", "logged"),
    [
        (report(webhook_id="1"), True, True, ("INFO", "Discord webhook 1 for error answers")),
        (report(), False, True, ("WARNING", "Discord webhook for error: DISCORD_WEBHOOK_ERRORS is not set")),
        (
            report(webhook_id="1", problem="bad_gateway"),
            *(False, False, ("ERROR", "Discord webhook 1 for error: bad_gateway")),
        ),
        (
            report(webhook_id="1", breaker="open"),
            *(True, False, ("ERROR", "Discord webhook 1 for error: circuit breaker open")),
        ),
        (
            report("Redis at host:6379, database 0: Connection refused", webhook_id="1"),
            *(True, False, ("ERROR", "Redis at host:6379, database 0: Connection refused")),
        ),
    ],
)
def test_a_check_answers_yes_or_no_and_the_log_says_why(
    found: CheckReport, valid: bool, healthy: bool, logged: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    checks = service(check=lambda: found)
    for ask, answer in ((checks.validate_configuration, valid), (checks.health_check, healthy)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert asyncio.run(ask()) is answer
        assert logged in [(each.levelname, each.message) for each in caplog.records]
