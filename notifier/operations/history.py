"""The history: the records, found by type, status, time and text."""

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import cast

import redis

from notifier.errors import InvalidMessage
from notifier.models import AlertType
from notifier.outbox.record import Record, iso
from notifier.outbox.records import Records
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.keys import Keys

PAGE = 200
"""Records read in one round trip, at most: a fraction of a millisecond of Redis' time."""
SCANNED_MAX = 5_000
"""Ours: records that are looked at for one page of the operator's page, a search among them."""
SEARCHED_MAX = 100_000
"""Ours: the same for a command, which nobody waits for in a browser."""
SCORE_DIGITS = 17
"""Of a time in microseconds."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands in the history: its time as a score, and its id among those of the same time."""

    score: float
    id: str

    @classmethod
    def of(cls, cursor: str) -> "Place":
        """Read a cursor. Raises InvalidMessage: it is none."""
        at, separator, notification_id = cursor.partition("-")
        if not separator or not at.isascii() or not at.isdigit() or len(at) > SCORE_DIGITS:
            raise InvalidMessage("cursor: expected that of the page before")
        return cls(float(at), notification_id)

    def __str__(self) -> str:
        return f"{self.score:.0f}-{self.id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records. ``statuses``: none for all. ``search``: casefolded."""

    alert_type: AlertType | None
    statuses: frozenset[Status]
    since: datetime | None
    until: datetime | None
    search: str

    def takes(self, record: Record) -> bool:
        """Whether it is one of them, as far as no index says so."""
        if self.statuses and record["status"] not in self.statuses:
            return False
        return not self.search or self.search in _text(record)


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, newest first. ``cursor``: for the page behind it; None: there is none. It may be empty.

    ``looked_at``: how many were read for it; ``looked_back_to``: the time of the last of these (ISO 8601).
    """

    records: list[Record]
    cursor: str | None
    looked_at: int = 0
    looked_back_to: str | None = None


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
        """Records, newest first. ``search`` finds text anywhere in the message, its reason or its ids, any case.

        It reads on until ``limit`` are found, through all of the history if need be; ``page`` is bounded.
        """
        wanted = Wanted(alert_type, _statuses(status), since, until, (search or "").casefold())
        fitting = (record for record, _ in self._matching(wanted, None, limit) if record and wanted.takes(record))
        return list(islice(fitting, limit))

    def page(  # noqa: PLR0913 - each is a field of a form
        self,
        *,
        alert_type: AlertType | None = None,
        status: Status | Collection[Status] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        search: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        scanned_max: int = SCANNED_MAX,
    ) -> "Page":
        """The same, from ``cursor`` of the page before on; of a long history a search reads ``scanned_max`` at once.

        Raises:
            InvalidMessage: that is no cursor.
        """
        wanted = Wanted(alert_type, _statuses(status), since, until, (search or "").casefold())
        found: list[Record] = []
        rows = self._matching(wanted, Place.of(cursor) if cursor else None, limit)
        looked_at, last = 0, None
        for looked_at, (record, place) in enumerate(rows, 1):
            if record and wanted.takes(record):
                found.append(record)
            last = iso(int(place.score))
            if len(found) == limit or looked_at == scanned_max:
                return Page(found, str(place), looked_at, last)
        return Page(found, None, looked_at, last)

    def _matching(
        self, wanted: "Wanted", behind: "Place | None", limit: int
    ) -> "Iterator[tuple[Record | None, Place]]":
        """What the indexes have, newest first; None: a record that is gone."""
        # without a search nearly each record is taken
        size = PAGE if wanted.search else min(max(limit, 1), PAGE)
        kinds = [wanted.alert_type] if wanted.alert_type else list(AlertType)
        indexes: list[str] = [*wanted.statuses] or [""]
        keys = [self._keys.history(kind, index) for kind in kinds for index in indexes]
        low, high = score(wanted.since, "-inf"), score(wanted.until, "+inf")
        if behind is not None:
            high = behind.score
        firsts = self._newest(keys, low, high, size)
        newest_first = (self._go_on(key, low, high, size, rows) for key, rows in zip(keys, firsts, strict=True))
        rows = heapq.merge(*newest_first, key=lambda row: (row[1], row[0]), reverse=True)
        places = (Place(at, each) for each, at in rows)
        if behind is not None:
            places = (each for each in places if each < behind)
        while some := list(islice(places, size)):
            yield from zip(self._records.read([each.id for each in some]), some, strict=True)

    def _newest(
        self, keys: Sequence[str], low: str | float, high: str | float, count: int
    ) -> list[list[tuple[str, float]]]:
        """The newest ids of each index, with their times, in one round trip."""
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for key in keys:
                pipeline.zrevrangebyscore(key, high, low, start=0, num=count, withscores=True)
            return cast("list[list[tuple[str, float]]]", pipeline.execute())

    def _go_on(
        self, key: str, low: str | float, high: str | float, size: int, rows: list[tuple[str, float]]
    ) -> Iterator[tuple[str, float]]:
        """``rows``, the newest of an index, and all behind them."""
        seen: set[str] = set()  # ids with the score at which the previous page ended
        while True:
            yield from rows
            if len(rows) < size:
                return
            last = rows[-1][1]
            seen = {notification_id for notification_id, at in rows if at == last} | (seen if high == last else set())
            high = last
            (found,) = self._newest([key], low, high, size + len(seen))
            rows = [row for row in found if row[0] not in seen]


def _statuses(status: Status | Collection[Status] | None) -> frozenset[Status]:
    return frozenset({status} if isinstance(status, Status) else status or ())


def score(moment: datetime | None, otherwise: str) -> str | float:
    """A point in time as a score of the indexes (microseconds since 1970); ``otherwise`` if there is none."""
    return otherwise if moment is None else round(moment.astimezone(UTC).timestamp() * MICROSECONDS)


def _text(each: Record) -> str:
    message = each.get("message") or {}  # a later version may store it elsewhere
    fields = [f"{field.get('name')} {field.get('value')}" for field in message.get("fields", [])]
    parts = [message.get("title"), message.get("message", ""), message.get("source", ""), *fields]
    parts += [each.get(name) for name in ("id", "reason", "detail", "message_id", "digest")]
    return "\n".join(str(part) for part in parts if part).casefold()
