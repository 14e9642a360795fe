"""Reads records, and writes those of alerts that no outbox took."""

import uuid
from collections.abc import Sequence
from typing import cast

import redis

from notifier.gate.gate import GATE_SCRIPTS
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import version_0_1
from notifier.outbox.record import Record, as_result, of_result, record
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

REFUSED_MAX = 1_000
"""Ours: records kept of alerts that no outbox took, per type: a flood must not fill Redis through its history."""


class Records:
    """The records by id: Celery's results of the same ids.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = round(settings.history_days * 86_400)
        self._adopt = version_0_1.Adoption(client, self._keys, self._life_seconds)
        shared = (*GATE_SCRIPTS, "outbox/record.lua")
        self._refuse = atomic_step(client, script(*shared, "outbox/refuse.lua"))

    def get(self, notification_id: str) -> Record | None:
        """The record of one notification, or None if it is unknown, not final yet, or expired."""
        return self.read([notification_id])[0]

    def read(self, notification_ids: Sequence[str]) -> list[Record | None]:
        """The same for several, in order, in one round trip."""
        if not notification_ids:
            return []
        with broker_errors():
            texts = cast("list[str | None]", self._redis.mget([self._keys.result(each) for each in notification_ids]))
            found = [of_result(text) for text in texts]
            if None not in found:
                return found
            old = version_0_1.read(self._redis, self._keys, notification_ids)
            return [new or before for new, before in zip(found, old, strict=True)]

    def prune(self) -> None:
        """Remove from the indexes what is older than the history, and adopt what version 0.1 wrote."""
        with broker_errors():
            oldest = clock(self._redis) - self._life_seconds * MICROSECONDS
            pipeline = self._redis.pipeline(transaction=False)
            for kind in AlertType:
                for status in ("", *Status):
                    pipeline.zremrangebyscore(self._keys.history(kind, status), "-inf", oldest)
            pipeline.execute()
        self._adopt()

    def refuse(self, message: NotificationMessage, status: Status, reason: str, detail: str) -> None:
        """Store the record of an alert that no outbox took. If its id is admitted later, that record is deleted."""
        kind, stamp = message.alert_type, uuid.uuid4().hex
        with broker_errors():
            refused = record(message, status, admitted_at=stamp, finished_at=stamp, reason=reason, detail=detail)
            self._refuse(
                keys=[
                    *(self._keys.notification(message.id), self._keys.result(message.id)),
                    *(self._keys.history(kind), self._keys.refused(kind)),
                ],
                args=[
                    *(message.id, as_result(refused), stamp, status, self._life_seconds, REFUSED_MAX),
                    self._keys.result(""),
                ],
            )
