"""The history: the records, found by type, status, time and text."""

import heapq
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import cast

import redis

from notifier.models import AlertType
from notifier.outbox.record import Record
from notifier.outbox.records import Records
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.keys import Keys

PAGE = 200
"""Records read in one round trip."""


class NotificationHistory:
    """What became of every notification of the last ``DISCORD_HISTORY_DAYS``.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", records: Records, settings: Settings) -> None:
        self._redis = client
        self._records = records
        self._keys = Keys(settings.key_prefix)

    def get(self, notification_id: str) -> Record | None:
        """The record of one notification; None if it is unknown, not final yet, or expired."""
        return self._records.get(notification_id)

    def query(
        self,
        *,
        alert_type: AlertType | None = None,
        status: Status | Collection[Status] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        search: str | None = None,
        limit: int = 50,
    ) -> list[Record]:
        """Records, newest first. ``search`` finds text anywhere in the message, its reason or its ids, any case."""
        wanted = (search or "").casefold()
        statuses = {status} if isinstance(status, Status) else set(status or ())
        fitting = (
            each
            for each in self._matching(alert_type, statuses, since, until)
            if (not statuses or each["status"] in statuses) and (not wanted or wanted in _text(each))
        )
        return list(islice(fitting, limit))

    def _matching(
        self, alert_type: AlertType | None, statuses: set[Status], since: datetime | None, until: datetime | None
    ) -> Iterator[Record]:
        kinds = [alert_type] if alert_type else list(AlertType)
        indexes: list[str] = [*statuses] or [""]
        keys = [self._keys.history(kind, index) for kind in kinds for index in indexes]
        rows = heapq.merge(*(self._newest_first(key, since, until) for key in keys), key=lambda row: -row[1])
        while page := [notification_id for notification_id, _ in islice(rows, PAGE)]:
            yield from filter(None, self._records.read(page))

    def _newest_first(self, key: str, since: datetime | None, until: datetime | None) -> Iterator[tuple[str, float]]:
        low, high = score(since, "-inf"), score(until, "+inf")
        seen: set[str] = set()  # ids with the score at which the previous page ended
        while True:
            with broker_errors():
                found = self._redis.zrevrangebyscore(key, high, low, start=0, num=PAGE + len(seen), withscores=True)
            rows = [row for row in cast("list[tuple[str, float]]", found) if row[0] not in seen]
            yield from rows
            if len(rows) < PAGE:
                return
            last = rows[-1][1]
            seen = {notification_id for notification_id, at in rows if at == last} | (seen if high == last else set())
            high = last


def score(moment: datetime | None, otherwise: str) -> str | float:
    """A point in time as a score of the indexes (microseconds since 1970); ``otherwise`` if there is none."""
    return otherwise if moment is None else round(moment.astimezone(UTC).timestamp() * MICROSECONDS)


def _text(each: Record) -> str:
    message = each.get("message") or {}  # a later version may store it elsewhere
    fields = [f"{field.get('name')} {field.get('value')}" for field in message.get("fields", [])]
    parts = [message.get("title"), message.get("message", ""), message.get("source", ""), *fields]
    parts += [each.get(name) for name in ("id", "reason", "detail", "message_id")]
    return "\n".join(str(part) for part in parts if part).casefold()
