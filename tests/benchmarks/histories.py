"""Histories of any length, written to Redis as workers would have left them."""

from datetime import UTC, datetime

import redis

from notifier.models import AlertType, NotificationMessage
from notifier.operations.history import NotificationHistory
from notifier.outbox.record import as_result, iso, record
from notifier.outbox.records import Records
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.keys import Keys

START = 1_800_000_000_000_000
SECOND = 1_000_000
FAILED = 50
"""Of each history, spread over all of it; the others were delivered."""
LIFE_SECONDS = 3_600
BLOCK = 1_000
ANY = "n0000000"
"""Stands in for the id of an alert."""


def written(client: "redis.Redis", count: int) -> NotificationHistory:
    """A history of so many errors, one a second from ``START`` on, under a prefix of its own."""
    settings = Settings.load().model_copy(update={"key_prefix": f"notifier:{count}:"})
    keys = Keys(settings.key_prefix)
    records = {status: _record(status) for status in (Status.FAILED, Status.DELIVERED)}
    pipeline = client.pipeline(transaction=False)
    for number in range(count):
        status = Status.FAILED if number % (count // FAILED) == 0 else Status.DELIVERED
        own = f"n{number:0{len(ANY) - 1}}"
        pipeline.set(keys.result(own), records[status].replace(ANY, own), ex=LIFE_SECONDS)
        for key in (keys.history(AlertType.ERROR), keys.history(AlertType.ERROR, status)):
            pipeline.zadd(key, {own: START + number * SECOND})
        if number % BLOCK == BLOCK - 1:
            pipeline.execute()
    pipeline.execute()
    for status in ("", *Status):
        client.expire(keys.history(AlertType.ERROR, status), LIFE_SECONDS)
    return NotificationHistory(client, Records(client, settings), settings)


def _record(status: Status) -> str:
    """That of an alert whose id is ``ANY``: made once, for a million of them would take a minute to make."""
    message = NotificationMessage(id=ANY, title=f"alert {ANY}", alert_type=AlertType.ERROR)
    return as_result(record(message, status, admitted_at=START, finished_at=iso(START)))


def at(number: int) -> datetime:
    """When that one ended."""
    return datetime.fromtimestamp((START + number * SECOND) / SECOND, UTC)
