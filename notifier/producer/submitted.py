"""The result of a call: where the alert is now, and its Celery result."""

import time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from celery import states
from celery.result import AsyncResult, EagerResult

from notifier.models import NotificationMessage
from notifier.outbox.record import Record, iso, record
from notifier.raised import Raised
from notifier.status import Status

if TYPE_CHECKING:
    from notifier.outcome import Delivered

SENT_DIRECTLY_NOTE = "sent directly: Redis was away"
NOT_SPLIT = "long_text: attached, for what is sent directly goes in one request"
CAPTURED_NOTE = "taken by NOTIFIER_BACKEND or a test: checked and composed, not stored and not sent"
DRY_RUN_NOTE = "task_always_eager: checked and composed, not stored and not sent"


class Submitted(NamedTuple):
    """An alert that is safe: ``queued`` in Redis, ``spooled`` on disk, or ``sent_directly``; and its Celery result.

    After a ``dry_run`` it is nowhere; ``captured``: only in this process. ``needs_task``: a delivery task
    is to come for it (it was sent, if the call sends one).
    """

    status: Status
    result: "AsyncResult[Any]"
    needs_task: bool = False


class FinalResult(Raised, EagerResult):  # type: ignore[type-arg]  # cannot be subscripted at run time
    """The result of an alert that is final in this process."""

    def revoke(self, *args: Any, **options: Any) -> None:
        """Nothing: it is too late. Celery's own would say REVOKED all the same."""


def sent_directly(message: NotificationMessage, delivered: "Delivered", left_out: frozenset[str]) -> Submitted:
    """An alert that this process has posted itself: its result is there already. Times are this machine's."""
    if message.long_text == "split":
        message = message.model_copy(update={"long_text": "attach", "adjusted": (*message.adjusted, NOT_SPLIT)})
    now = _now()
    end = record(
        message,
        Status.DELIVERED,
        admitted_at=now,
        finished_at=now,
        attempts=1,
        detail=SENT_DIRECTLY_NOTE,
        message_id=delivered.message_id,
        channel_id=delivered.channel_id,
    )
    if left_out:
        end["left_out"] = sorted(left_out)
    return _final(Status.SENT_DIRECTLY, end)


def dry_run(message: NotificationMessage) -> Submitted:
    """An alert that goes no further than its request, which is composed and not made."""
    from notifier.render.batch import compose  # few callers need it

    compose([message])
    now = _now()
    return _final(
        Status.DRY_RUN, record(message, Status.DRY_RUN, admitted_at=now, finished_at=now, detail=DRY_RUN_NOTE)
    )


def captured(message: NotificationMessage) -> Submitted:
    """An alert that goes no further than this process, which goes on as if it were delivered."""
    from notifier.render.batch import compose  # few callers need it

    compose([message])
    now = _now()
    end = record(message, Status.CAPTURED, admitted_at=now, finished_at=now, attempts=1, detail=CAPTURED_NOTE)
    end["success"] = True
    return _final(Status.CAPTURED, end)


def _now() -> str:
    return iso(time.time_ns() // 1_000)


def _final(status: Status, end: Record) -> Submitted:
    return Submitted(status, cast("AsyncResult[Any]", FinalResult(end["id"], end, states.SUCCESS)))
