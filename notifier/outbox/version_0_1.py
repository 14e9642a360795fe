"""What version 0.1 wrote and this one reads: to be deleted with the next version.

0.1 kept a record in the notification's hash (``record``, ``finished_at``), copied it to Celery's result later, and
marked in ``unrecorded`` what was not copied yet. Refused alerts had their own key. Its history had no index by
status.
"""

import json
from collections.abc import Iterable, Sequence
from typing import cast

import redis

from notifier.models import AlertType
from notifier.outbox.record import Record, as_result, iso, of_result
from notifier.outcome import Status
from notifier.storage.connection import broker_errors
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS, Keys

REFUSED = ":refused:"
"""In the name of a refusal: the id, this, and when."""
PAGE = 200
"""Ids in one round trip."""
PAGES_MAX = 20
"""Ours: round trips in one sweep; the rest is for the next."""
STATUSES = [*(status.value for status in Status)]


def read(client: "redis.Redis", keys: Keys, entries: Sequence[str]) -> list[Record | None]:
    """Records of 0.1, by id (or the name of a refusal)."""
    pipeline = client.pipeline(transaction=False)
    for entry in entries:
        if REFUSED in entry:
            pipeline.get(keys.refusal(entry))
        else:
            pipeline.hmget(keys.notification(entry), ["record", "finished_at"])
    return [_record(found) for found in pipeline.execute()]


def _record(found: str | list[str | None] | None) -> Record | None:
    text, finished_at = found if isinstance(found, list) else (found, None)
    if text is None:
        return None
    ended = json.loads(text)
    return cast("Record", ended | ({"finished_at": iso(int(float(finished_at)))} if finished_at else {}))


def adopt(client: "redis.Redis", keys: Keys, history_life_seconds: int) -> None:
    """Store the results that 0.1 had not stored yet, and index its history by status.

    Workers of 0.1 may run beside this one; the next sweep adopts what they end.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        for _ in range(PAGES_MAX):
            ids = cast("list[str]", client.zrange(keys.unrecorded, 0, PAGE - 1))
            if not ids:
                break
            _store_results(client, keys, ids, history_life_seconds)
        for kind in AlertType:
            _index(client, keys, kind)


def _store_results(client: "redis.Redis", keys: Keys, ids: Sequence[str], history_life_seconds: int) -> None:
    pipeline = client.pipeline()
    for each in filter(None, read(client, keys, ids)):
        result, text = keys.result(each["id"]), as_result(each)
        kept = each["success"] or each["status"] == Status.FOLDED
        pipeline.set(result, text, ex=history_life_seconds if kept else DEAD_LETTER_LIFE_SECONDS)
        pipeline.publish(result, text)
    pipeline.zrem(keys.unrecorded, *ids)
    pipeline.execute()


def _index(client: "redis.Redis", keys: Keys, kind: AlertType) -> None:
    pipeline = client.pipeline(transaction=False)
    pipeline.zcard(keys.history(kind))
    for status in STATUSES:
        pipeline.zcard(keys.history(kind, status))
    total, *by_status = pipeline.execute()
    if total == sum(by_status):
        return
    for start in range(0, total, PAGE):
        rows = cast("list[tuple[str, float]]", client.zrevrange(keys.history(kind), start, start + PAGE - 1, True))
        _index_page(client, keys, kind, rows)


def _index_page(client: "redis.Redis", keys: Keys, kind: AlertType, rows: Iterable[tuple[str, float]]) -> None:
    scores = dict(rows)
    entries = list(scores)
    texts = cast("list[str | None]", client.mget([keys.result(entry) for entry in entries]))
    old = read(client, keys, entries)
    pipeline = client.pipeline(transaction=False)
    for entry, text, before in zip(entries, texts, old, strict=True):
        ended = of_result(text) or before
        if ended is None:
            pipeline.zrem(keys.history(kind), entry)
        else:
            pipeline.zadd(keys.history(kind, ended["status"]), {entry: scores[entry]})
            pipeline.expire(keys.history(kind, ended["status"]), DEAD_LETTER_LIFE_SECONDS)
    pipeline.execute()
