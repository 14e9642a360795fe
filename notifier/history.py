"""The history: one record per notification in Celery's result backend, found through an index by type and time."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import redis
from celery import Celery, states
from celery.backends.base import KeyValueStoreBackend

from notifier import redis as names
from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outcome import Status
from notifier.record import Record, iso, record
from notifier.redis import broker_errors
from notifier.settings import Settings

PAGE = 200
"""Records read in one round trip."""
REFUSED_MAX = 1_000
"""Records kept of alerts that met a full outbox, per type: a flood must not fill Redis through its history."""


class NotificationHistory:
    """What became of every notification of the last ``DISCORD_HISTORY_DAYS``.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, app: Celery, client: "redis.Redis", settings: Settings) -> None:
        self._backend = cast("KeyValueStoreBackend", app.backend)
        self._redis = client
        self._settings = settings

    def store(self, records: Sequence[Record]) -> None:
        """Store each record as the result of its notification's task: whoever waits for it is answered."""
        for each in records:
            self._backend.store_result(each["id"], each, states.SUCCESS)

    def get(self, notification_id: str) -> Record | None:
        """The record of one notification, or None: unknown, not final yet, or forgotten."""
        return next(self._read([notification_id]), None)

    def query(
        self,
        *,
        alert_type: AlertType | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        search: str | None = None,
        limit: int = 50,
    ) -> list[Record]:
        """Records, newest first. ``search`` finds text anywhere in the message, its reason or its ids, any case."""
        wanted = (search or "").casefold()
        found: list[Record] = []
        for page in _pages(self._index(alert_type, since, until)):
            for each in self._read(page):
                if (status is None or each["status"] == status) and wanted in _text(each):
                    found.append(each)
                    if len(found) == limit:
                        return found
        return found

    def refuse(self, message: NotificationMessage, detail: str) -> None:
        """Keep a record of an alert that met a full outbox."""
        with broker_errors():
            seconds, microseconds = cast("tuple[int, int]", self._redis.time())
            now = seconds * 1_000_000 + microseconds
            refusal = record(message, Status.QUEUE_FULL, admitted_at=now, reason=QueueFull.reason, detail=detail)
            refusal["finished_at"] = iso(now)
            life = round(self._settings.history_days * 86_400)
            self._backend.store_result(message.id, refusal, states.SUCCESS)
            pipeline = self._redis.pipeline()
            for key in (names.history(message.alert_type), names.refused(message.alert_type)):
                pipeline.zadd(key, {message.id: now})
                pipeline.expire(key, life)
            pipeline.zrange(names.refused(message.alert_type), 0, -REFUSED_MAX - 1)
            self._forget(message.alert_type, pipeline.execute()[-1])

    def _forget(self, alert_type: AlertType, notification_ids: list[str]) -> None:
        if notification_ids:
            self._redis.zrem(names.refused(alert_type), *notification_ids)
            self._redis.zrem(names.history(alert_type), *notification_ids)
            self._redis.delete(*(self._backend.get_key_for_task(each) for each in notification_ids))

    def _index(
        self, alert_type: AlertType | None, since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[str, float]]:
        kinds = [alert_type] if alert_type else list(AlertType)
        return heapq.merge(*(self._newest_first(kind, since, until) for kind in kinds), key=lambda row: -row[1])

    def _newest_first(
        self, alert_type: AlertType, since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[str, float]]:
        low, high = _score(since, "-inf"), _score(until, "+inf")
        start = 0
        while True:
            with broker_errors():
                rows = cast(
                    "list[tuple[str, float]]",
                    self._redis.zrevrangebyscore(
                        names.history(alert_type), high, low, start=start, num=PAGE, withscores=True
                    ),
                )
            yield from rows
            if len(rows) < PAGE:
                return
            start += PAGE

    def _read(self, notification_ids: Sequence[str]) -> Iterator[Record]:
        with broker_errors():
            stored = self._backend.mget([self._backend.get_key_for_task(each) for each in notification_ids])
        for text in stored:
            if text is not None:
                result: Any = self._backend.decode_result(text)["result"]
                if isinstance(result, dict) and "admitted_at" in result:
                    yield cast("Record", result)


def _score(moment: datetime | None, otherwise: str) -> str | int:
    return otherwise if moment is None else round(moment.astimezone(UTC).timestamp() * 1_000_000)


def _pages(rows: Iterator[tuple[str, float]]) -> Iterator[list[str]]:
    page: list[str] = []
    for notification_id, _ in rows:
        page.append(notification_id)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _text(each: Record) -> str:
    message = each["message"]
    fields = [f"{field['name']} {field['value']}" for field in message.get("fields", [])]
    parts = [message["title"], message.get("message", ""), message.get("source", ""), *fields]
    parts += [each["id"], each["reason"], each["detail"], each["message_id"]]
    return "\n".join(str(part) for part in parts if part).casefold()
