"""The facade for asyncio applications: a thin asynchronous shell over the synchronous core."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import cast

from celery.exceptions import TimeoutError as ResultTimeout
from redis.exceptions import RedisError

from notifier.errors import BrokerUnavailable, NotDelivered
from notifier.models import NotificationMessage, NotificationResult
from notifier.operations.checks import CheckReport
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.pipeline import Pipeline, client_pipeline
from notifier.settings import Settings
from notifier.storage.broker import client_app

logger = logging.getLogger(__name__)


class DiscordNotificationService:
    """Raise alerts and check the configuration, from ``async`` code.

    Args:
        settings: those of this process (environment and ``.env``) unless given.

    Raises:
        ConfigurationError: a variable is wrong.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._pipeline = client_pipeline() if settings is None else Pipeline(client_app(), settings)

    async def send(self, message: NotificationMessage, *, wait: float | None = None) -> NotificationResult:
        """Raise an alert. Returns once it is safely queued or, with ``wait`` (seconds), once its outcome is final.

        If the outcome is not final after ``wait``, the status is ``queued`` and ``success`` is False; delivery
        continues. If Redis does not answer, the status is ``spooled`` or ``sent_directly``, if configured.
        With Celery's ``task_always_eager`` it is ``dry_run``, and ``success`` is False.

        Raises:
            QueueFull: too many alerts of this type are waiting, and DISCORD_QUEUE_OVERFLOW is reject.
            BrokerUnavailable: Redis did not take the alert.
        """
        return await asyncio.to_thread(self.send_and_wait, message, wait)

    async def validate_configuration(self) -> bool:
        """Whether at least one webhook is configured and each that is answers. Posts nothing; the log says why."""
        report = await asyncio.to_thread(self._pipeline.check)
        _log(report)
        return report.valid

    async def health_check(self) -> bool:
        """Whether Redis and every configured webhook answer, and no circuit breaker is open. Posts nothing."""
        report = await asyncio.to_thread(self._pipeline.check)
        _log(report)
        return report.healthy

    def send_and_wait(self, message: NotificationMessage, wait: float | None = None) -> NotificationResult:
        """``send`` for synchronous code."""
        submitted = self._pipeline.client.submit(message)
        if submitted.status in (Status.SENT_DIRECTLY, Status.DRY_RUN):
            return result_of(cast("Record", submitted.result.get())).model_copy(
                update={"status": submitted.status.value}
            )
        if wait is None or submitted.status is Status.SPOOLED:
            return NotificationResult(
                id=message.id, success=True, status=submitted.status.value, timestamp=datetime.now(UTC)
            )
        try:
            record = cast("Record", submitted.result.get(timeout=wait))
        except NotDelivered as error:
            record = cast("Record", error.record)
        except (RedisError, RuntimeError):
            raise BrokerUnavailable(f"alert {message.id} is queued, but Redis did not return its outcome") from None
        except ResultTimeout:
            return NotificationResult(
                id=message.id,
                success=False,
                status=Status.QUEUED.value,
                error=f"not final after {wait:g} s; delivery continues",
                timestamp=datetime.now(UTC),
            )
        return result_of(record)


def result_of(record: Record) -> NotificationResult:
    """Convert a record to the facade's result."""
    return NotificationResult(
        id=record["id"],
        success=record["success"],
        status=record["status"],
        message_id=record["message_id"],
        error=": ".join(filter(None, (record["reason"], record["detail"]))) or None,
        timestamp=datetime.fromisoformat(record["finished_at"]),
        retry_count=max(0, record["attempts"] - 1),
        metadata={key: record[key] for key in ("alert_type", "channel_id", "link", "carried_with", "admitted_at")}
        | {"message": record["message"].get("metadata", {})},
    )


def _log(report: CheckReport) -> None:
    if report.redis is not None:
        logger.error("%s", report.redis)
    for each in report.webhooks:
        if not each.configured:
            logger.warning("Discord webhook for %s: %s is not set", each.alert_type, each.variable)
        elif each.wrong is not None:
            logger.error("Discord webhook for %s: %s", each.alert_type, each.wrong)
        elif each.problem is not None or each.breaker not in (None, "closed"):
            problem = each.problem or f"circuit breaker {each.breaker}"
            logger.error("Discord webhook %s for %s: %s", each.webhook_id, each.alert_type, problem)
        else:
            logger.info("Discord webhook %s for %s answers", each.webhook_id, each.alert_type)
