"""The delivery: claim, render, post, commit, announce. It knows no Celery."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from notifier.discord import DiscordClient
from notifier.errors import BrokerUnavailable
from notifier.gate.admin import Gate
from notifier.gate.gate import lease_seconds
from notifier.models import AlertType
from notifier.outbox.batch_item import ADDS_A_MESSAGE, BatchItem, Request
from notifier.outbox.batch_result import BatchResult
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
)
from notifier.outbox.disposition import Action, Disposition, decide, failed_over, left_to_others
from notifier.outbox.heartbeat import Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outcome import Answer, Deferred, Delivered, Outcome, Reason, Rejected, Unknown
from notifier.render.batch import Payload, as_edit
from notifier.settings import Settings
from notifier.tracing import delivering
from notifier.webhook import Webhook
from notifier.worker.batch_payload import payload_of
from notifier.worker.delivery_log import ClaimLog, log_batch
from notifier.worker.hanging import HangingBatches
from notifier.worker.offload import Offload
from notifier.worker.own_machine import OwnMachine, backoff_seconds

logger = logging.getLogger(__name__)

COMMIT_AGAIN_SECONDS = 0.2

GOES_ON = frozenset(
    (
        *(Reason.RATE_LIMITED, Reason.CHANNEL_RATE_LIMITED, Reason.CONFIGURED_LIMIT, Reason.GLOBAL_RATE_LIMITED),
        Reason.BATCHING,
    )
)
"""What is waited for here as well as by any other worker; after other reasons another one may be the right one."""


@dataclass(frozen=True, slots=True)
class Detached:
    """Its request needs longer than a slot of the pool may wait, and goes on in a thread."""


Delivery = NotFound | Empty | Completed | Throttled | BatchResult | Detached


class DeliveryWorker:
    """Makes the requests that the gates allow.

    Args:
        announce: is given the result of each batch, and when its request and its commit began (monotonic clock).
        wake_up: sends the wake-up that a delivery asks for.
    """

    def __init__(
        self,
        outbox: Outbox,
        heartbeat: Heartbeat,
        gate: Gate,
        client: DiscordClient,
        settings: Settings,
        announce: Callable[[BatchResult, float, float], None],
        wake_up: Callable[[WakeUp], object] = lambda _: None,
    ) -> None:
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._gate = gate
        self._client = client
        self._settings = settings
        self._announce = announce
        self._machine = OwnMachine(gate.machines, settings)
        self._wake_up = wake_up
        self.hanging = HangingBatches()
        self.goes_on: Callable[[WakeUp], bool] = lambda _: False
        """Is offered the next wake-up of an outbox that was served; False: it is to be sent."""
        self._offload = Offload(sum(max(1, len(settings.webhooks_of(kind))) for kind in AlertType))
        self._redis_away = threading.Event()  # never set: its wait is a pause
        self._claim_log = ClaimLog(settings.undeliverable_seconds)

    def deliver(self, request: ClaimRequest) -> Delivery:
        """Make at most one request for the outbox that ``request`` names.

        Raises:
            BrokerUnavailable: Redis did not answer. The batch is taken over once its worker dies or its lease ends.
        """
        claim = self._claim(request)
        if isinstance(claim, Batch | FetchWebhook):
            if isinstance(claim, Batch):
                self.hanging.begins(claim)  # also while all threads are taken
            # the outbox has the alert, so its task may end before the request does
            if (delivery := self._offload.run(lambda: self._carry(request, claim))) is not None:
                return delivery
            if isinstance(claim, Batch):
                self.hanging.hangs(claim)
            return Detached()
        self._send_wake_ups(claim)
        return claim

    def begin(self, act: Callable[[], object]) -> None:
        """Have something done by one of the threads for requests, and do not wait for it. It raises nothing."""
        self._offload.begin(act)

    def deliver_here(self, request: ClaimRequest) -> Delivery:
        """As ``deliver``, in this thread however long it takes: for a thread that is no slot of the pool.

        Raises:
            BrokerUnavailable: as there.
        """
        return self._carry(request, self._claim(request))

    def tell_hanging(self) -> None:
        """Tell of each batch whose request needs longer than a slot may wait. To be called each second or so."""
        self.hanging.look(self._offload.slot_seconds)

    def drain(self) -> None:
        """Wait for the requests that hold no slot any more; the worker takes no more tasks."""
        self._offload.drain()

    def _carry(self, request: ClaimRequest, claim: Claim) -> Delivery:
        """Make the request; if the webhook's channel is not known yet, fetch it from Discord and claim again before."""
        while isinstance(claim, FetchWebhook):
            try:
                info = self._client.get_webhook(claim.webhook)
                self._gate.webhook_fetched(claim.webhook, claim.token, claim.claimed_at, info)
            finally:
                self._outbox.fetched(claim)
            self._machine.learn(info.answer)
            claim = self._claim(request)
        result = self._deliver_batch(claim) if isinstance(claim, Batch) else claim
        self._send_wake_ups(result)
        return result

    def _deliver_batch(self, batch: Batch) -> BatchResult:
        self.hanging.begins(batch)
        try:
            return self._make_request(batch)
        finally:
            self.hanging.ends(batch)
            self._outbox.recent.ended(batch)

    def _make_request(self, batch: Batch) -> BatchResult:
        began = time.monotonic()
        alerts = {each.message.id: each.trace for each in batch.items}
        with delivering(batch.alert_type, batch.webhook.id if batch.webhook else None, alerts) as ended:
            answer = self._post(batch)
            ended(*_in_words(answer.outcome), answer.http_status)
            dispositions = self._decide(batch, answer)
            committing = time.monotonic()
            result = self._wake_fallback(self._commit(batch, dispositions, answer))
        self._announce(result, began, committing)
        log_batch(batch, answer, result)
        return result

    def _claim(self, request: ClaimRequest) -> Claim:
        kind, worker = request.alert_type, self._heartbeat.worker()
        webhook, further = self._settings.webhooks.get(kind), self._settings.further_webhooks.get(kind, ())
        claim = self._outbox.claim(request, webhook, worker, self._machine.held_back(), further)
        self._claim_log.note(request.alert_type, claim)
        return claim

    def _send_wake_ups(self, delivery: Delivery) -> None:
        match delivery:
            case Throttled():
                own, fallback = delivery.reason in GOES_ON, None
            case BatchResult():
                own, fallback = True, delivery.fallback_wake_up
            case _:
                return
        if (following := delivery.wake_up) and not (own and self.goes_on(following)):
            self._wake_up(following)
        if fallback:
            self._wake_up(fallback)

    def _post(self, batch: Batch) -> Answer:
        """Discord's answer, or what stands for it if no request may be made."""
        if answer := _answer_without_request(batch, alive=self._heartbeat.known):
            return answer
        webhook = cast("Webhook", batch.webhook)  # there is one for a batch that may go
        payload = payload_of(batch)
        answer = self._ask(webhook, batch.items[0], payload)
        self._machine.learn(answer)
        return _of_none(answer) if payload.stands_for_all else answer

    def _ask(self, webhook: Webhook, first: BatchItem, payload: Payload) -> Answer:
        """One request. ``first``: its only one, if it belongs to an incident."""
        incident = first.incident
        if incident is None or incident.message_id is None or first.request in ADDS_A_MESSAGE:
            return self._client.execute(webhook, payload)
        if first.request is Request.DELETE:
            return self._client.delete(webhook, incident.message_id, incident.thread_id)
        edit = as_edit(payload, keeps_files=first.keeps_files)
        return self._client.edit(webhook, incident.message_id, edit, incident.thread_id)

    def _decide(self, batch: Batch, answer: Answer) -> list[Disposition]:
        sent = answer.http_status is not None or not isinstance(answer.outcome, Rejected)
        attempts, leave = self._settings.retry_attempts, self._settings.unknown_leave
        dispositions = left_to_others(decide(answer.outcome, batch.items, attempts, sent=sent, leave=leave))
        return failed_over(dispositions) if self._settings.fallback_for(batch.webhook) else dispositions

    def _commit(self, batch: Batch, dispositions: Sequence[Disposition], answer: Answer) -> BatchResult:
        # An answer that is not stored counts as lost, and the alert is posted again. No other worker sends it before
        # the lease ends, so the commit is repeated until then. Repeating it changes nothing.
        attempts = max(disposition.attempts for disposition in dispositions)
        longest = self._settings.retry_backoff_max_seconds
        if batch.abandoned:  # if an alert is what ends its workers, it ends one as rarely as a breaker's probe goes
            longest = max(longest, self._settings.breaker_open_max_seconds)
        retry_wait = backoff_seconds(self._settings, attempts, longest)
        deadline = time.monotonic() + lease_seconds(self._settings)
        failures = 0
        while True:
            try:
                return self._outbox.commit(batch, dispositions, answer, retry_wait)
            except BrokerUnavailable:
                if time.monotonic() > deadline:
                    raise
                if failures == 0:
                    logger.warning(
                        "Redis does not answer; the outcome of %d alerts is not stored yet", len(dispositions)
                    )
                failures += 1
                self._redis_away.wait(COMMIT_AGAIN_SECONDS)

    def _wake_fallback(self, result: BatchResult) -> BatchResult:
        fallback = self._settings.fallback
        if fallback is None or all(each.action is not Action.FAILOVER for each in result.dispositions):
            return result
        return replace(result, fallback_wake_up=self._outbox.sweep(fallback))


def _answer_without_request(batch: Batch, *, alive: bool) -> Answer | None:
    """The answer for a batch that must not be sent; None if it may. ``alive``: this process' heartbeat is known."""
    if batch.blocked is not None:
        return Answer(Rejected(batch.blocked, _BLOCKED[batch.blocked]))
    if batch.abandoned:
        return Answer(Unknown(Reason.WORKER_LOST))
    if batch.unreadable:
        return Answer(Deferred(0, Reason.NEWER_VERSION))  # the others go at once, without these
    if not alive:
        return Answer(Deferred(0, Reason.WORKER_LOST))  # paused since the claim: another worker may have the batch
    return None


def _in_words(outcome: Outcome) -> tuple[str, str | None]:
    return type(outcome).__name__.lower(), None if isinstance(outcome, Delivered) else outcome.reason


def _of_none(answer: Answer) -> Answer:
    """The answer to a request whose embed is of all its alerts: what Discord names of it is of none of them."""
    if not isinstance(answer.outcome, Rejected):
        return answer
    parts = frozenset((place, part) for place, part in answer.outcome.parts if place is None)
    return replace(answer, outcome=replace(answer.outcome, parts=parts))


_BLOCKED = {
    Reason.WEBHOOK_NOT_CONFIGURED: "no worker that runs has a webhook for this alert type",
    Reason.EXPIRED: "it still waited when it expired, by its own `expires` or by DISCORD_EXPIRE_SECONDS",
    Reason.NEWER_VERSION: (
        "no worker that came for it could read it; it is kept whole: upgrade the workers, then `notifier dead replay`"
    ),
    Reason.WEBHOOK_QUARANTINED: (
        "Discord knows none of the URLs that workers have (10015, 50027): one has to change, or `notifier gate reset`"
    ),
}
