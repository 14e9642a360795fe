"""A flood: what meets a full outbox is folded into one digest per type, sent as room appears."""

import json
import uuid

import redis

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import iso, record
from notifier.outcome import Reason, Status
from notifier.render.batch import measure
from notifier.render.digest import digest
from notifier.render.limits import EMBEDS_MAX
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import WAITING_LIFE_SECONDS, Keys
from notifier.storage.scripts import atomic_step, script

FOLDED_MAX = 10_000
"""Ours: records kept of folded alerts, per type; the digest tells of all."""
TITLES_MAX = 50
"""Ours: different titles that a digest counts; the rest are others."""
DIGEST_SECONDS = 30
"""Ours: while a flood lasts every free place is taken at once; a digest this old goes all the same."""
PRIORITY = frozenset({AlertType.CRITICAL, AlertType.SECURITY})
PRIORITY_FACTOR = 2


def capacity(settings: Settings, alert_type: AlertType) -> int:
    """How many alerts an outbox holds. Where floods are folded, critical and security hold twice as many as general,
    so that under the same load they never fold before it does."""
    if settings.queue_overflow == "digest" and alert_type in PRIORITY:
        return settings.queue_size * PRIORITY_FACTOR
    return settings.queue_size


class Digests:
    """What did not fit.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._life = WAITING_LIFE_SECONDS + round(settings.expire_seconds)
        self._fold = atomic_step(client, script("gate/gate.lua", "outbox/fold.lua"))
        self._digest = atomic_step(client, script("gate/gate.lua", "outbox/digest.lua"))

    def fold(self, message: NotificationMessage) -> str:
        """Fold an alert into the digest of its type: ``folded``, ``known`` or ``room`` (as fold.lua)."""
        kind = message.alert_type
        with broker_errors():
            ended = record(
                message,
                Status.FOLDED,
                admitted_at=clock(self._redis),
                reason=Reason.QUEUE_FULL,
                detail="told of in a digest",
            )
            answer = self._fold(
                keys=[
                    self._keys.notification(message.id),
                    *(self._keys.outbox(kind, part) for part in ("waiting", "delayed", "in_flight", "digest")),
                    *(self._keys.history(kind), self._keys.unrecorded, self._keys.troubles, self._keys.folded(kind)),
                ],
                args=[
                    *(message.id, json.dumps(ended), message.title, capacity(self._settings, kind)),
                    *(
                        round(self._settings.history_days * 86_400),
                        FOLDED_MAX,
                        kind,
                        TITLES_MAX,
                        self._keys.notification(""),
                    ),
                ],
            )
        return str(answer)

    def tell(self, alert_type: AlertType) -> bool:
        """Send the digest, where there is one and room for it, or it has waited for ``DIGEST_SECONDS``; one at a time.

        Whether it was put into the outbox. That holds one more than its bound then, and never two.
        """
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hgetall(self._keys.outbox(alert_type, "digest"))
            for part in ("waiting", "delayed", "in_flight"):
                pipeline.zcard(self._keys.outbox(alert_type, part))
            pipeline.hget(self._keys.outbox(alert_type, "state"), "digest")
            pipeline.time()
            found, waiting, delayed, in_flight, last, (now, _) = pipeline.execute()
            if not found or self._waits(last):
                return False
            room = capacity(self._settings, alert_type) - waiting - delayed - in_flight
            late = now - float(found["first_at"]) / 1_000_000 > DIGEST_SECONDS
            if room < min(EMBEDS_MAX, self._settings.queue_size) and not late:
                return False
            message = _message(alert_type, found)
            load = measure(message)
            return bool(
                self._digest(
                    keys=[
                        self._keys.notification(message.id),
                        self._keys.outbox(alert_type, "waiting"),
                        self._keys.outbox(alert_type, "digest"),
                        self._keys.sequence,
                        self._keys.outbox(alert_type, "state"),
                    ],
                    args=[
                        *(message.id, message.model_dump_json(exclude_defaults=True), load.batch_key, load.characters),
                        *(found["count"], self._life * 1_000),
                    ],
                )
            )

    def _waits(self, notification_id: str | None) -> bool:
        if notification_id is None:
            return False
        return bool(self._redis.hexists(self._keys.notification(notification_id), "message"))


def _message(alert_type: AlertType, found: dict[str, str]) -> NotificationMessage:
    titles = {field.removeprefix("title:"): int(n) for field, n in found.items() if field.startswith("title:")}
    first, last = (iso(int(float(found[at])))[:19].replace("T", " ") + " UTC" for at in ("first_at", "last_at"))
    others = int(found.get("others", 0))
    return digest(f"digest-{uuid.uuid4()}", alert_type, titles, others=others, first=first, last=last)
