"""The way of an alert inside a worker: claim → render → post → commit → record. Knows no Celery."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

from notifier.discord import DiscordClient
from notifier.errors import BrokerUnavailable
from notifier.gate.admin import Gate
from notifier.gate.gate import MICROSECONDS, lease_seconds
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Batch, ClaimRequest, Completed, Empty, FetchWebhook, NotFound, Throttled
from notifier.outbox.disposition import Action, BatchItem, Disposition, decide, failed_over
from notifier.outbox.heartbeat import Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.record import Record
from notifier.outcome import Answer, Deferred, Delivered, Reason, Rejected, Unknown
from notifier.render.batch import compose
from notifier.render.notes import note
from notifier.settings import Settings

logger = logging.getLogger(__name__)

SETTLE_AGAIN_SECONDS = 0.2

Delivery = NotFound | Empty | Completed | Throttled | BatchResult


class DeliveryWorker:
    """Carries what the gate lets through; ``record`` stores the records of what became final."""

    def __init__(
        self,
        outbox: Outbox,
        heartbeat: Heartbeat,
        gate: Gate,
        client: DiscordClient,
        settings: Settings,
        record: Callable[[Sequence[Record]], None],
    ) -> None:
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._gate = gate
        self._client = client
        self._settings = settings
        self._record = record
        self._redis_away = threading.Event()  # never set: its wait is a pause

    def deliver(self, request: ClaimRequest) -> Delivery:
        """Make at most one request for the outbox that ``request`` names.

        Raises:
            BrokerUnavailable: Redis did not answer. The batch comes back when its worker dies or its lease ends.
        """
        webhook = self._settings.webhooks.get(request.alert_type)
        claim = self._outbox.claim(request, webhook, self._heartbeat.worker())
        if isinstance(claim, FetchWebhook):
            self._fetch_webhook(request, claim)
            return self.deliver(request)
        if not isinstance(claim, Batch):
            return claim

        answer = self._answer(claim)

        sent = answer.http_status is not None or not isinstance(answer.outcome, Rejected)
        attempts, leave = self._settings.retry_attempts, self._settings.unknown_leave
        dispositions = decide(answer.outcome, claim.items, attempts, sent=sent, leave=leave)
        if self._has_fallback(claim):
            dispositions = failed_over(dispositions)
        retry_wait = self.backoff_seconds(max(disposition.attempts for disposition in dispositions))
        result = self._commit(claim, dispositions, answer, retry_wait)
        if any(disposition.action is Action.FAILOVER for disposition in dispositions) and self._settings.fallback:
            result = replace(result, fallback_wake_up=self._outbox.sweep(self._settings.fallback))
        self._store(result)
        _log(claim, answer, result)
        return result

    def _has_fallback(self, batch: Batch) -> bool:
        fallback = self._settings.fallback
        webhook = self._settings.webhooks.get(fallback) if fallback else None
        return webhook is not None and (batch.webhook is None or webhook.id != batch.webhook.id)

    def _commit(self, batch: Batch, dispositions: list[Disposition], answer: Answer, retry_wait: float) -> BatchResult:
        # An answer that is not written down would be asked for again, and the alert posted twice: while the lease
        # lasts nobody else sends it, so for so long it is worth another try. Settling twice does no harm.
        deadline = time.monotonic() + lease_seconds(self._settings)
        for failures in count():
            try:
                return self._outbox.commit(batch, dispositions, answer, retry_wait)
            except BrokerUnavailable:
                if time.monotonic() > deadline:
                    raise
                if failures == 0:
                    logger.warning("the outcome of %d alerts is not written down yet: Redis is away", len(dispositions))
                self._redis_away.wait(SETTLE_AGAIN_SECONDS)
        raise AssertionError("unreachable: the count has no end")

    def _store(self, result: BatchResult) -> None:
        try:
            self._record(result.records)
        except Exception:
            # whatever a result backend raises: the alerts are settled, and the sweeper stores what was not stored
            logger.exception("%d results could not be stored", len(result.records))

    def backoff_seconds(self, attempts: int) -> float:
        """Exponential in the attempts made, capped, and jittered between half and the whole of it."""
        longest: float = min(
            self._settings.retry_backoff_seconds * 2 ** max(0, attempts - 1), self._settings.retry_backoff_max_seconds
        )
        return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, guards nothing

    def _answer(self, batch: Batch) -> Answer:
        if batch.blocked is not None:
            return Answer(Rejected(batch.blocked, _BLOCKED[batch.blocked]))
        if batch.unreadable:
            return Answer(Rejected(Reason.INVALID_MESSAGE, "not readable by this version", _positions(batch)))
        if batch.abandoned or batch.webhook is None:
            return Answer(Unknown(Reason.WORKER_LOST))
        if not self._heartbeat.known:
            return Answer(Deferred(0, Reason.WORKER_LOST))  # paused since the claim, say: another may be posting these
        payload = compose(batch.messages, [_note(batch, each) for each in batch.items])
        return self._client.execute(batch.webhook, payload)

    def _fetch_webhook(self, request: ClaimRequest, asked: FetchWebhook) -> None:
        webhook = self._settings.webhooks[request.alert_type]
        self._gate.webhook_fetched(webhook, asked.token, asked.claimed_at, self._client.get_webhook(webhook))


def _note(batch: Batch, item: BatchItem) -> str:
    return note(
        maybe_posted=item.maybe_posted,
        delayed_seconds=(batch.claimed_at - item.admitted_at) / MICROSECONDS,
        delayed_by=item.delayed_by,
        meant_for="" if item.message.alert_type is batch.alert_type else item.message.alert_type,
    )


def _positions(batch: Batch) -> frozenset[int]:
    return frozenset(at for at, message in enumerate(batch.messages) if message.id in batch.unreadable)


_BLOCKED = {
    Reason.WEBHOOK_NOT_CONFIGURED: "no webhook is configured for this alert type where the worker runs",
    Reason.EXPIRED: "it waited for longer than DISCORD_EXPIRE_SECONDS",
    Reason.WEBHOOK_QUARANTINED: "Discord answered 401 or 404 for this webhook; it is used again once its URL changes",
}


def _log(batch: Batch, answer: Answer, result: BatchResult) -> None:
    where = f"Discord webhook {batch.webhook.id if batch.webhook else '(none)'} for {batch.alert_type}"
    match answer.outcome:
        case Delivered(message_id, _):
            logger.info("%s: delivered %d as message %s", where, len(batch.items), message_id)
        case Deferred(wait_seconds, reason, _):
            logger.warning("%s: %s, waiting %.1f s", where, reason, wait_seconds)
        case outcome:
            dead = len(result.records)
            logger.error("%s: %s %s (%d dead)", where, outcome.reason, outcome.detail, dead)
