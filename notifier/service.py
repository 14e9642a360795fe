"""The facade for asyncio applications: a thin asynchronous shell over the synchronous core."""

import asyncio
import contextvars
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import assert_will_not_block  # type: ignore[attr-defined]

from notifier.errors import NotDelivered
from notifier.models import NotificationMessage
from notifier.notification_result import NotificationResult
from notifier.operations.checks import CheckReport
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.pipeline import Pipeline, client_pipeline
from notifier.producer.captures import capture_of
from notifier.producer.submitted import Submitted
from notifier.settings import Settings
from notifier.storage.broker import client_app

if TYPE_CHECKING:
    from notifier.storage.result_backend import ResultBackend

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

SEND_THREADS, CHECK_THREADS = 8, 2
"""Ours: how many alerts are handed over at once in one process, and how many checks are made."""
NO_WAITING = "Celery forbids waiting within a task (celery.result.allow_join_result permits it); delivery continues"


class DiscordNotificationService:
    """Raise alerts and check the configuration, from ``async`` code. Several event loops may use one.

    Args:
        settings: those of this process (environment and ``.env``) unless given. A service with settings of its own
            counts for itself what a process may ask of Discord while Redis is away: make one.

    Raises:
        ConfigurationError: a variable is wrong.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._pipeline = client_pipeline() if settings is None else Pipeline(client_app(), settings)

    async def send(self, message: NotificationMessage, *, wait: float | None = None) -> NotificationResult:
        """Raise an alert. Returns once it is safely queued or, with ``wait`` (seconds), once its outcome is final.

        If the outcome is not known after ``wait``, the status is ``queued``, ``success`` is False and ``error`` says
        why; delivery continues. The same, at once, within a Celery task: Celery forbids waiting there. If Redis does
        not take the alert, the status is ``spooled`` or ``sent_directly``, if configured. Waiting takes no thread.
        With Celery's ``task_always_eager`` it is ``dry_run``, and ``success`` is False.

        Raises:
            QueueFull: too many alerts of this type are waiting, and DISCORD_QUEUE_OVERFLOW is reject.
            BrokerUnavailable: Redis did not take the alert.
        """
        submitted = await _in_thread(_threads("send", SEND_THREADS, os.getpid()), self._pipeline.client.submit, message)
        if (result := _without_waiting(message, submitted, wait)) is not None:
            return result
        try:
            async with asyncio.timeout(wait):
                return _result(message.id, await self._outcome(message.id))
        except TimeoutError:
            return self._late(message.id, wait)

    async def validate_configuration(self) -> bool:
        """Whether at least one webhook is configured and each that is answers. Posts nothing; the log says why.

        True where alerts go no further than this process (NOTIFIER_BACKEND).
        """
        if capture_of(self._pipeline.settings):
            return True
        report = await self._check()
        return report.valid

    async def health_check(self) -> bool:
        """Whether Redis and every configured webhook answer, and no circuit breaker and no pause holds alerts back.

        Posts nothing. True where alerts go no further than this process (NOTIFIER_BACKEND).
        """
        if capture_of(self._pipeline.settings):
            return True
        report = await self._check()
        return report.healthy

    def send_and_wait(
        self,
        message: NotificationMessage,
        wait: float | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> NotificationResult:
        """``send`` for synchronous code. ``meanwhile`` is called each second, and once the time is over."""
        submitted = self._pipeline.client.submit(message)
        if (result := _without_waiting(message, submitted, wait)) is not None or wait is None:
            return cast("NotificationResult", result)
        ends_at = time.monotonic() + wait
        while True:
            left = ends_at - time.monotonic()
            try:
                return _result(message.id, submitted.result.get(timeout=max(0, min(left, 1)), propagate=False))
            except ResultTimeout:
                meanwhile()
            if left <= 1:
                return self._late(message.id, wait)

    def _late(self, notification_id: str, wait: float | None) -> NotificationResult:
        problem = self._backend.reader.problem
        return _queued(notification_id, f"not ready within {wait:g} s{f': {problem}' if problem else ''}")

    async def _check(self) -> CheckReport:
        report = await _in_thread(_threads("check", CHECK_THREADS, os.getpid()), self._pipeline.check)
        _log(report)
        return report

    @property
    def _backend(self) -> "ResultBackend":
        return cast("ResultBackend", self._pipeline.app.backend)

    async def _outcome(self, notification_id: str) -> object:
        """What ``AsyncResult.get(propagate=False)`` returns."""
        backend, loop = self._backend, asyncio.get_running_loop()
        outcome: asyncio.Future[object] = loop.create_future()

        def told(found: tuple[bytes, bytes]) -> None:
            meta = backend.decode_result(found[1])
            if meta["status"] in backend.READY_STATES and not outcome.done():
                outcome.set_result(meta["result"])

        key = backend.get_key_for_task(notification_id)
        watch = backend.reader.watch(key, lambda found: loop.call_soon_threadsafe(told, found))
        try:
            return await outcome
        finally:
            backend.reader.unwatch(watch)


@lru_cache(maxsize=4)
def _threads(name: str, count: int, process_id: int) -> ThreadPoolExecutor:
    """Threads of this process; not asyncio's own, which the application needs. A fork has none of its parent's."""
    return ThreadPoolExecutor(count, f"notifier-{name}-{process_id}")


async def _in_thread(threads: ThreadPoolExecutor, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    within = partial(contextvars.copy_context().run, act, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, within)


def _without_waiting(
    message: NotificationMessage, submitted: Submitted, wait: float | None
) -> NotificationResult | None:
    """The result of a call that is not to wait; None if it is."""
    status = submitted.status
    if status in (Status.SENT_DIRECTLY, Status.DRY_RUN, Status.CAPTURED):
        return result_of(cast("Record", submitted.result.result)).model_copy(update={"status": status.value})
    if wait is None or status is Status.SPOOLED:
        return NotificationResult(id=message.id, success=True, status=status.value, timestamp=datetime.now(UTC))
    try:
        assert_will_not_block()
    except RuntimeError:
        return _queued(message.id, NO_WAITING)
    return None


def _queued(notification_id: str, error: str) -> NotificationResult:
    """The alert is safe, and what becomes of it is not known. No exception: a repeat would raise it twice."""
    return NotificationResult(
        id=notification_id,
        success=False,
        status=Status.QUEUED.value,
        error=f"alert {notification_id} is queued: {error}",
        timestamp=datetime.now(UTC),
    )


def _result(notification_id: str, outcome: Any) -> NotificationResult:
    found = outcome.record if isinstance(outcome, NotDelivered) else outcome
    if isinstance(found, dict):
        return result_of(cast("Record", found))
    # revoked, or stored by another program under this id: there is no record here
    status = (Status.WITHDRAWN if isinstance(found, TaskRevokedError) else Status.FAILED).value
    return NotificationResult(
        id=notification_id, success=False, status=status, error=str(found), timestamp=datetime.now(UTC)
    )


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
    for warning in report.redis_warnings:
        logger.warning("%s", warning)
    for each in report.webhooks:
        if not each.configured:
            logger.warning("Discord webhook for %s: %s is not set", each.alert_type, each.variable)
        elif each.wrong is not None:
            logger.error("Discord webhook for %s: %s", each.alert_type, each.wrong)
        elif each.problem is not None or each.holds:
            problem = each.problem or "; ".join(each.holds)
            logger.error("Discord webhook %s for %s: %s", each.webhook_id, each.partition, problem)
        else:
            logger.info("Discord webhook %s for %s answers", each.webhook_id, each.partition)
