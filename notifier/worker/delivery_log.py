"""What a delivery logs: what its claim says, one line for its request, and one for each alert that rode in it."""

import logging
from collections.abc import Mapping
from typing import Any

from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Batch, Claim, Throttled
from notifier.outbox.disposition import Action, Disposition
from notifier.outbox.record import SUCCESSFUL, Record
from notifier.outcome import Answer, Deferred, Delivered, Outcome, Reason, Scope
from notifier.routing import ROUTES
from notifier.worker.step_log import FIELDS, log_step

logger = logging.getLogger("notifier.worker.delivery")

NOT_TOLD = frozenset({Reason.LEFT_TO_OTHERS, Reason.FETCHING_WEBHOOK, Reason.IN_FLIGHT, Reason.BATCHING})
"""What is no wait: another worker or another request carries the alert."""
UNDELIVERABLE = frozenset({Reason.WEBHOOK_NOT_CONFIGURED, Reason.WEBHOOK_QUARANTINED})
"""What no living worker can deliver waits for one of these reasons."""
STEPS: Mapping[Action, tuple[str, int]] = {
    Action.REQUEUE: ("deferred", logging.INFO),
    Action.LEAVE: ("left", logging.INFO),
    Action.CONTINUE: ("continued", logging.INFO),
    Action.RETRY_LATER: ("retried", logging.WARNING),
    Action.FAILOVER: ("moved", logging.WARNING),
    Action.ATTEMPTS_EXHAUSTED: ("retried", logging.WARNING),
    Action.COMPLETE: ("ended", logging.INFO),
}
"""The word of what is not final, and its level."""


class ClaimLog:
    """Logs what a claim says of an outbox, once until it is over: a task for each alert would say the same."""

    def __init__(self, undeliverable_seconds: float) -> None:
        self._undeliverable_seconds = undeliverable_seconds
        self._waits: dict[AlertType, str] = {}
        self._left: set[AlertType] = set()
        self._undeliverable: set[AlertType] = set()
        self._left_out: set[str] = set()

    def note(self, alert_type: AlertType, claim: Claim) -> None:
        """A claim was answered."""
        self._note_left(alert_type, claim)
        self._note_undeliverable(alert_type, claim)
        if isinstance(claim, Batch):
            self._note_left_out(claim)
        self._note_wait(alert_type, claim)

    def _note_left(self, alert_type: AlertType, claim: Claim) -> None:
        leaves = isinstance(claim, Batch) and claim.left_behind > 0
        leaves |= isinstance(claim, Throttled) and claim.reason is Reason.NEWER_VERSION
        if leaves and alert_type not in self._left:
            self._left.add(alert_type)
            logger.warning(
                "%s alerts of a later version wait here: they are left to workers of that version", alert_type
            )

    def _note_undeliverable(self, alert_type: AlertType, claim: Claim) -> None:
        """That no living worker can deliver a type."""
        match claim:
            case Throttled(reason=reason) if reason in UNDELIVERABLE:
                if alert_type not in self._undeliverable:
                    self._undeliverable.add(alert_type)
                    logger.error("No worker can deliver %s (%s): its alerts wait %.0f s for one that can, then they "
                                 "become dead letters", alert_type, reason, self._undeliverable_seconds)  # fmt: skip
            case Throttled(reason=Reason.LEFT_TO_OTHERS) | Batch(blocked=None):
                self._undeliverable.discard(alert_type)

    def _note_left_out(self, batch: Batch) -> None:
        """That a webhook is gone and another one takes its place."""
        for each in set(batch.left_out) - self._left_out:
            logger.error("The webhook %s of %s is gone: it is left out, and its alerts go to the others of that type",
                         each, ROUTES[batch.alert_type].webhook_variables[0])  # fmt: skip
        self._left_out |= set(batch.left_out)
        self._left_out -= {batch.webhook.id} if batch.webhook else set()

    def _note_wait(self, alert_type: AlertType, claim: Claim) -> None:
        """What it waits for, each time that it is something else."""
        if isinstance(claim, Batch):
            self._waits.pop(alert_type, None)
        if not isinstance(claim, Throttled) or claim.reason in NOT_TOLD:
            return
        if self._waits.get(alert_type) != claim.reason:
            self._waits[alert_type] = claim.reason
            wait = round(claim.wait_seconds, 3)
            fields = {"step": "waiting", "type": str(alert_type), "reason": str(claim.reason), "wait_seconds": wait}
            told = "Discord alerts of type %s wait: reason=%s wait_seconds=%s"
            logger.info(told, alert_type, claim.reason, wait, extra={FIELDS: fields})


def log_batch(batch: Batch, answer: Answer, result: BatchResult) -> None:
    """Log what a request came to, and what became of each alert."""
    _log_request(batch, answer, result)
    webhook = batch.webhook.id if batch.webhook else None
    records = {record["id"]: record for record in result.records}
    for each in result.dispositions:
        if ended := records.get(each.item.message.id):
            _log_end(ended, webhook)
        else:
            _log_on_its_way(each, answer.outcome, result, webhook)


def _log_end(ended: Record, webhook: str | None) -> None:
    is_well = ended["status"] in SUCCESSFUL
    told: dict[str, Any] = {name: ended[name] for name in ("reason", "message_id", "channel_id", "attempts")}
    step, level = (ended["status"], logging.INFO) if is_well else ("dead", logging.ERROR)
    status = None if is_well else ended["status"]
    log_step(step, ended["id"], ended["alert_type"], level, status=status, **told, webhook_id=webhook)


def _log_on_its_way(each: Disposition, outcome: Outcome, result: BatchResult, webhook: str | None) -> None:
    step, level = STEPS[each.action]
    wait = result.retry_wait_seconds if step == "retried" else None
    if step == "deferred" and isinstance(outcome, Deferred):
        wait = outcome.wait_seconds
    log_step(
        *(step, each.item.message.id, each.item.message.alert_type, level),
        reason=each.reason, wait_seconds=None if wait is None else round(wait, 3), attempts=each.attempts,
        webhook_id=webhook,
    )  # fmt: skip


def _log_request(batch: Batch, answer: Answer, result: BatchResult) -> None:
    where = f"Discord webhook {batch.webhook.id if batch.webhook else '(none)'} for {batch.alert_type}"
    match answer.outcome:
        case Delivered() if result.dispositions[0].action is Action.CONTINUE:
            logger.info("%s: %s", where, result.dispositions[0].detail)
        case Delivered(message_id, _):
            logger.info("%s: delivered %d as message %s", where, len(batch.items), message_id)
        case Deferred(scope=Scope.MACHINE):
            return  # logged where it is learned, once in a while
        case Deferred(wait_seconds, reason, _):
            logger.warning("%s: %s, waiting %.1f s", where, reason, wait_seconds)
        case outcome if all(each.action is Action.CONTINUE for each in result.dispositions):
            logger.warning("%s: %s, %d go again without an ornament", where, outcome.reason, len(batch.items))
        case outcome:
            dead = len(result.records)
            quotes = outcome.reason is Reason.INVALID_PAYLOAD  # Discord repeats what it does not take
            logger.error("%s: %s %s (%d dead)", where, outcome.reason, "" if quotes else outcome.detail, dead)
            logger.debug("%s: %s", where, outcome.detail)
