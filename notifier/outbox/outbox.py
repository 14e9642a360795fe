"""The outbox of each alert type: claim, commit, sweep; each one Lua call."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import redis

from notifier.errors import BrokerUnavailable
from notifier.gate.feedback import feedback_of
from notifier.gate.gate import lease_seconds, microseconds
from notifier.models import AlertType
from notifier.outbox.admission import Admission
from notifier.outbox.batch_item import BatchItem
from notifier.outbox.batch_result import BatchResult, counts_of_request, posted_in, records_of, to_payload
from notifier.outbox.claim import (
    Batch,
    Claim,
    ClaimRequest,
    Completed,
    Empty,
    FetchWebhook,
    HeldBack,
    NotFound,
    Throttled,
    WakeUp,
    batch_of,
    new_token,
)
from notifier.outbox.disposition import Disposition
from notifier.outbox.forgotten import Forgotten
from notifier.outbox.heartbeat import LIFE_SECONDS
from notifier.outbox.mentions import with_mentions
from notifier.outbox.overlooked import Overlooked
from notifier.outbox.partitions import Choice, Partitions
from notifier.outbox.preparation import prepare_stored
from notifier.outbox.quiet import hold_arguments, is_silent
from notifier.outbox.recent_steps import RecentSteps, Step
from notifier.outbox.record import Record, as_result, iso
from notifier.outbox.server_run import ServerRun
from notifier.outbox.step_arguments import StepArguments
from notifier.outbox.steps import (
    CACHE,
    CLAIM_SCRIPTS,
    COMMIT_SCRIPTS,
    OUTBOX_SCRIPTS,
    WITNESS_SECONDS,
    waiting_life_seconds,
)
from notifier.outbox.unanswered import UnansweredClaims
from notifier.outcome import Answer, Delivered, Reason
from notifier.quiet_hours import Manner
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script
from notifier.webhook import Webhook

STUCK_SECONDS = 300
"""Ours: an outbox in which nothing has moved for this time is reported."""


class Outbox:
    """All outboxes, in one Redis.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = waiting_life_seconds(settings)
        self._arguments = StepArguments(settings)
        self._unanswered = UnansweredClaims(lease_seconds(settings))
        admission = Admission(client, settings)
        self.ping, self.admit, self.admit_newer = admission.ping, admission.admit, admission.admit_newer
        self.recent = RecentSteps(client, self._keys, lease_seconds(settings), self._life_seconds)
        run = ServerRun(client, self._keys)
        claim = script(*CACHE, *OUTBOX_SCRIPTS, *CLAIM_SCRIPTS, "outbox/claim.lua")
        self._claim = atomic_step(client, run.marked(claim), run.note)
        self._commit = atomic_step(client, script(*CACHE, *OUTBOX_SCRIPTS, *COMMIT_SCRIPTS, "outbox/commit.lua"))
        self._sweep = client.register_script(script(*OUTBOX_SCRIPTS, "outbox/sweep.lua"))
        self._forgotten = Forgotten(client, settings)
        self.partitions = Partitions(client, self._keys)
        self.overlooked = Overlooked(client, self._keys).among

    def claim(
        self,
        request: ClaimRequest,
        webhook: Webhook | None,
        worker: str,
        held_back: HeldBack | None = None,
        further: Sequence[Webhook] = (),
    ) -> Claim:
        """Ask whether a request may go now, and which notifications ride in it.

        ``worker``: name of its heartbeat. ``held_back``: its machine makes no request now; another one's worker may.
        ``further``: webhooks of the type besides ``webhook``. Each partition has one of them, and another one if that
        is quarantined.
        """
        choice = Choice(webhook, further, request.partition)
        token = new_token(request.partition)
        while True:
            kind, *rest = self._ask(request, choice, worker, token, held_back)
            match kind:
                case "forgotten":
                    self._forgotten.bury(request.outbox, rest)
                case "elsewhere":
                    request = replace(request, partition=rest[0])
                    choice, token = Choice(webhook, further, request.partition), new_token(request.partition)
                case "gone":
                    choice.leave()
                case "shown_by":
                    choice.prefer(rest[0])
                case _:
                    return self._answer(kind, rest, request, choice, token, worker)

    def _answer(
        self, kind: str, rest: list[Any], request: ClaimRequest, choice: Choice, token: str, worker: str
    ) -> Claim:
        match kind:
            case "not_found":
                return NotFound()
            case "empty":
                return Empty()
            case "completed":
                return Completed()
            case "throttled":
                wait, reason, arm = rest
                return Throttled(wait / MICROSECONDS, Reason(reason), _wake_up(request.alert_type, token, arm))
            case "fetch_webhook":
                return FetchWebhook(cast("Webhook", choice.webhook), token, rest[0])
            case _:
                batch = self._prepared(batch_of(kind, request.outbox, token, choice.webhook, rest))
                self.recent.claimed(batch, worker)
                return replace(batch, left_out=tuple(choice.left_out)) if choice.left_out else batch

    def fetched(self, fetch: FetchWebhook) -> None:
        """Get Webhook was asked. Whether or not Redis has the answer, and keeps it: nobody is to wait for it."""
        self._unanswered.add(fetch.webhook.id, fetch.token)

    def _prepared(self, batch: Batch) -> Batch:
        items = [self._prepared_item(each) for each in batch.items]
        items = [each.of_incident(batch.webhook) if each.incident and not each.unreadable else each for each in items]
        at = datetime.fromtimestamp(batch.claimed_at / MICROSECONDS, UTC)
        silent = is_silent((each.message for each in items), at, self._settings)
        return with_mentions(replace(batch, items=tuple(items), silent=silent), self._settings.mentions_by_type)

    def _prepared_item(self, item: BatchItem) -> BatchItem:
        message = prepare_stored(item.message, self._settings)
        return item if message is item.message else replace(item, message=message)

    def _ask(
        self, request: ClaimRequest, choice: Choice, worker: str, token: str, held_back: HeldBack | None
    ) -> list[Any]:
        may_hold = request.outbox, choice.webhook.id if choice.webhook else ""
        unanswered = self._unanswered.tokens(*may_hold)
        asked = self._arguments.of_claim(
            request,
            choice,
            token=token,
            worker=worker,
            unanswered=unanswered,
            quiet=self._hold(request.alert_type),
            held_back=microseconds(held_back.seconds) if held_back else 0,
            held_back_by=held_back.reason if held_back else "",
        )
        try:
            with broker_errors():
                answer: list[Any] = self._claim(keys=asked.keys, args=[asked.argument])
        except BrokerUnavailable:
            self._unanswered.add(request.outbox, token)
            raise
        self._unanswered.answered(may_hold, unanswered)
        return answer

    def _hold(self, alert_type: AlertType) -> dict[str, Any] | None:
        if self._settings.quiet_hours_of(alert_type).manner is Manner.SILENT:
            return None  # as nearly always, and Redis need not be asked for the time
        with broker_errors():
            return hold_arguments(alert_type, clock(self._redis), self._settings)

    def commit(
        self, batch: Batch, dispositions: Sequence[Disposition], answer: Answer, retry_wait_seconds: float
    ) -> BatchResult:
        """Store the result of a batch, and what its answer taught the gate. Repeating it changes nothing."""
        stamp, token = uuid.uuid4().hex, new_token(batch.partition)
        records = records_of(batch, dispositions, answer, stamp, self._settings.history_text_bytes)
        asked = self._arguments.of_commit(
            batch,
            report=None if batch.blocked or batch.abandoned else feedback_of(answer, batch.claimed_at),
            counted=counts_of_request(batch, answer),
            pinged=batch.pinging if isinstance(answer.outcome, Delivered) else (),
            posted=posted_in(batch, answer),
            wake_up=token,
            dispositions=[
                to_payload(batch, each, answer, records.get(each.item.message.id), retry_wait_seconds)
                for each in dispositions
            ],
            stamp=stamp,
            retry_wait=microseconds(retry_wait_seconds),
        )
        args = [asked.argument, *(_result(records.get(each.item.message.id)) for each in dispositions)]
        step = Step(batch.alert_type, asked.keys, args, wake_up=token)
        with broker_errors():
            now, arm, untold, *ended = self._commit(keys=step.keys, args=step.args)
        self.recent.committed(batch, step)
        final = list(zip(*[iter(ended)] * 4, strict=True))
        return BatchResult(
            tuple(dispositions),
            tuple(_ended(records[each], now, revoke, doubtful) for each, revoke, _, doubtful in final),
            _wake_up(batch.alert_type, token, arm),
            retry_wait_seconds,
            {each: callbacks for each, _, callbacks, _ in final if callbacks},
            untold=frozenset(untold),
        )

    def commit_again(self, until: float) -> list[WakeUp]:
        """Commit again what Redis may have forgotten; returns the wake-ups to send.

        ``until``: the last moment (monotonic clock) at which the run of the server that has ended was known to answer.
        """
        again = self.recent.commit_again(self._commit, until)
        return [wake_up for step, arm in again if (wake_up := _wake_up(step.alert_type, step.wake_up, arm))]

    def force_wake(self, alert_type: AlertType) -> list[WakeUp]:
        """As ``sweep`` of each partition, but regardless of a wake-up under way: a gate has changed."""
        partitions = self.partitions.of(alert_type)
        with broker_errors():
            self._redis.delete(*(self._keys.outbox(each, "wake_up") for each in partitions))
        return [wake_up for each in partitions if (wake_up := self.sweep(*each))]

    def sweep(self, alert_type: AlertType, partition: int = 0, *, served: bool = True) -> WakeUp | None:
        """Return the wake-up to send if something waits here that no delivery task will come for.

        ``served``: the caller's worker consumes the queue of this type. If not, only a standstill is reported.
        """
        outbox, token = Partition(alert_type, partition), new_token(partition)
        with broker_errors():
            arm = self._sweep(
                keys=[*self._keys.outbox_parts(outbox), self._keys.troubles],
                args=[
                    *(token, self._keys.worker(""), microseconds(LIFE_SECONDS), microseconds(WITNESS_SECONDS)),
                    *(str(outbox), self._keys.notification(""), microseconds(STUCK_SECONDS), int(served)),
                    *(microseconds(lease_seconds(self._settings)), self._life_seconds),
                ],
            )
        return _wake_up(alert_type, token, arm)

    def depth(self, alert_type: AlertType, partition: int | None = None) -> int:
        """Notifications held: waiting, backing off and in flight; of one type, or of one of its partitions."""
        partitions = self.partitions.of(alert_type) if partition is None else [Partition(alert_type, partition)]
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for key in (part for each in partitions for part in self._keys.outbox_parts(each)[:3]):
                pipeline.zcard(key)
            return sum(pipeline.execute())


def _result(ended: Record | None) -> str:
    return as_result(ended) if ended else ""


def _ended(ended: Record, now: int, revoke: str, doubtful: int) -> Record:
    """A record as the commit has stored it."""
    stored: Record = {**ended, "finished_at": iso(now), "revoke": revoke or None}
    if doubtful:
        stored["maybe_posted"] = True
    return stored


def _wake_up(alert_type: AlertType, token: str, arm: int) -> WakeUp | None:
    return None if arm < 0 else WakeUp(alert_type, token, arm / MICROSECONDS)
