"""A claim whose answer was lost is remembered as long as it may hold a batch, and no longer."""

import pytest

from notifier.models import AlertType
from notifier.outbox import unanswered as module
from notifier.outbox.unanswered import UNANSWERED_MAX, UnansweredClaims

LIFE = 35.0
GENERAL = AlertType.GENERAL


class Clock:
    """A monotonic clock."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """The time now."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def claims(clock: Clock) -> UnansweredClaims:
    return UnansweredClaims(LIFE)


def test_it_is_kept_while_no_claim_is_answered_and_a_lease_longer(claims: UnansweredClaims, clock: Clock) -> None:
    claims.add(GENERAL, "lost")
    clock.now += 10 * LIFE
    assert claims.tokens(GENERAL) == ["lost"]
    claims.answered([GENERAL], ["lost"])
    clock.now += LIFE - 1
    claims.add(GENERAL, "lost later")
    claims.answered([GENERAL], ["lost"])
    assert claims.tokens(GENERAL) == ["lost", "lost later"]
    clock.now += 1
    assert claims.tokens(GENERAL) == ["lost later"]
    claims.answered([GENERAL], ["lost", "lost later"])
    clock.now += LIFE
    assert claims.tokens(GENERAL) == []


def test_each_type_carries_its_own(claims: UnansweredClaims, clock: Clock) -> None:
    claims.add(GENERAL, "a")
    claims.add(AlertType.ERROR, "b")
    claims.answered([AlertType.ERROR], ["b"])
    clock.now += LIFE
    assert [claims.tokens(kind) for kind in (GENERAL, AlertType.ERROR)] == [["a"], []]


def test_there_are_never_more_than_so_many(claims: UnansweredClaims) -> None:
    for number in range(3 * UNANSWERED_MAX):
        claims.add(GENERAL, str(number))
    assert claims.tokens(GENERAL) == [str(number) for number in range(2 * UNANSWERED_MAX, 3 * UNANSWERED_MAX)]
