"""The record: what became of a notification, stored once, as Celery's result of that id.

The step that ends a notification writes it, in Celery's own format, so ``AsyncResult`` reads it as any other result.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, cast

from notifier.models import NotificationMessage
from notifier.outcome import Status

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(TypedDict):
    """What became of one notification. Times are ISO 8601 in UTC, by Redis' clock."""

    id: str
    alert_type: str
    status: str
    success: bool
    message_id: str | None
    channel_id: str | None
    link: str | None
    webhook_id: str | None
    attempts: int
    reason: str | None
    detail: str
    carried_with: int
    admitted_at: str
    finished_at: str
    message: dict[str, Any]


def iso(microseconds: int) -> str:
    """A time of Redis' clock (microseconds since 1970) as text; ``iso_time`` in record.lua writes the same."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")


def record(
    message: NotificationMessage,
    status: Status,
    *,
    admitted_at: str,
    finished_at: str,
    attempts: int = 0,
    reason: str | None = None,
    detail: str = "",
    webhook_id: str | None = None,
    carried_with: int = 0,
    message_id: str | None = None,
    channel_id: str | None = None,
    guild_id: str | None = None,
) -> Record:
    """What became of a notification.

    ``admitted_at``: microseconds since 1970. ``finished_at``: ISO 8601, or a stamp that the script replaces by its own
    time. ``carried_with``: how many others were in the same request.
    """
    link = None
    if message_id and channel_id and guild_id:
        link = f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
    return Record(
        id=message.id,
        alert_type=message.alert_type.value,
        status=status.value,
        success=status is Status.DELIVERED,
        message_id=message_id,
        channel_id=channel_id,
        link=link,
        webhook_id=webhook_id,
        attempts=attempts,
        reason=reason,
        detail=detail,
        carried_with=carried_with,
        admitted_at=admitted_at,
        finished_at=finished_at,
        message=message.model_dump(mode="json", exclude_defaults=True),
    )


def as_result(ended: Record) -> str:
    """The record as Celery's Redis backend stores a result (Backend._get_result_meta); record.lua writes the same."""
    meta: dict[str, Any] = {
        "status": "SUCCESS",
        "result": ended,
        "traceback": None,
        "children": [],
        "date_done": ended["finished_at"],
        "task_id": ended["id"],
    }
    return json.dumps(meta)


def of_result(text: str | None) -> Record | None:
    """The record in a stored result; None if there is no result, or it is another task's."""
    found: object = json.loads(text)["result"] if text else None
    return cast("Record", found) if isinstance(found, dict) and "admitted_at" in found else None
