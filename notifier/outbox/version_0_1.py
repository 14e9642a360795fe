"""What version 0.1 wrote and this one reads: to be deleted with the next version.

0.1 kept a record in the notification's hash (``record``, ``finished_at``), copied it to Celery's result later, and
marked in ``unrecorded`` what was not copied yet. Refused alerts had their own key. Its history had no index by
status.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, cast

import redis

from notifier.models import AlertType
from notifier.outbox.record import Record, as_result, iso, of_result
from notifier.status import Status
from notifier.storage.connection import broker_errors
from notifier.storage.interval import begins_interval
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS, Keys
from notifier.storage.scripts import script

REFUSED = ":refused:"
"""In the name of a refusal: the id, this, and when."""
PAGE = 200
"""Ids in one round trip."""
PAGES_MAX = 20
"""Ours: round trips in one sweep; the rest is for the next."""
INDEX_SECONDS = 600
"""Ours: how often the fleet compares the indexes by status with the history, for workers of 0.1 may run beside it."""


def read(client: "redis.Redis", keys: Keys, entries: Sequence[str]) -> list[Record | None]:
    """Records in hashes (of 0.1, and of dead letters) by id, and refusals of 0.1 by name."""
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


class Adoption:
    """Stores the results that 0.1 had not stored yet, and indexes its history by status.

    Workers of 0.1 may run beside this one: what they end is adopted later.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, history_life_seconds: int) -> None:
        self._redis = client
        self._keys = keys
        self._life_seconds = history_life_seconds
        self._unmatched = client.register_script(script("outbox/unmatched.lua"))

    def __call__(self) -> None:
        """Adopt what is there. Raises BrokerUnavailable if Redis did not answer."""
        with broker_errors():
            for _ in range(PAGES_MAX):
                ids = cast("list[str]", self._redis.zrange(self._keys.unrecorded, 0, PAGE - 1))
                if not ids:
                    break
                self._store_results(ids)
            if begins_interval(self._redis, self._keys.adopted, INDEX_SECONDS):
                for kind in AlertType:
                    self._index(self._keys.history(kind), {each: self._keys.history(kind, each) for each in Status})

    def _store_results(self, ids: Sequence[str]) -> None:
        pipeline = self._redis.pipeline()
        for each in filter(None, read(self._redis, self._keys, ids)):
            result, text = self._keys.result(each["id"]), as_result(each)
            kept = each["success"] or each["status"] == Status.FOLDED
            pipeline.set(result, text, ex=self._life_seconds if kept else DEAD_LETTER_LIFE_SECONDS)
            pipeline.publish(result, text)
        pipeline.zrem(self._keys.unrecorded, *ids)
        pipeline.execute()

    def _index(self, history: str, by_status: dict[Status, str]) -> None:
        for index in by_status.values():
            if stale := [entry for entry, _ in self._pages(index, [history])]:
                self._redis.zrem(index, *stale)
        unindexed = list(self._pages(history, list(by_status.values())))
        for start in range(0, len(unindexed), PAGE):
            self._index_page(history, by_status, dict(unindexed[start : start + PAGE]))

    def _pages(self, key: str, others: list[str]) -> Iterator[tuple[str, float]]:
        for start in range(0, cast("int", self._redis.zcard(key)), PAGE):
            found: Any = self._unmatched(keys=[key, *others], args=[start, start + PAGE - 1])
            yield from zip(found[::2], map(float, found[1::2]), strict=True)

    def _index_page(self, history: str, by_status: dict[Status, str], scores: dict[str, float]) -> None:
        entries = list(scores)
        texts = cast("list[str | None]", self._redis.mget([self._keys.result(entry) for entry in entries]))
        old = read(self._redis, self._keys, entries)
        pipeline = self._redis.pipeline(transaction=False)
        for index in by_status.values():
            pipeline.zrem(index, *entries)
        for entry, text, before in zip(entries, texts, old, strict=True):
            ended = of_result(text) or before
            if ended is None:
                pipeline.zrem(history, entry)
            elif ended["status"] in by_status:  # a later version may know others
                pipeline.zadd(by_status[Status(ended["status"])], {entry: scores[entry]})
        for index in by_status.values():
            pipeline.expire(index, DEAD_LETTER_LIFE_SECONDS)
        pipeline.execute()
