"""Each outcome of a request means one thing for each notification that rode in it."""

import pytest

from notifier.models import NotificationMessage
from notifier.outbox.verdict import OF_THE_PAYLOAD, Passenger, judge
from notifier.outcome import Deferred, Delivered, Failed, Outcome, Reason, Rejected, Status, Unknown

THREE = [Passenger(NotificationMessage(title=title), attempts=1, admitted_at=0) for title in "abc"]


def told(outcome: Outcome, retry_attempts: int = 3, *, sent: bool = True) -> list[tuple[str, int, Status]]:
    return [(each.next, each.attempts, each.status) for each in judge(outcome, THREE, retry_attempts, sent=sent)]


def test_delivered_is_final_for_all_and_an_attempt() -> None:
    assert told(Delivered("1", "2")) == [("final", 2, Status.DELIVERED)] * 3


def test_a_deferral_spends_no_attempt() -> None:
    assert told(Deferred(5, Reason.RATE_LIMITED)) == [("again", 1, Status.QUEUED)] * 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Failed(Reason.BAD_GATEWAY), Status.FAILED), (Unknown(Reason.READ_TIMEOUT), Status.UNKNOWN)],
)
def test_a_failure_is_retried_until_the_attempts_are_spent(outcome: Outcome, status: Status) -> None:
    assert told(outcome, retry_attempts=2) == [("retry", 2, status)] * 3
    assert told(outcome, retry_attempts=1) == [("exhausted", 2, status)] * 3


@pytest.mark.parametrize("reason", sorted(OF_THE_PAYLOAD))
def test_a_fault_of_the_payload_hits_the_guilty_only(reason: Reason) -> None:
    verdicts = judge(Rejected(reason, guilty=frozenset({1})), THREE, 3)
    assert [(each.next, each.alone) for each in verdicts] == [("again", False), ("final", False), ("again", False)]
    verdicts = judge(Rejected(reason), THREE, 3)
    assert [(each.next, each.alone) for each in verdicts] == [("again", True)] * 3, "nobody named: each goes alone"
    assert [each.next for each in judge(Rejected(reason), THREE[:1], 3)] == ["final"]


@pytest.mark.parametrize(
    "reason", [Reason.WEBHOOK_UNKNOWN, Reason.FORBIDDEN, Reason.UNKNOWN_CHANNEL, Reason.REDIRECTED]
)
def test_a_fault_of_the_webhook_is_final_for_all(reason: Reason) -> None:
    assert told(Rejected(reason)) == [("final", 2, Status.REJECTED)] * 3


def test_what_was_never_sent_was_no_attempt() -> None:
    assert told(Rejected(Reason.WEBHOOK_NOT_CONFIGURED), sent=False) == [("final", 1, Status.REJECTED)] * 3


def test_dead_is_final_and_bad() -> None:
    assert not any(each.dead for each in judge(Delivered(None, None), THREE, 3))
    assert not any(each.dead for each in judge(Failed(Reason.BAD_GATEWAY), THREE, 3))
    assert all(each.dead for each in judge(Failed(Reason.BAD_GATEWAY), THREE, 0))
