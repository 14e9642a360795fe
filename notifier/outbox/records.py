"""Reads records, and writes those of alerts that no outbox took."""

import json
import uuid
from collections.abc import Sequence
from typing import Any, cast

import redis

from notifier.gate.counters import counter_names
from notifier.gate.gate import microseconds
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import version_0_1
from notifier.outbox.callbacks import LEASE_SECONDS
from notifier.outbox.record import Record, as_result, of_result, record
from notifier.outbox.steps import OUTBOX_SCRIPTS
from notifier.settings import Settings
from notifier.status import Status
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS, Keys
from notifier.storage.scripts import atomic_step, script

DEAD_LETTERS_MAX = 10_000
"""Ours: dead letters kept per alert type; the oldest are dropped."""
REFUSED_MAX = 1_000
"""Ours: records kept of alerts that no outbox took, per type: a flood must not fill Redis through its history."""

GIVEN_BYTES_MAX = 16_384
"""Ours: what a task was given is kept in its record if it is as short; else beside the record, not in the result."""


class Records:
    """The records by id: Celery's results of the same ids.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = round(settings.history_days * 86_400)
        self._adopt = version_0_1.Adoption(client, self._keys, self._life_seconds)
        self._refuse = atomic_step(client, script(*OUTBOX_SCRIPTS, "outbox/refuse.lua"))

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
        self._store(self._refusal(message, status, reason, detail), dead=False)

    def bury(
        self, message: NotificationMessage, status: Status, reason: str, detail: str, *, given: str, callbacks: str = ""
    ) -> Record | None:
        """Make a dead letter of an alert that reached a worker and that no outbox took.

        If its id is admitted later, because it was sent again as it should be, the dead letter is deleted.

        Args:
            given: all that the task was given, as JSON.
            callbacks: what hangs on it (producer/callbacks.py); it is leased to the caller, who calls it.

        Returns:
            The record; None if the id was admitted or buried before.
        """
        refusal = self._refusal(message, status, reason, detail)
        if (length := len(given.encode(errors="replace"))) <= GIVEN_BYTES_MAX:
            refusal["given"], given = given, ""
        else:
            refusal["cut_from_bytes"] = length
        return self._store(refusal, dead=True, given=given, callbacks=callbacks)

    def whole(self, ended: Record) -> Record:
        """A dead letter with all of its texts, where its record has their beginnings."""
        if "cut_from_bytes" not in ended:
            return ended
        with broker_errors():
            found = self._redis.hmget(self._keys.notification(ended["id"]), ["whole", "given"])
        message, given = cast("list[str | None]", found)
        kept = cast("Record", {**ended, **({"given": given} if given else {})})
        if message:
            kept["message"] = json.loads(message)
        if message or given:
            del kept["cut_from_bytes"]
        return kept

    def _refusal(self, message: NotificationMessage, status: Status, reason: str, detail: str) -> Record:
        stamp = uuid.uuid4().hex
        return record(
            message,
            status,
            admitted_at=stamp,
            finished_at=stamp,
            reason=reason,
            detail=detail,
            text_bytes_max=self._settings.history_text_bytes,
        )

    def _store(self, ended: Record, *, dead: bool, given: str = "", callbacks: str = "") -> Record | None:
        kind = AlertType(ended["alert_type"])
        asked = {
            **dead_letter_arguments(self._keys, self._settings),
            "id": ended["id"],
            "type": kind,
            "status": ended["status"],
            "reason": ended["reason"],
            "stamp": ended["finished_at"],
            "refused_max": REFUSED_MAX,
            "callbacks": callbacks,
            "callbacks_lease": microseconds(LEASE_SECONDS),
            "record": json.dumps(ended) if dead else "",
        }
        with broker_errors():
            stored = self._refuse(
                keys=[
                    *(self._keys.notification(ended["id"]), self._keys.result(ended["id"])),
                    *(self._keys.history(kind), self._keys.refused(kind), self._keys.troubles, self._keys.callbacks),
                ],
                args=[json.dumps(asked), as_result(ended), given],
            )
        return self.get(ended["id"]) if stored else None


def dead_letter_arguments(keys: Keys, settings: Settings) -> dict[str, Any]:
    """The arguments of ``keep_dead_letter`` in record.lua. Lives are seconds."""
    history_life = round(settings.history_days * 86_400)
    return {
        "notification_prefix": keys.notification(""),
        "result_prefix": keys.result(""),
        "dead_letters_prefix": keys.dead_letters(""),
        "history_life": history_life,
        "dead_letter_life": max(DEAD_LETTER_LIFE_SECONDS, history_life),
        "dead_letters_max": DEAD_LETTERS_MAX,
        "counters": counter_names(keys),
    }
