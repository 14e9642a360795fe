"""Silences, for programs."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from notifier.outbox.silences import Silence, Silenced
from notifier.storage.connection import MICROSECONDS


def silence_as_json(silence: Silence, silenced: Silenced | None = None) -> dict[str, Any]:
    """A silence, and what it has kept away if that is given; when it ends is ISO 8601 in UTC."""
    return asdict(silence) | {"until": ends_at(silence)} | (asdict(silenced) if silenced else {})


def ends_at(silence: Silence) -> str:
    """When it ends."""
    return datetime.fromtimestamp(silence.until / MICROSECONDS, UTC).isoformat(timespec="microseconds")
