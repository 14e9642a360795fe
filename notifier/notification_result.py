"""What ``DiscordNotificationService.send`` gives back. Who calls no service does not import it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class NotificationResult(BaseModel):
    """The result of ``DiscordNotificationService.send``.

    ``success``: delivered, or (if the caller did not wait) safely queued. ``error`` is the reason word and detail.
    ``retry_count``: requests that carried it beyond the first. ``metadata``: the rest of the history record.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    success: bool
    status: str
    message_id: str | None = None
    error: str | None = None
    timestamp: datetime
    retry_count: int = 0
    metadata: dict[str, Any] = Field(default_factory=dict)
