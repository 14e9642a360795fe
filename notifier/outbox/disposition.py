"""What becomes of each notification of a batch, worked out from the outcome of its request."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from notifier.models import AlertType
from notifier.outbox.batch_item import ADDS_A_MESSAGE, THREAD_NAME, BatchItem, Request
from notifier.outbox.incident import GONE
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outcome import (
    QUARANTINING,
    Deferred,
    Delivered,
    Failed,
    Fault,
    Outcome,
    Reason,
    Rejected,
    Status,
    Unknown,
    reasons_of,
)
from notifier.render.ornaments import GIVEN_BY_US, TEXTS, ornament_of
from notifier.render.split import parts_of

OF_THE_PAYLOAD = reasons_of(Fault.ALERT)
"""Rejections that may be one notification's fault; if Discord names none, each is sent in its own request."""

REPAIRABLE = OF_THE_PAYLOAD - {Reason.INVALID_MESSAGE}
"""Those that an ornament may be at fault for."""

OF_THE_WEBHOOK = reasons_of(Fault.WEBHOOK)
"""Rejections that are the webhook's fault; another webhook may take the alert."""

NEVER_SENT = frozenset({Reason.CONNECTION_FAILED})
"""Failures that no alert can be at fault for: none ends one, however often it happens."""


class Action(StrEnum):
    """What a disposition does with its notification."""

    COMPLETE = "complete"
    """Final: its record is stored."""
    REQUEUE = "requeue"
    """Back to its place in the order; it goes again as soon as the gate opens."""
    LEAVE = "leave"
    """This worker cannot read it: it keeps its place, for a worker of a later version."""
    CONTINUE = "continue"
    """It keeps its place and goes again as soon as the gate opens, with what is settled of it by now: a part is posted,
    or something is left out."""
    RETRY_LATER = "retry_later"
    """It goes again after a backoff."""
    FAILOVER = "failover"
    """Its webhook is out of use: it moves to the outbox of the fallback type."""
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    """All attempts are used; the commit knows whether the alert is at fault (final) or an outage (retry)."""


MAY_END = frozenset({Action.COMPLETE, Action.ATTEMPTS_EXHAUSTED, Action.FAILOVER})
"""Actions that need a record, for the commit may make them final."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """What becomes of one notification. ``isolate``: it goes again in its own request.

    ``progress``: what is settled of it by now, if it is to continue. ``shown``: what is known of the message of its
    incident (incident.py), beside what a delivery tells.
    """

    item: BatchItem
    action: Action
    attempts: int
    status: Status = Status.QUEUED
    reason: str | None = None
    detail: str = ""
    isolate: bool = False
    progress: Progress = NO_PROGRESS
    shown: Mapping[str, str] | None = None

    @property
    def dead(self) -> bool:
        """A dead letter, if it becomes final."""
        return self.action in MAY_END and self.status is not Status.DELIVERED


def decide(
    outcome: Outcome,
    items: Sequence[BatchItem],
    retry_attempts: int,
    *,
    sent: bool = True,
    leave: Collection[AlertType] = (),
) -> list[Disposition]:
    """One disposition for each item, in order.

    ``sent``: a request was made, and so an attempt. ``leave``: types that are not sent again if the answer was lost.
    """
    spent = 1 if sent else 0
    match outcome:
        case Delivered():
            return [_delivered(each, outcome, spent) for each in items]
        case Deferred(_, reason, _, detail):
            return [Disposition(each, Action.REQUEUE, each.attempts, reason=reason, detail=detail) for each in items]
        case Failed(reason, detail):
            return [_failed(each, Status.FAILED, reason, detail, retry_attempts) for each in items]
        case Unknown(reason, detail):
            return [
                Disposition(each, Action.COMPLETE, each.attempts + 1, Status.UNKNOWN, reason, detail)
                if each.message.alert_type in leave and each.request in ADDS_A_MESSAGE
                else _failed(each, Status.UNKNOWN, reason, detail, retry_attempts)
                for each in items
            ]
        case Rejected():
            return _rejected(outcome, items, spent)


def _delivered(item: BatchItem, posted: Delivered, spent: int) -> Disposition:
    if item.request is Request.DELETE:
        return _posted_anew(item, "its message before is deleted")
    if item.request is Request.REPLY:
        return _told(item, posted, f"its thread is told by message {posted.message_id}")
    progress = item.after(posted)
    if progress is None:
        return Disposition(item, Action.COMPLETE, item.attempts + spent, Status.DELIVERED)
    detail = f"part {progress.part} of {len(parts_of(item.message))} is message {posted.message_id}"
    return Disposition(item, Action.CONTINUE, item.attempts + spent, detail=detail, progress=progress)


def _posted_anew(item: BatchItem, why: str, reason: Reason | None = None) -> Disposition:
    """The message of its incident is gone: it goes again at once, and is posted."""
    return Disposition(
        item, Action.CONTINUE, item.attempts, reason=reason, detail=why, progress=item.progress, shown=GONE
    )


def _told(item: BatchItem, posted: Delivered | None, why: str, reason: Reason | None = None) -> Disposition:
    """The thread of its incident knows, or takes nothing: the message of that shows it next."""
    progress, shown = item.progress._replace(part=1), None
    if posted and item.incident:
        message_ids = tuple(filter(None, [posted.message_id]))
        progress = progress._replace(message_ids=message_ids, channel_id=posted.channel_id)
        shown = item.incident.told(item.message)
    return Disposition(item, Action.CONTINUE, item.attempts, reason=reason, detail=why, progress=progress, shown=shown)


def _failed(item: BatchItem, status: Status, reason: Reason, detail: str, retry_attempts: int) -> Disposition:
    attempts = item.attempts + 1
    if item.request not in ADDS_A_MESSAGE:
        status = Status.FAILED
    exhausted = attempts > retry_attempts and reason not in NEVER_SENT
    return Disposition(
        item,
        Action.ATTEMPTS_EXHAUSTED if exhausted else Action.RETRY_LATER,
        attempts,
        status,
        reason,
        detail,
    )


def _rejected(outcome: Rejected, items: Sequence[BatchItem], spent: int) -> list[Disposition]:
    if outcome.reason is Reason.UNKNOWN_CHANNEL and items[0].request is not Request.POST:
        return [_posted_anew(each, "its message is not there any more", outcome.reason) for each in items]
    if outcome.reason in QUARANTINING:
        # the URL's fault, and this worker's: another may hold a better one, and the next claim knows
        return [
            Disposition(each, Action.REQUEUE, each.attempts, reason=outcome.reason, detail=outcome.detail)
            for each in items
        ]
    if outcome.reason in OF_THE_PAYLOAD:
        return [_repaired(outcome, position, items, spent) for position in range(len(items))]
    status = Status.EXPIRED if outcome.reason is Reason.EXPIRED else Status.REJECTED
    return [_ended(each, status, outcome, spent) for each in items]


def _repaired(outcome: Rejected, position: int, items: Sequence[BatchItem], spent: int) -> Disposition:
    """What becomes of one that may be at fault: its ornaments go first, then the alert.

    What Discord names is left out. If it names one's text, or the one that it was sent alone, all ornaments are; only
    what it refuses bare is final.
    """
    item, is_alone = items[position], len(items) == 1
    if (None, THREAD_NAME) in outcome.parts and (learned := _of_forum(item)):
        why = f"{outcome.detail}; goes again {'as a post' if learned.in_forum else 'without a name for its post'}"
        return Disposition(item, Action.CONTINUE, item.attempts, reason=outcome.reason, detail=why, progress=learned)
    rest = item.ornaments - item.left_out
    named = rest & {ornament_of(part) for place, part in outcome.parts if place in (None, position)}
    at_fault = position in outcome.rejected_indexes or is_alone
    bare = rest if at_fault and outcome.reason in REPAIRABLE and rest - GIVEN_BY_US else frozenset()
    if leave_out := named or bare:
        left_out = tuple(sorted({*item.progress.left_out, *leave_out}))
        return Disposition(
            *(item, Action.CONTINUE, item.attempts),
            reason=outcome.reason,
            detail=f"goes again without {', '.join(sorted(leave_out))} ({outcome.detail})",
            isolate=bool(TEXTS & leave_out),  # they go into a file, and a message with a file goes alone
            progress=item.progress._replace(left_out=left_out),
        )
    if at_fault:
        return _ended(item, Status.REJECTED, outcome, spent)
    isolate = not outcome.rejected_indexes.intersection(range(len(items))) and not _names_ornaments(outcome, items)
    return Disposition(item, Action.REQUEUE, item.attempts, reason=outcome.reason, isolate=isolate)


def _of_forum(item: BatchItem) -> Progress | None:
    """What one that has no name for a post of its own has learned of its channel: it is a forum, or it is none."""
    progress = item.progress
    if item.message.thread_name or (THREAD_NAME in progress.left_out and not progress.in_forum):
        return None
    if progress.in_forum:
        return progress._replace(in_forum=False, left_out=(*progress.left_out, THREAD_NAME))
    return progress._replace(in_forum=True)


def _names_ornaments(outcome: Rejected, items: Sequence[BatchItem]) -> bool:
    """Whether it names something that one of them goes again without."""
    names = {ornament_of(part) for place, part in outcome.parts if place is None}
    return any(names & (each.ornaments - each.left_out) for each in items)


def _ended(item: BatchItem, status: Status, outcome: Rejected, spent: int) -> Disposition:
    if item.request is Request.REPLY and status is not Status.EXPIRED:
        return _told(item, None, f"its thread does not take it: {outcome.detail}", outcome.reason)
    return Disposition(item, Action.COMPLETE, item.attempts + spent, status, outcome.reason, outcome.detail)


def failed_over(dispositions: Sequence[Disposition]) -> list[Disposition]:
    """The same, but what another webhook may take moves to the fallback.

    It begins there with its first part: nobody can read the end of an alert whose beginning is in another channel.
    """
    return [
        replace(each, action=Action.FAILOVER, progress=Progress(left_out=each.item.progress.left_out))
        if each.action is Action.COMPLETE and each.reason in OF_THE_WEBHOOK
        else each
        for each in dispositions
    ]


def left_to_others(dispositions: Sequence[Disposition]) -> list[Disposition]:
    """The same, but what this version cannot read is left to workers that can; if nobody can, it is a dead letter."""
    return [_left(each) for each in dispositions]


def _left(disposition: Disposition) -> Disposition:
    if disposition.item.unreadable is None or disposition.action in (Action.COMPLETE, Action.FAILOVER):
        return disposition
    if disposition.item.unreadable is Reason.INVALID_MESSAGE:
        broken = "what is stored of it is no message of any version"
        return replace(
            disposition, action=Action.COMPLETE, status=Status.REJECTED, reason=Reason.INVALID_MESSAGE, detail=broken
        )
    return replace(disposition, action=Action.LEAVE)
