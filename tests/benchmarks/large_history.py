"""A history of any number of records, written quickly: by a script inside Redis."""

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
AT_ONCE = 20_000
LIFE_SECONDS = 3_600
ID = "the-id-of-it"
FILL = """
-- KEYS: history, history by status (twice)
-- ARGV: result prefix, texts of both (ID stands for the id), every (how many there are to one of the second), first,
-- last, time of the number 0, life
local texts = { ARGV[2], ARGV[3] }
for number = tonumber(ARGV[5]), tonumber(ARGV[6]) do
  local id = 'n' .. number
  local which = number % tonumber(ARGV[4]) == 0 and 2 or 1
  local at = tonumber(ARGV[7]) + number * 1000000
  redis.call('SET', ARGV[1] .. id, (string.gsub(texts[which], 'the%-id%-of%-it', id)), 'EX', ARGV[8])
  redis.call('ZADD', KEYS[1], at, id)
  redis.call('ZADD', KEYS[1 + which], at, id)
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[8]) end
"""
TEXT = "No answer from db1 within 5 s."


def fill(client: "redis.Redis", prefix: str, count: int, failed: int) -> NotificationHistory:
    """A history of ``count`` errors, one a second, of which ``failed`` have failed, spread over all of it."""
    settings = Settings.load().model_copy(update={"key_prefix": prefix})
    keys = Keys(prefix)
    texts = []
    for status in (Status.DELIVERED, Status.FAILED):
        message = NotificationMessage(id=ID, title=f"alert {ID}", message=TEXT, alert_type=AlertType.ERROR)
        texts.append(as_result(record(message, status, admitted_at=iso(START), finished_at=iso(START))))
    indexes = [keys.history(AlertType.ERROR, status) for status in ("", Status.DELIVERED, Status.FAILED)]
    for first in range(0, count, AT_ONCE):
        last = min(first + AT_ONCE, count) - 1
        every = max(1, count // failed)
        client.eval(FILL, 3, *indexes, keys.result(""), *texts, every, first, last, START, LIFE_SECONDS)
    return NotificationHistory(client, Records(client, settings), settings)


def at(number: int) -> datetime:
    """When that record ended."""
    return datetime.fromtimestamp((START + number * SECOND) / SECOND, UTC)
