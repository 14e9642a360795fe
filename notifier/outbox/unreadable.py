"""Unreadable entries: what lay in a queue and is no message of a task, set aside whole instead of deleted."""

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

import redis

from notifier.errors import NotificationNotFound
from notifier.models import AlertType
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS, Keys
from notifier.storage.scripts import atomic_step, script

UNREADABLE_MAX = 1_000
"""Ours: entries kept; the oldest are dropped."""
UNREADABLE_MAX_BYTES = 16_000_000
"""Ours: bytes of all of them together."""
ENTRY_MAX_BYTES = 1_000_000
"""Ours: bytes kept of one entry. A message of ours is never so long."""
DETAIL_CHARACTERS = 200

Problem = Literal["no_envelope", "undecodable", "invalid_task", "unknown_task"]
"""Why: the transport, the body, what Celery's protocol asks for, or the task's name."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One entry. ``raw``: as it lay there; its beginning, if ``size_bytes`` is more than is kept."""

    queue: str
    raw: bytes
    problem: Problem
    detail: str
    size_bytes: int
    id: str
    set_aside_at: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of it is kept."""
        return len(self.raw) == self.size_bytes


def unreadable(queue: str, raw: bytes, problem: Problem, detail: str) -> Unreadable:
    """An entry that was found just now."""
    kept = raw[:ENTRY_MAX_BYTES]
    return Unreadable(queue, kept, problem, detail[:DETAIL_CHARACTERS], len(raw), uuid.uuid4().hex[:12])


class UnreadableEntries:
    """Those that are kept.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._types = {self._keys.queue(alert_type): alert_type for alert_type in AlertType}
        shared = ("gate/clock.lua", "gate/trouble.lua", "outbox/record.lua")
        self._set_aside = atomic_step(client, script(*shared, "outbox/set_aside.lua"))

    def set_aside(self, entry: Unreadable) -> int:
        """Keep one, and count it for self-monitoring. Returns how many older ones were dropped for it."""
        with broker_errors():
            dropped = self._set_aside(
                keys=[self._keys.unreadable, self._keys.troubles],
                args=[
                    *(_text(entry), UNREADABLE_MAX, UNREADABLE_MAX_BYTES, DEAD_LETTER_LIFE_SECONDS),
                    *(self._types.get(entry.queue, ""), entry.problem),
                ],
            )
        return int(dropped)

    def list(self) -> list[Unreadable]:
        """All of them, newest first."""
        return [entry for _, entry in self._members()]

    def get(self, entry_id: str) -> Unreadable:
        """One of them.

        Raises:
            NotificationNotFound: there is none with this id.
        """
        return self._member(entry_id)[1]

    def drop(self, entry_id: str) -> None:
        """Drop one.

        Raises:
            NotificationNotFound: there is none with this id.
        """
        member, _ = self._member(entry_id)
        with broker_errors():
            self._redis.zrem(self._keys.unreadable, member)

    def _member(self, entry_id: str) -> tuple[str, Unreadable]:
        for member, entry in self._members():
            if entry.id == entry_id:
                return member, entry
        raise NotificationNotFound(f"no unreadable entry has the id {entry_id!r}")

    def _members(self) -> Iterator[tuple[str, Unreadable]]:
        with broker_errors():
            found = self._redis.zrange(self._keys.unreadable, 0, -1, withscores=True)
        for member, score in reversed(cast("list[tuple[str, float]]", found)):
            yield member, _entry(member, score)


def _text(entry: Unreadable) -> str:
    stored: dict[str, Any] = {
        "id": entry.id,
        "queue": entry.queue,
        "problem": entry.problem,
        "detail": entry.detail,
        "size_bytes": entry.size_bytes,
        "raw": base64.b64encode(entry.raw).decode(),
    }
    return json.dumps(stored)


def _entry(member: str, score: float) -> Unreadable:
    stored = json.loads(member.partition(" ")[2])
    at = datetime.fromtimestamp(score / MICROSECONDS, UTC)
    return Unreadable(**{**stored, "raw": base64.b64decode(stored["raw"])}, set_aside_at=at)
