"""Speed, as ratios within one run: machines are noisy, and both sides are measured on the same one in turn."""

import statistics
import time
from collections.abc import Callable

import pytest
from celery import Celery

from notifier.models import NotificationMessage
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from tests.e2e.conftest import client_app

ROUNDS = 400
PAYLOAD = {"title": "Database timeout", "message": "No answer from db1 within 5 s.", "source": "Import"}


def interleaved(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The median seconds of each call, measured in turn so that all see the same noise."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds):
        for position in range(len(calls)):
            which = (position + number) % len(calls)
            start = time.perf_counter()
            calls[which]()
            times[which].append(time.perf_counter() - start)
    return [statistics.median(each[rounds // 10 :]) for each in times]


@pytest.fixture
def bare(redis_url: str) -> Celery:
    """Celery as it comes, results on."""
    return Celery("bare", broker=redis_url, backend=redis_url)


@pytest.mark.slow
def test_delay_costs_at_most_a_fifth_more_than_bare_celerys(redis_url: str, bare: Celery) -> None:
    @bare.task(name="bare")
    def task(title: str, message: str, source: str) -> None:
        """Never run here."""

    settings = Settings.load().model_copy(update={"queue_size": 100_000})
    pipeline = Pipeline(client_app(redis_url), settings)

    ours, theirs = interleaved(
        lambda: pipeline.publisher.publish(NotificationMessage(**PAYLOAD)), lambda: task.delay(**PAYLOAD)
    )
    print(f"\n.delay() p50: ours {ours * 1e6:.0f} µs, bare Celery {theirs * 1e6:.0f} µs, ratio {ours / theirs:.2f}")
    assert ours <= 1.2 * theirs
    pipeline.redis.close()
