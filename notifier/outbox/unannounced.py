"""What Flower has not been told of: that an alert was received; that one ended and no worker was there."""

from collections.abc import Sequence
from typing import cast

import redis

from notifier.models import AlertType
from notifier.outbox.partitions import Partitions
from notifier.outbox.record import Record, iso
from notifier.outbox.records import Records
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

PAGE = 100
"""Ours: as many ends are told of in one sweep."""


class Unannounced:
    """Gives each of them to one worker, which tells it; an event that is lost then is not sent again.

    Args:
        records: what became of those that ended.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, records: Records) -> None:
        self._redis = client
        self._keys = keys
        self._records = records
        self._partitions = Partitions(client, keys)
        self._received = atomic_step(client, script("outbox/received.lua"))

    def received(self, alert_type: AlertType, ids: Sequence[str], *, under_way: bool = False) -> dict[str, str]:
        """Those of which no worker has told that they were received.

        ``under_way``: those in a request are asked for, else those that wait. Returns by id when each is due (ISO 8601;
        '' if it is not postponed).
        """
        asked = [self._keys.notification(""), int(under_way), *ids]
        places = [self._keys.outbox(each, "in_flight") for each in self._partitions.of(alert_type)]
        with broker_errors():
            flat = self._received(keys=places, args=asked)
        due = zip(flat[::2], flat[1::2], strict=True)
        return {each: iso(int(float(not_before))) if not_before else "" for each, not_before in due}

    def ended(self) -> list[Record]:
        """Those that were withdrawn, or that Redis has forgotten."""
        with broker_errors():
            ids = cast("list[str]", self._redis.zrange(self._keys.unannounced, 0, PAGE - 1))
            if not ids:
                return []
            pipeline = self._redis.pipeline(transaction=False)
            for each in ids:
                pipeline.zrem(self._keys.unannounced, each)
            own = [each for each, removed in zip(ids, pipeline.execute(), strict=True) if removed]
        return [record for record in self._records.read(own) if record]
