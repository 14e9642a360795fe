"""What waits and has lost its text: Redis has dropped the hash, or somebody has deleted it."""

import json
import logging
import uuid
from collections.abc import Sequence

import redis

from notifier.gate.gate import GATE_SCRIPTS
from notifier.models import NotificationMessage
from notifier.outbox.record import as_result, record
from notifier.outbox.records import dead_letter_arguments
from notifier.outcome import Reason, Status
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

logger = logging.getLogger(__name__)

TITLE = "An alert that Redis has forgotten"
DETAIL = "Redis dropped its text while it waited, or somebody deleted it; is maxmemory-policy noeviction?"


class Forgotten:
    """Makes dead letters of them, so that nobody waits for them and somebody is told."""

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._keys = Keys(settings.key_prefix)
        self._dead_letter_arguments = dead_letter_arguments(self._keys, settings)
        self._forget = atomic_step(
            client,
            script(
                *GATE_SCRIPTS, "outbox/known.lua", "outbox/record.lua", "outbox/unannounced.lua", "outbox/forget.lua"
            ),
        )

    def bury(self, outbox: Partition, notification_ids: Sequence[str]) -> None:
        """Store the record of each, and take it out of its outbox. Repeating it changes nothing.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        buried = [each for each in notification_ids if self._bury(outbox, each)]
        if buried:
            logger.error("%d alerts of %s are lost: %s (%s)", len(buried), outbox.alert_type, DETAIL, ", ".join(buried))

    def _bury(self, outbox: Partition, notification_id: str) -> bool:
        alert_type = outbox.alert_type
        stamp = uuid.uuid4().hex
        message = NotificationMessage(id=notification_id, alert_type=alert_type, title=TITLE, message=DETAIL)
        ended = record(
            message, Status.FAILED, admitted_at=stamp, finished_at=stamp, reason=Reason.FORGOTTEN, detail=DETAIL
        )
        asked = {
            **self._dead_letter_arguments,
            "id": notification_id,
            "type": alert_type,
            "status": ended["status"],
            "reason": ended["reason"],
            "stamp": stamp,
            "record": json.dumps(ended),
        }
        keys = self._keys
        with broker_errors():
            stored = self._forget(
                keys=[
                    *(keys.notification(notification_id), keys.result(notification_id), keys.history(alert_type)),
                    *(keys.troubles, keys.callbacks, keys.unannounced, *keys.outbox_parts(outbox)[:3]),
                ],
                args=[json.dumps(asked), as_result(ended)],
            )
        return bool(stored)
