"""A worker that never gets to Redis ends; one that did once, or whose Redis is starting, waits."""

import logging
from types import SimpleNamespace

import pytest
from celery.worker import state
from redis import exceptions

from notifier.errors import BrokerUnavailable, Waiting
from notifier.storage.causes import cause_of
from tasks import patience
from tasks.patience import Patience

AWAY = "it is not connected to the broker"


class Redis:
    """What a look at it says."""

    error: BrokerUnavailable | None = BrokerUnavailable("refused")

    def inspect(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Redis:
    found = Redis()
    settings = SimpleNamespace(broker_url=None)
    monkeypatch.setattr(patience, "pipeline", SimpleNamespace(inspect_redis=found.inspect, settings=settings))
    monkeypatch.setattr(state, "should_stop", None)
    return found


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found = [100.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: found[0])
    return found


def test_one_that_was_never_ready_ends_and_says_why(
    redis: Redis, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    each = Patience(30)
    now[0] = 129
    each(AWAY)
    assert state.should_stop is None
    now[0] = 130
    each(AWAY)
    each(AWAY)
    assert state.should_stop == 1
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert told == "REDIS_URL: refused; waited for 30 s: this worker ends (NOTIFIER_START_SECONDS)"


def test_one_that_was_ready_once_waits_for_ever(redis: Redis, now: list[float]) -> None:
    each = Patience(30)
    each("")
    now[0] = 10_000
    each(AWAY)
    assert state.should_stop is None


@pytest.mark.parametrize("error", [BrokerUnavailable("loading", waiting="surely"), None])
def test_one_whose_redis_is_starting_waits(redis: Redis, now: list[float], error: BrokerUnavailable | None) -> None:
    redis.error = error
    each = Patience(30)
    now[0] = 10_000
    each(AWAY)
    assert state.should_stop is None


def test_zero_means_as_long_as_it_takes(redis: Redis, now: list[float]) -> None:
    each = Patience(0)
    now[0] = 10_000
    each(AWAY)
    assert state.should_stop is None


@pytest.mark.parametrize(
    ("error", "waiting"),
    [
        (exceptions.AuthenticationError("invalid username-password pair"), "never"),
        (exceptions.NoPermissionError("this user has no permissions to run the 'ping' command"), "never"),
        (exceptions.ResponseError("DB index is out of range"), "never"),
        (exceptions.InvalidResponse("Protocol Error: b'220 mail'"), "never"),
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "surely"),
        (exceptions.ConnectionError("Error 111 connecting to localhost:1. Connection refused."), "maybe"),
        (exceptions.TimeoutError("Timeout reading from socket"), "maybe"),
    ],
)
def test_what_waiting_helps(error: Exception, waiting: Waiting) -> None:
    assert cause_of(error)[1].waiting == waiting
