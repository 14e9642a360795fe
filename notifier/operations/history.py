"""The history: one record per notification in Celery's result backend, found through an index by type and time."""

import heapq
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import redis
from celery import Celery, states
from celery.backends.base import KeyValueStoreBackend

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import Record, iso, record
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys

REFUSED = ":refused:"
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
        self._keys = Keys(settings.key_prefix)

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

    def refuse(self, message: NotificationMessage, status: Status, reason: str, detail: str) -> Record:
        """Keep a record of an alert that never entered an outbox. It has no task, and so no result of one."""
        kind = message.alert_type
        with broker_errors():
            now = clock(self._redis)
            refusal = record(message, status, admitted_at=now, reason=reason, detail=detail)
            refusal["finished_at"] = iso(now)
            entry = f"{message.id}{REFUSED}{now}"  # the same alert may be refused now and delivered later
            life = round(self._settings.history_days * 86_400)
            pipeline = self._redis.pipeline()
            pipeline.set(self._keys.refusal(entry), json.dumps(refusal), ex=life)
            for key in (self._keys.history(kind), self._keys.refused(kind)):
                pipeline.zadd(key, {entry: now})
                pipeline.expire(key, life)
            pipeline.zrange(self._keys.refused(kind), 0, -REFUSED_MAX - 1)
            if oldest := pipeline.execute()[-1]:
                self._redis.zrem(self._keys.refused(kind), *oldest)
                self._redis.zrem(self._keys.history(kind), *oldest)
                self._redis.delete(*map(self._keys.refusal, oldest))
            return refusal

    def _index(
        self, alert_type: AlertType | None, since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[str, float]]:
        kinds = [alert_type] if alert_type else list(AlertType)
        return heapq.merge(*(self._newest_first(kind, since, until) for kind in kinds), key=lambda row: -row[1])

    def _newest_first(
        self, alert_type: AlertType, since: datetime | None, until: datetime | None
    ) -> Iterator[tuple[str, float]]:
        low, high = score(since, "-inf"), score(until, "+inf")
        start = 0
        while True:
            with broker_errors():
                rows = cast(
                    "list[tuple[str, float]]",
                    self._redis.zrevrangebyscore(
                        self._keys.history(alert_type), high, low, start=start, num=PAGE, withscores=True
                    ),
                )
            yield from rows
            if len(rows) < PAGE:
                return
            start += PAGE

    def _read(self, entries: Sequence[str]) -> Iterator[Record]:
        with broker_errors():
            results = self._backend.mget([self._backend.get_key_for_task(each) for each in entries])
            refusals = cast("list[str | None]", self._redis.mget([self._keys.refusal(each) for each in entries]))
        for result, refusal in zip(results, refusals, strict=True):
            if refusal is not None:
                yield cast("Record", json.loads(refusal))
            elif result is not None:
                found: Any = self._backend.decode_result(result)["result"]
                if isinstance(found, dict) and "admitted_at" in found:
                    yield cast("Record", found)


def score(moment: datetime | None, otherwise: str) -> str | int:
    """A point in time as the indexes by time have it; ``otherwise`` where there is none."""
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
