"""Flower shows of an alert that waits what it waits for now."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.dashboard.reasons import AWAY_SECONDS, FRESH_SECONDS, Reasons
from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.operations.waiting import Waiting, WaitingAlerts

UNTIL = "2026-11-28T18:00:00+00:00"


class Redis:
    """Answers what waits, or is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = 1_000.0
        self.why = "rate limited"
        self.away = False

    def look(self, kinds: Sequence[AlertType]) -> list[WaitingAlerts]:
        self.asked += 1
        if self.away:
            raise BrokerUnavailable("away")
        shown = (Waiting("a", kinds[0], "A", "", self.why, UNTIL),)
        return [WaitingAlerts(kinds[0], 1, shown)]


def task(uuid: str = "a", state: str = "RECEIVED", name: str = "send_notification.error") -> Any:
    return SimpleNamespace(uuid=uuid, state=state, name=name, result="waits: in flight", eta=None)


@pytest.fixture
def redis() -> Redis:
    return Redis()


@pytest.fixture
def reasons(redis: Redis) -> Reasons:
    return Reasons(redis.look, lambda: redis.now)


def test_the_reason_and_the_time_are_those_of_now(redis: Redis, reasons: Reasons) -> None:
    shown = reasons.show(task())
    assert (shown.result, shown.eta) == ("waits: rate limited", UNTIL)
    redis.why = "breaker open"
    assert reasons.show(task(state="RETRY")).result == "waits: rate limited"
    assert redis.asked == 1, "once for all alerts of a page"
    redis.now += FRESH_SECONDS
    assert reasons.show(task()).result == "waits: breaker open"


OTHERS: list[dict[str, Any]] = [
    *({"state": "SUCCESS"}, {"state": "REVOKED"}, {"uuid": "delivered meanwhile"}),
    *({"name": "celery.map"}, {"name": None}),
]


@pytest.mark.parametrize("given", OTHERS)
def test_of_any_other_task_nothing_is_changed(reasons: Reasons, given: dict[str, Any]) -> None:
    other = task(**given)
    assert (reasons.show(other).result, other.eta) == ("waits: in flight", None)


def test_a_redis_that_is_away_holds_up_no_page_twice(redis: Redis, reasons: Reasons) -> None:
    redis.away = True
    for _ in range(10):
        assert reasons.show(task()).result == "waits: in flight"
    assert redis.asked == 1
    redis.now, redis.away = redis.now + AWAY_SECONDS, False
    assert reasons.show(task()).result == "waits: rate limited"
