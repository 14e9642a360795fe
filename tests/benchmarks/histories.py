"""Histories of any length, written to Redis as workers would have left them."""

from datetime import UTC, datetime
from typing import Any

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
BLOCK = 20_000
ANY = "n0000000"
"""Stands in for the id of an alert."""
WRITE = """
-- Records of the numbers from ARGV[5] to ARGV[6], inside Redis: a million of them from here would take minutes.
-- KEYS: history, history of each of both statuses
-- ARGV: 1 result prefix, 2-3 record of each, 4 how many there are to one of the second, 7 time of the number 0,
--       8 life (seconds)
for number = tonumber(ARGV[5]), tonumber(ARGV[6]) do
  local id = string.format('n%07d', number)
  local which = number % tonumber(ARGV[4]) == 0 and 2 or 1
  local at = tonumber(ARGV[7]) + number * 1000000
  redis.call('SET', ARGV[1] .. id, (string.gsub(ARGV[1 + which], 'n0000000', id)), 'EX', ARGV[8])
  redis.call('ZADD', KEYS[1], at, id)
  redis.call('ZADD', KEYS[1 + which], at, id)
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[8]) end
"""


def written(client: Any, count: int) -> NotificationHistory:
    """A history of so many errors, one a second from ``START`` on, under a prefix of its own."""
    settings = Settings.load().model_copy(update={"key_prefix": f"notifier:{count}:"})
    keys = Keys(settings.key_prefix)
    records = [_record(status) for status in (Status.DELIVERED, Status.FAILED)]
    indexes = [keys.history(AlertType.ERROR, status) for status in ("", Status.DELIVERED, Status.FAILED)]
    for first in range(0, count, BLOCK):
        numbers = (count // FAILED, first, min(first + BLOCK, count) - 1, START, LIFE_SECONDS)
        client.eval(WRITE, len(indexes), *indexes, keys.result(""), *records, *numbers)
    return NotificationHistory(client, Records(client, settings), settings)


def _record(status: Status) -> str:
    """That of an alert whose id is ``ANY``: made once, for a million of them would take a minute to make."""
    message = NotificationMessage(id=ANY, title=f"alert {ANY}", alert_type=AlertType.ERROR)
    return as_result(record(message, status, admitted_at=iso(START), finished_at=iso(START)))


def at(number: int) -> datetime:
    """When that one ended."""
    return datetime.fromtimestamp((START + number * SECOND) / SECOND, UTC)
