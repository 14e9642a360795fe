"""The record: what the history keeps of one notification, and what ``AsyncResult.get()`` returns."""

from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

from notifier.models import NotificationMessage
from notifier.outcome import Status


class Record(TypedDict):
    """One notification's story. Times are ISO 8601 in UTC, by Redis' clock."""

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
    finished_at: NotRequired[str]
    message: dict[str, Any]


def iso(microseconds: int) -> str:
    """A time of Redis' clock as text."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat()


def record(
    message: NotificationMessage,
    status: Status,
    *,
    admitted_at: int,
    attempts: int = 0,
    reason: str | None = None,
    detail: str = "",
    webhook_id: str | None = None,
    carried_with: int = 0,
    message_id: str | None = None,
    channel_id: str | None = None,
    guild_id: str | None = None,
) -> Record:
    """Write down how a notification's story ended. ``carried_with``: others in the same request."""
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
        admitted_at=iso(admitted_at),
        message=message.model_dump(mode="json", exclude_defaults=True),
    )
