"""How long an alert that nothing holds back takes from the call to the request."""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType, NotificationMessage
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from tests.benchmarks import bare_tasks
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import client_app

ROUNDS = 30
LIMIT = 2
RUNS = (AlertType.GENERAL, AlertType.TRACKLIST, AlertType.MONITORING)
"""Each in a channel of its own, which takes 30 a minute.

Noise affects one run or another; a cost of this code shows in all of them."""


@pytest.fixture
def bare_worker(redis_url: str, tmp_path: Path) -> Iterator[Process]:
    """A worker of the bare task."""
    folder = Path(bare_tasks.__file__).parent
    command = [sys.executable, "-m", "celery", "-A", "bare_tasks", "worker", "--loglevel", "INFO", "-Q", "bare"]
    process = Process(
        "bare", [*command, "-c", "8"], tmp_path / "bare.log", env={**os.environ, "REDIS_URL": redis_url}, cwd=folder
    )
    process.wait_for(r"celery@\S+ ready\.")
    yield process
    process.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("bare_worker")
def test_an_idle_alert_reaches_discord_not_much_later_than_a_bare_tasks_request(
    redis_url: str, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.call("PUT", "limits", enabled=False)
    start_worker("--loglevel", "INFO")
    bare_tasks.app.conf.update(broker_url=redis_url, result_backend=redis_url)
    pipeline = Pipeline(client_app(redis_url), Settings.load())
    url = f"{sandbox.variables['DISCORD_WEBHOOK_ERRORS']}?wait=true"
    ratios: list[float] = []
    for kind in RUNS:
        ratios.append(measured(sandbox, pipeline, url, kind))
        if ratios[-1] <= LIMIT:
            break
    pipeline.redis.close()
    assert ratios[-1] <= LIMIT, ratios


def measured(sandbox: Sandbox, pipeline: Pipeline, url: str, kind: AlertType) -> float:
    """How much longer ours takes than the bare task, in turn."""
    called: dict[str, float] = {}
    before = sandbox.stats()["executes"]
    for number in range(ROUNDS):
        called[f"ours {number}"] = time.time()
        pipeline.client.submit(NotificationMessage(title=f"ours {number}", alert_type=kind))
        wait_for(sandbox, before + 2 * number + 1)
        called[f"bare {number}"] = time.time()
        bare_tasks.post.delay(url, f"bare {number}")
        wait_for(sandbox, before + 2 * number + 2)

    assert sandbox.titles()[before:] == list(called)
    arrived = [datetime.fromisoformat(request["at"]).timestamp() for request in sandbox.posts()[before:]]
    ways = [at - start for at, start in zip(arrived, called.values(), strict=True)]
    ours, bare = (statistics.median(ways[position::2][3:]) for position in (0, 1))
    print(f"\nidle way p50: ours {ours * 1e3:.1f} ms, bare Celery {bare * 1e3:.1f} ms, ratio {ours / bare:.2f}")
    return ours / bare


def wait_for(sandbox: Sandbox, posts: int) -> None:
    """Wait until this many posts have reached the sandbox; then pause, so that each alert finds its workers idle."""
    deadline = time.monotonic() + 10
    while sandbox.stats()["executes"] < posts:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.1)
