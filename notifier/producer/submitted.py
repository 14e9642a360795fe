"""The result of a call: where the alert is now, and its Celery result."""

import time
from dataclasses import dataclass
from typing import Any, cast

from celery import states
from celery.result import AsyncResult, EagerResult

from notifier.models import NotificationMessage
from notifier.outbox.record import iso, record
from notifier.outcome import Delivered, Status

SENT_DIRECTLY_NOTE = "sent directly: Redis was away"


@dataclass(frozen=True, slots=True)
class Submitted:
    """An alert that is safe: ``queued`` in Redis, ``spooled`` on disk, or ``sent_directly``; and its Celery result."""

    status: Status
    result: "AsyncResult[Any]"


def sent_directly(message: NotificationMessage, delivered: Delivered) -> Submitted:
    """An alert that this process has posted itself: its result is there already. Times are this machine's."""
    now = time.time_ns() // 1_000
    end = record(
        message,
        Status.DELIVERED,
        admitted_at=iso(now),
        finished_at=iso(now),
        attempts=1,
        detail=SENT_DIRECTLY_NOTE,
        message_id=delivered.message_id,
        channel_id=delivered.channel_id,
    )
    return Submitted(Status.SENT_DIRECTLY, cast("AsyncResult[Any]", EagerResult(message.id, end, states.SUCCESS)))
