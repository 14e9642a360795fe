"""Withdraws notifications that wait: what Celery's ``revoke`` does to an alert."""

import json
import uuid
from enum import StrEnum

import redis

from notifier.gate.counters import counter_names
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.partitions import partitions_of
from notifier.outbox.payload import PAYLOAD_VERSION, fields_of, read
from notifier.outbox.record import Record, as_result, iso, of_result, record
from notifier.outbox.steps import OUTBOX_SCRIPTS
from notifier.settings import Settings
from notifier.status import Reason, Status
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

FIELDS = ["message", "admitted_at", "attempts", "unknown", "status", "finished_at", "record"]
MAYBE_POSTED = "it may be in the channel all the same: the answer to an earlier request was lost"


class Withdrawal(StrEnum):
    """What a withdrawal came to."""

    WITHDRAWN = "withdrawn"
    """It is not sent, and has its record."""
    TOO_LATE = "too_late"
    """It is under way. It is sent all the same, and its record says that a revoke came too late."""
    ALREADY_WITHDRAWN = "already_withdrawn"
    """Somebody has withdrawn it before."""
    COMPLETED = "completed"
    """It has its record already, and ended in another way."""
    NOT_FOUND = "not_found"
    """No notification has this id: none was admitted with it so far, or its record has expired."""


def in_words(came_to: Withdrawal, ended: Record | None) -> str:
    """What a withdrawal came to, for people. ``ended``: the record of that alert, if there is one."""
    how = f" ({ended['status']})" if ended and came_to is Withdrawal.COMPLETED else ""
    return came_to.replace("_", " ") + how


class Withdrawals:
    """Ends notifications before they are sent.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = round(settings.history_days * 86_400)
        self._text_bytes_max = settings.history_text_bytes
        self._withdraw = atomic_step(client, script(*OUTBOX_SCRIPTS, "outbox/unannounced.lua", "outbox/withdraw.lua"))

    def withdraw(self, notification_id: str, by: str = "") -> Withdrawal:
        """Take one out of its outbox; its record has the status ``withdrawn``. Repeating it changes nothing.

        ``by``: who does it, and why, for the record's detail.
        """
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hmget(self._keys.notification(notification_id), FIELDS)
            pipeline.get(self._keys.result(notification_id))
            (text, admitted_at, attempts, unknown, status, *ends), result = pipeline.execute()
        if status == Status.WITHDRAWN:
            return Withdrawal.ALREADY_WITHDRAWN
        if text is None:  # one that no outbox took has only its record, one that Celery has forgotten only the fields
            return Withdrawal.COMPLETED if any(ends) or of_result(result) else Withdrawal.NOT_FOUND
        message, stamp = _message(notification_id, text), uuid.uuid4().hex
        ended = record(
            message,
            Status.WITHDRAWN,
            admitted_at=iso(int(float(admitted_at or 0))),
            finished_at=stamp,
            attempts=int(attempts or 0),
            reason=Reason.REVOKED,
            detail="; ".join(filter(None, (by, MAYBE_POSTED if unknown else ""))),
            text_bytes_max=self._text_bytes_max,
        )
        if unknown:
            ended["maybe_posted"] = True
        partitions = partitions_of(self._redis, self._keys)
        places = [place for each in partitions for place in self._keys.outbox_parts(each)[:2]]
        with broker_errors():
            answer = self._withdraw(
                keys=[
                    *(self._keys.notification(notification_id), self._keys.result(notification_id)),
                    *(self._keys.history(message.alert_type), self._keys.callbacks, self._keys.unannounced, *places),
                ],
                args=[
                    *(notification_id, as_result(ended), stamp, Status.WITHDRAWN, Reason.REVOKED),
                    *(self._life_seconds, json.dumps(ended)),
                    *(message.alert_type, json.dumps(counter_names(self._keys))),
                ],
            )
        return Withdrawal(answer)


def _message(notification_id: str, text: str) -> NotificationMessage:
    kind = str((fields_of(text) or {}).get("alert_type"))
    known = AlertType(kind) if kind in set(AlertType) else AlertType.GENERAL
    return read(notification_id, known, text, PAYLOAD_VERSION)[0]  # whichever version wrote it
