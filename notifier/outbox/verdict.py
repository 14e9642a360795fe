"""From one request's outcome to a verdict on each notification that rode in it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from notifier.models import AlertType, NotificationMessage
from notifier.outcome import Deferred, Delivered, Failed, Outcome, Reason, Rejected, Status, Unknown

OF_THE_PAYLOAD = frozenset(
    {
        Reason.INVALID_PAYLOAD,
        Reason.INVALID_MESSAGE,
        Reason.PAYLOAD_TOO_LARGE,
        Reason.CLIENT_ERROR,
        Reason.UNSENDABLE,
    }
)
"""Rejections that may be one notification's fault; where Discord names none, each goes alone and answers for itself."""


OF_THE_WEBHOOK = frozenset(
    {
        Reason.WEBHOOK_UNKNOWN,
        Reason.WEBHOOK_TOKEN_INVALID,
        Reason.WEBHOOK_QUARANTINED,
        Reason.WEBHOOK_NOT_CONFIGURED,
    }
)
"""Rejections that another webhook would not have made."""

MAY_END = frozenset({"final", "exhausted", "reroute"})
"""Verdicts that need a record, for the settle may make them final."""


@dataclass(frozen=True, slots=True)
class Passenger:
    """One notification of a batch, as claimed.

    ``admitted_at``: microseconds since 1970, Redis' clock. ``maybe_posted``: an answer to an earlier request was lost.
    ``delayed_by``: the reason word that it waited for longest.
    """

    message: NotificationMessage
    attempts: int
    admitted_at: int
    maybe_posted: bool = False
    delayed_by: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one notification: ``final``, ``retry`` after a backoff, or ``again`` as soon as the gate lets.

    ``reroute``: its webhook is out of use, another type's channel takes it.
    ``exhausted``: its attempts are used up; the settle knows whether that is its own fault (final) or an outage's.
    """

    passenger: Passenger
    next: Literal["final", "exhausted", "reroute", "retry", "again"]
    attempts: int
    status: Status = Status.QUEUED
    reason: str | None = None
    detail: str = ""
    alone: bool = False

    @property
    def dead(self) -> bool:
        """Bad, if it is final."""
        return self.next in MAY_END and self.status is not Status.DELIVERED


def judge(
    outcome: Outcome,
    passengers: Sequence[Passenger],
    retry_attempts: int,
    *,
    sent: bool = True,
    leave: Collection[AlertType] = (),
) -> list[Verdict]:
    """One verdict per passenger, in order.

    ``sent``: a request was made, and so an attempt. ``leave``: types that are not sent again where the answer was lost.
    """
    spent = 1 if sent else 0
    match outcome:
        case Delivered():
            return [Verdict(each, "final", each.attempts + spent, Status.DELIVERED) for each in passengers]
        case Deferred(_, reason, _):
            return [Verdict(each, "again", each.attempts, reason=reason) for each in passengers]
        case Failed(reason, detail):
            return [_failed(each, Status.FAILED, reason, detail, retry_attempts) for each in passengers]
        case Unknown(reason, detail):
            return [
                Verdict(each, "final", each.attempts + 1, Status.UNKNOWN, reason, detail)
                if each.message.alert_type in leave
                else _failed(each, Status.UNKNOWN, reason, detail, retry_attempts)
                for each in passengers
            ]
        case Rejected():
            return _rejected(outcome, passengers, spent)


def _failed(passenger: Passenger, status: Status, reason: Reason, detail: str, retry_attempts: int) -> Verdict:
    attempts = passenger.attempts + 1
    return Verdict(passenger, "exhausted" if attempts > retry_attempts else "retry", attempts, status, reason, detail)


def _rejected(outcome: Rejected, passengers: Sequence[Passenger], spent: int) -> list[Verdict]:
    everyone = frozenset(range(len(passengers)))
    shared_fault = outcome.reason in OF_THE_PAYLOAD and len(passengers) > 1
    guilty = outcome.guilty & everyone if shared_fault else everyone
    status = Status.EXPIRED if outcome.reason is Reason.EXPIRED else Status.REJECTED
    return [
        Verdict(each, "final", each.attempts + spent, status, outcome.reason, outcome.detail)
        if position in guilty
        else Verdict(each, "again", each.attempts, reason=outcome.reason, alone=not guilty)
        for position, each in enumerate(passengers)
    ]


def rerouted(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The same, but what another webhook would take goes there."""
    return [
        replace(each, next="reroute") if each.next == "final" and each.reason in OF_THE_WEBHOOK else each
        for each in verdicts
    ]
