"""What a batch came to: each verdict as settle.lua reads it, the record it may end in, and what the settle answered."""

from dataclasses import dataclass
from typing import Any

from notifier.outbox.claim import Batch, WakeUp
from notifier.outbox.verdict import Verdict
from notifier.outcome import Answer, Delivered
from notifier.record import Record, record
from notifier.render.batch import measure

TRAIL_DETAIL_CHARACTERS = 200
"""Ours: how much of Discord's answer an alert's story keeps of each step."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a batch came to: every verdict, the records that became final by it, and the next wake-up to send."""

    verdicts: tuple[Verdict, ...]
    records: tuple[Record, ...]
    wake_up: WakeUp | None
    retry_wait_seconds: float
    fallback_wake_up: WakeUp | None = None


def told(verdict: Verdict) -> dict[str, Any]:
    """A verdict as settle.lua reads it."""
    return {
        "id": verdict.passenger.message.id,
        "type": verdict.passenger.message.alert_type,
        "next": verdict.next,
        "attempts": verdict.attempts,
        "alone": verdict.alone,
        "status": verdict.status,
        "dead": verdict.dead,
        "reason": verdict.reason or "",
        "detail": verdict.detail[:TRAIL_DETAIL_CHARACTERS],
        "fallback_share": _fallback_share(verdict),
    }


def record_of(batch: Batch, verdict: Verdict, answer: Answer) -> Record:
    """What the history keeps of a notification, should this verdict be its end."""
    delivered = answer.outcome if isinstance(answer.outcome, Delivered) else Delivered(None, None)
    return record(
        verdict.passenger.message,
        verdict.status,
        admitted_at=verdict.passenger.admitted_at,
        attempts=verdict.attempts,
        reason=verdict.reason,
        detail=verdict.detail,
        webhook_id=batch.webhook.id if batch.webhook else None,
        carried_with=len(batch.passengers) - 1,
        message_id=delivered.message_id,
        channel_id=delivered.channel_id,
        guild_id=batch.guild_id,
    )


def _fallback_share(verdict: Verdict) -> str:
    if verdict.next != "reroute":
        return ""
    return measure(verdict.passenger.message.model_copy(update={"thread_id": None})).share
