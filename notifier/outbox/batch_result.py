"""The result of a batch: each disposition as commit.lua reads it, its record, and the answer of the commit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.errors import DeliveryFailed
from notifier.gate.counters import field, request_alerts_bound
from notifier.outbox.batch_item import ADDS_A_MESSAGE, THREAD_NAME, Request
from notifier.outbox.claim import Batch, WakeUp
from notifier.outbox.disposition import MAY_END, Action, Disposition
from notifier.outbox.incident import shown_by
from notifier.outbox.record import Record, iso, record, retry_result
from notifier.outcome import Answer, Deferred, Delivered, Reason, Status
from notifier.render.load import measure
from notifier.render.ornaments import OF_MESSAGE

NEVER_ASKED = frozenset({Reason.NEWER_VERSION, Reason.WORKER_LOST})
"""Deferred by this worker itself, before a request."""
EVENT_DETAIL_CHARACTERS = 200
"""Ours: how much of Discord's answer an event keeps."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Every disposition of a batch, the records that became final by it, and the next wake-up to send.

    ``callbacks``: what is to be called now (JSON, callbacks.py), by the id of the notification on which it hangs.
    ``untold``: ids of which no worker has told Flower so far that they were received.
    """

    dispositions: tuple[Disposition, ...]
    records: tuple[Record, ...]
    wake_up: WakeUp | None
    retry_wait_seconds: float
    callbacks: Mapping[str, str]
    fallback_wake_up: WakeUp | None = None
    untold: frozenset[str] = frozenset()


def to_payload(
    batch: Batch, disposition: Disposition, answer: Answer, ended: Record | None, retry_wait_seconds: float
) -> dict[str, Any]:
    """A disposition as commit.lua reads it; ``ended``: its record, if it may be final."""
    return {
        "id": disposition.item.message.id,
        "type": disposition.item.message.alert_type,
        "action": disposition.action,
        "attempts": disposition.attempts,
        "admitted_at": disposition.item.admitted_at,
        "due_at": max(disposition.item.admitted_at, disposition.item.not_before),
        "unreadable": disposition.item.unreadable is not None,
        "isolate": disposition.isolate,
        "status": disposition.status,
        "dead": disposition.dead,
        "reason": disposition.reason or "",
        "detail": _detail(batch, disposition)[:EVENT_DETAIL_CHARACTERS],
        "fallback_batch_key": _fallback_batch_key(disposition),
        "record": json.dumps(ended) if ended and disposition.dead else None,
        "cut": ended is not None and "cut_from_bytes" in ended,
        "maybe_posted": ended is not None and "maybe_posted" in ended,
        "progress": disposition.progress.as_json(),
        "forum": _forum(disposition),
        "shown": disposition.shown or _shown(batch, disposition, answer),
        "retry_result": _retry_result(disposition, retry_wait_seconds),
    }


def _detail(batch: Batch, disposition: Disposition) -> str:
    is_post = disposition.action is Action.COMPLETE and disposition.item.request is Request.POST
    if batch.silent and is_post and disposition.status is Status.DELIVERED:
        return disposition.detail or "without sound: quiet hours"
    return disposition.detail


def _shown(batch: Batch, disposition: Disposition, answer: Answer) -> dict[str, str] | None:
    """What is known of the message of its incident, once that shows it."""
    item, posted, webhook = disposition.item, answer.outcome, batch.webhook
    if not (item.incident and webhook and isinstance(posted, Delivered) and disposition.status is Status.DELIVERED):
        return None
    if item.request is Request.EDIT:
        thread_id = item.incident.thread_id
    else:
        opens_thread = (item.part.thread_name and THREAD_NAME not in item.left_out) or item.progress.in_forum
        thread_id = item.part.thread_id or (posted.channel_id if opens_thread else webhook.thread_id)
    files = {} if item.request is Request.EDIT and item.keeps_files else {"files": "1" if item.message.files else ""}
    return shown_by(item.message, posted, webhook, batch.guild_id, thread_id) | files


def counts_of_request(batch: Batch, answer: Answer) -> dict[str, int]:
    """What is counted of its request (counters.py), how often by field: nothing if none was to be made."""
    kind, count, outcome = batch.alert_type, len(batch.items), answer.outcome
    if batch.blocked or batch.abandoned:
        return {}
    deferred = {field("deferred", kind, outcome.reason): 1} if isinstance(outcome, Deferred) else {}
    if isinstance(outcome, Deferred) and outcome.reason in NEVER_ASKED:
        return deferred
    return deferred | {
        field("requests", kind, batch.items[0].method, answer.http_status or "none"): 1,
        field("request_alerts", kind, request_alerts_bound(count)): 1,
        field("request_alerts_sum", kind): count,
    }


def posted_in(batch: Batch, answer: Answer) -> str:
    """The channel in which there is one more message of ours; '' if there is none more."""
    match answer.outcome:
        case Delivered(_, str(channel_id)) if batch.items[0].request in ADDS_A_MESSAGE:
            return channel_id
        case _:
            return ""


def _forum(disposition: Disposition) -> bool | None:
    """What it has learned of its channel: whether it is a forum; None: nothing."""
    now, before = disposition.progress.in_forum, disposition.item.progress.in_forum
    return now if disposition.action is Action.CONTINUE and now is not before else None


def _retry_result(disposition: Disposition, retry_wait_seconds: float) -> str | None:
    if disposition.action not in (Action.RETRY_LATER, Action.ATTEMPTS_EXHAUSTED):
        return None
    return retry_result(disposition.item.message.id, DeliveryFailed(str(disposition.reason), retry_wait_seconds))


def records_of(
    batch: Batch, dispositions: Sequence[Disposition], answer: Answer, stamp: str, text_bytes_max: int
) -> dict[str, Record]:
    """The records of those that their dispositions may end, by id. ``stamp``: the placeholder of the time."""
    shared = frozenset[str]().union(*(each.left_out for each in batch.items)) & OF_MESSAGE
    return {
        each.item.message.id: _record_of(batch, each, answer, stamp, text_bytes_max, shared)
        for each in dispositions
        if each.action in MAY_END
    }


def _record_of(
    batch: Batch, disposition: Disposition, answer: Answer, stamp: str, text_bytes_max: int, shared: frozenset[str]
) -> Record:
    delivered = answer.outcome if isinstance(answer.outcome, Delivered) else Delivered(None, None)
    progress = disposition.item.progress
    message_ids = [*progress.message_ids, *filter(None, [delivered.message_id])]
    ended = record(
        disposition.item.message,
        disposition.status,
        admitted_at=iso(disposition.item.admitted_at),
        finished_at=stamp,
        attempts=disposition.attempts,
        reason=disposition.reason,
        detail=_detail(batch, disposition),
        webhook_id=batch.webhook.id if batch.webhook else None,
        carried_with=len(batch.items) - 1,
        message_id=message_ids[0] if message_ids else None,
        channel_id=progress.channel_id or delivered.channel_id,
        guild_id=batch.guild_id,
        revoke=f"revoke-{stamp}",
        text_bytes_max=text_bytes_max,
    )
    if left_out := disposition.item.left_out | shared & disposition.item.ornaments:
        ended["left_out"] = sorted(left_out)
    if progress.message_ids:
        ended["message_ids"] = message_ids
    if disposition.item.maybe_posted or progress.maybe_posted:
        ended["maybe_posted"] = True
    return ended


def _fallback_batch_key(disposition: Disposition) -> str:
    if disposition.action is not Action.FAILOVER or disposition.item.unreadable:
        return ""
    return measure(disposition.item.message.model_copy(update={"thread_id": None})).batch_key
