"""The outbox of each alert type: admit, claim, commit, sweep; each one Lua call."""

import json
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import redis

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.gate import gate
from notifier.gate.feedback import feedback_of
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_result import BatchResult, record_of, to_payload
from notifier.outbox.claim import (
    Batch,
    Claim,
    ClaimRequest,
    Completed,
    Empty,
    FetchWebhook,
    NotFound,
    Throttled,
    WakeUp,
    batch_of,
)
from notifier.outbox.digest import capacity
from notifier.outbox.disposition import MAY_END, Disposition
from notifier.outbox.heartbeat import LIFE_SECONDS, WITNESS_SECONDS
from notifier.outbox.record import Record, iso
from notifier.outcome import Answer, Reason
from notifier.render.batch import measure
from notifier.render.limits import EMBEDS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX, NOTE_CHARACTERS_MAX
from notifier.render.notes import LATE_SECONDS
from notifier.settings import Settings, Webhook
from notifier.storage.connection import broker_errors
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS, WAITING_LIFE_SECONDS, Keys
from notifier.storage.scripts import atomic_step, script

DEAD_LETTERS_MAX = 10_000
"""Per alert type; the oldest give way."""
UNANSWERED_MAX = 100
"""Ours: claims whose answers never came that are remembered; each may hold a batch that nobody carries."""
STUCK_SECONDS = 300
"""Ours: an outbox in which nothing moved for so long is worth an alert of its own."""


class Outbox:
    """All outboxes, in one Redis.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        # what waits is swept and expires long before its key does, unless no worker runs at all
        self._life = WAITING_LIFE_SECONDS + round(settings.expire_seconds)
        shared = ("gate/gate.lua", "outbox/outbox.lua")
        self._unanswered: deque[str] = deque(maxlen=UNANSWERED_MAX)
        self._admit = atomic_step(client, script("outbox/admit.lua"))
        self._claim = atomic_step(client, script(*shared, "outbox/claim.lua"))
        self._commit = atomic_step(client, script(*shared, "outbox/commit.lua"))
        self._sweep = client.register_script(script(*shared, "outbox/sweep.lua"))

    def ping(self) -> None:
        """See whether Redis is there."""
        with broker_errors():
            self._redis.ping()

    def admit(self, message: NotificationMessage, *, spooled_seconds: float = 0, maybe_posted: bool = False) -> bool:
        """Take a notification in, once per id. True: now; False: it was here before, and nothing changed.

        ``spooled_seconds``: how long it waited elsewhere. ``maybe_posted``: a request was made, its answer was lost.

        Raises:
            QueueFull: the outbox holds ``DISCORD_QUEUE_SIZE`` notifications, waiting and in flight.
        """
        load = measure(message)
        waiting, delayed, in_flight, _, _ = self._keys.outbox_parts(message.alert_type)
        with broker_errors():
            answer = self._admit(
                keys=[self._keys.notification(message.id), waiting, delayed, in_flight, self._keys.sequence],
                args=[
                    message.id,
                    message.model_dump_json(exclude_defaults=True),
                    load.batch_key,
                    load.characters,
                    capacity(self._settings, message.alert_type),
                    self._life * 1_000,
                    round(spooled_seconds * gate.MICROSECONDS),
                    Reason.CONNECTION_LOST if maybe_posted else "",
                ],
            )
        if answer == "full":
            full = capacity(self._settings, message.alert_type)
            raise QueueFull(f"{full} {message.alert_type} alerts are waiting already (DISCORD_QUEUE_SIZE)")
        return bool(answer == "admitted")

    def claim(self, request: ClaimRequest, webhook: Webhook | None, worker: str) -> Claim:
        """Ask for a request to be made now, and for what rides in it. ``worker``: who beats for it (heartbeat.py)."""
        token = uuid.uuid4().hex
        asked = {
            "id": request.notification_id,
            "wake_up": request.wake_up,
            "token": token,
            "worker": worker,
            "worker_prefix": self._keys.worker(""),
            "witness": round(WITNESS_SECONDS * gate.MICROSECONDS),
            "lease": round(gate.lease_seconds(self._settings) * gate.MICROSECONDS),
            "life": self._life,
            "notification_prefix": self._keys.notification(""),
            "channel_prefix": self._keys.channel_prefix,
            "embeds_max": EMBEDS_MAX,
            "characters_max": EMBEDS_TOTAL_CHARACTERS_MAX,
            "note_characters": NOTE_CHARACTERS_MAX,
            "expire": round(self._settings.expire_seconds * gate.MICROSECONDS),
            "late": LATE_SECONDS * gate.MICROSECONDS,
            "unanswered": list(self._unanswered),
            "gate": gate.limits(self._settings, webhook),
        }
        try:
            with broker_errors():
                keys = [
                    *self._keys.outbox_parts(request.alert_type),
                    *self._keys.gate_parts(webhook.id if webhook else ""),
                ]
                kind, *rest = self._claim(keys=keys, args=[json.dumps(asked)])
        except BrokerUnavailable:
            self._unanswered.append(token)
            raise
        match kind:
            case "absent":
                return NotFound()
            case "idle":
                return Empty()
            case "final":
                return Completed(_finished(rest[0], rest[1]))
            case "deferred":
                wait, reason, arm = rest
                return Throttled(wait / gate.MICROSECONDS, Reason(reason), _wake_up(request.alert_type, token, arm))
            case "fetch_webhook":
                return FetchWebhook(token, rest[0])
            case _:
                return batch_of(kind, request.alert_type, token, webhook, rest)

    def commit(
        self, batch: Batch, dispositions: Sequence[Disposition], answer: Answer, retry_wait_seconds: float
    ) -> BatchResult:
        """Write down what a batch came to, and what its answer taught the gate."""
        records = {
            each.item.message.id: record_of(batch, each, answer) for each in dispositions if each.action in MAY_END
        }
        token = uuid.uuid4().hex
        asked = self._asked(batch, dispositions, answer) | {
            "wake_up": token,
            "retry_wait": round(retry_wait_seconds * gate.MICROSECONDS),
        }
        kind, fallback = batch.alert_type, self._settings.fallback or batch.alert_type
        written = [json.dumps(records.get(disposition.item.message.id, "")) for disposition in dispositions]
        with broker_errors():
            now, arm, *finals = self._commit(
                keys=[
                    *self._keys.outbox_parts(kind),
                    *self._keys.gate_parts(batch.webhook.id if batch.webhook else ""),
                    *(
                        self._keys.history(kind),
                        self._keys.dead_letters(kind),
                        self._keys.unrecorded,
                        self._keys.sequence,
                        self._keys.troubles,
                    ),
                    *self._keys.outbox_parts(fallback)[:3],
                ],
                args=[json.dumps(asked), *written],
            )
        return BatchResult(
            tuple(dispositions),
            tuple({**records[notification_id], "finished_at": iso(now)} for notification_id in finals),
            _wake_up(kind, token, arm),
            retry_wait_seconds,
        )

    def _asked(self, batch: Batch, dispositions: Sequence[Disposition], answer: Answer) -> dict[str, Any]:
        return {
            "token": batch.token,
            "notification_prefix": self._keys.notification(""),
            "channel_prefix": self._keys.channel_prefix,
            "gate": gate.limits(self._settings, batch.webhook),
            "report": None if batch.blocked or batch.abandoned else feedback_of(answer, batch.claimed_at),
            "embeds_max": EMBEDS_MAX,
            "life": self._life,
            "history_life": round(self._settings.history_days * 86_400),
            "dead_letter_life": max(DEAD_LETTER_LIFE_SECONDS, round(self._settings.history_days * 86_400)),
            "dead_letters_max": DEAD_LETTERS_MAX,
            "history_prefix": self._keys.history(""),
            "dead_letters_prefix": self._keys.dead_letters(""),
            "fallback": self._settings.fallback,
            "fallback_capacity": capacity(self._settings, self._settings.fallback or batch.alert_type),
            "dispositions": [to_payload(disposition) for disposition in dispositions],
        }

    def force_wake(self, alert_type: AlertType) -> WakeUp | None:
        """The wake-up to send for what waits here, though one may be under way for later: the gate has changed."""
        with broker_errors():
            self._redis.delete(self._keys.outbox(alert_type, "wake_up"))
        return self.sweep(alert_type)

    def sweep(self, alert_type: AlertType, *, served: bool = True) -> WakeUp | None:
        """The wake-up to send where something waits here that nobody is coming for.

        ``served``: a worker of the caller's takes this type. Where none does, it is only seen whether something moves.
        """
        token = uuid.uuid4().hex
        with broker_errors():
            arm = self._sweep(
                keys=[*self._keys.outbox_parts(alert_type), self._keys.troubles],
                args=[
                    token,
                    self._keys.worker(""),
                    round(LIFE_SECONDS * gate.MICROSECONDS),
                    round(WITNESS_SECONDS * gate.MICROSECONDS),
                    alert_type,
                    self._keys.notification(""),
                    STUCK_SECONDS * gate.MICROSECONDS,
                    int(served),
                ],
            )
        return _wake_up(alert_type, token, arm)

    def depth(self, alert_type: AlertType) -> int:
        """Notifications held: waiting, backing off and in flight."""
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for key in self._keys.outbox_parts(alert_type)[:3]:
                pipeline.zcard(key)
            return sum(pipeline.execute())

    def unrecorded(self) -> list[Record]:
        """Final records that were not seen to reach the result backend."""
        with broker_errors():
            ids = cast("list[str]", self._redis.zrange(self._keys.unrecorded, 0, 99))
            found = dict(zip(ids, self.finals(ids), strict=True))
            if forgotten := [each for each, final in found.items() if final is None]:
                self._redis.zrem(self._keys.unrecorded, *forgotten)
            return [final for final in found.values() if final]

    def recorded(self, notification_ids: Sequence[str]) -> None:
        """These have reached the result backend."""
        with broker_errors():
            self._redis.zrem(self._keys.unrecorded, *notification_ids)

    def final(self, notification_id: str) -> Record | None:
        """The record of a notification whose story has ended."""
        return self.finals([notification_id])[0]

    def finals(self, notification_ids: Sequence[str]) -> list[Record | None]:
        """The same for several, in one round trip."""
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for each in notification_ids:
                pipeline.hmget(self._keys.notification(each), ["record", "finished_at"])
            return [_finished(*found) if all(found) else None for found in pipeline.execute()]


def _finished(text: str, finished_at: str) -> Record:
    return cast("Record", {**json.loads(text), "finished_at": iso(int(float(finished_at)))})


def _wake_up(alert_type: AlertType, token: str, arm: int) -> WakeUp | None:
    return None if arm < 0 else WakeUp(alert_type, token, arm / gate.MICROSECONDS)
