"""What the first call of a process asks of Redis: on a long line each round trip is a part of the two seconds."""

from collections.abc import Iterator

import pytest
import redis

from notifier.models import AlertType, NotificationMessage
from notifier.pipeline import Pipeline
from notifier.producer import client as client_module
from notifier.settings import Settings
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from tests.benchmarks.programs.far import Line
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)


@pytest.fixture
def line(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line to a Redis that knows no script."""
    with connect(redis_url, 5) as client:
        client.script_flush()
    line = Line(redis_url, 0)
    monkeypatch.setenv("REDIS_URL", line.url)  # database 0: nothing is said to choose it
    return line


@pytest.fixture
def caller(line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """A process that has raised nothing yet; however long this one stands still, Redis has just answered it."""
    monkeypatch.setattr(client_module, "WARM_SECONDS", 600.0)
    pipeline = Pipeline(create_app("caller"), Settings.load())
    yield pipeline
    pipeline.redis.close()


MOST = 3 if redis.VERSION >= (6,) else 4
"""Older versions of redis-py say which library they are, whatever they are told."""


def raised(caller: Pipeline, line: Line) -> int:
    """Raise an alert; returns how often the line was used."""
    before = line.trips
    caller.client.submit(NotificationMessage(title="a", alert_type=AlertType.GENERAL))
    return line.trips - before


def test_the_first_call_connects_asks_whether_redis_is_there_and_has_it_learn_the_step(
    line: Line, caller: Pipeline, redis_url: str
) -> None:
    assert raised(caller, line) <= MOST
    assert caller.redis.llen("notifications.general") == 1, "and the delivery task went with it"
    assert [raised(caller, line) for _ in range(2)] == [1, 1]
    with connect(redis_url, 5) as client:
        client.script_flush()
    assert raised(caller, line) == 2, "and a server that was started again learns it once more"
