"""The clock of Redis' machine steps by ten minutes: alerts that wait do not wait ten minutes longer."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.terms import Terms
from notifier.storage.connection import clock, connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.faults.conftest import QUICK, WEBHOOKS, doubled, titles_of
from tests.servers import answers, free_port, until

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
SERVER = Path(sys.executable).with_name("redis-server")
"""The one of the demo: one that brings a memory allocator of its own does not start under the library."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LIBRARY is None or not SERVER.exists(), reason="needs libfaketime: apt install faketime"),
]
STEP_SECONDS = 600
SLOW = {
    **QUICK,
    "DISCORD_TIMEOUT_SECONDS": "4",
    "DISCORD_RETRY_BACKOFF_SECONDS": "4",
    "DISCORD_RETRY_BACKOFF_MAX_SECONDS": "4",
}


class SteppedRedis:
    """A Redis whose clock a test sets."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._ahead = folder / "ahead"
        self.step(0)
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        command = [str(SERVER), "--port", str(port), "--dir", str(folder), "--appendonly", "yes", "--save", ""]
        faked = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self._ahead), "FAKETIME_NO_CACHE": "1"}
        environment = {**os.environ, **faked, "DONT_FAKE_MONOTONIC": "1"}
        self._process = Process("redis", command, folder / "redis.log", env=environment)
        self.client = connect(self.url, 5)
        until(lambda: answers(self.client), "Redis")

    def step(self, seconds: int) -> None:
        """Let its clock be so far ahead of this machine's."""
        written = self._ahead.with_suffix(".new")
        written.write_text(f"{seconds:+d}\n")
        written.replace(self._ahead)

    def stop(self) -> None:
        """End it at once: the library may lock up where a handler of a signal asks for the time."""
        self.client.close()
        self._process.kill()


@pytest.fixture
def stepped_redis(tmp_path: Path, own_environment: None) -> Iterator[SteppedRedis]:
    """One."""
    own = SteppedRedis(tmp_path / "redis")
    yield own
    own.stop()


def postpone(application: Application, alert_type: AlertType) -> str:
    """Raise an alert that is due in six seconds; its id."""
    postponed = NotificationMessage(title=f"postponed {alert_type}", alert_type=alert_type)
    application.pipeline.client.submit(postponed, Terms(after_seconds=6))
    return postponed.id


@pytest.mark.parametrize("seconds", [-STEP_SECONDS, STEP_SECONDS])
def test_what_waits_when_the_clock_steps_waits_no_longer(
    stepped_redis: SteppedRedis,
    start_worker: StartWorker,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
) -> None:
    """One is postponed, one too that no worker looks at before, one backs off, and the worker of one dies with it."""
    monkeypatch.setenv("REDIS_URL", stepped_redis.url)
    application = Application(client_app(stepped_redis.url))
    sandbox.fault(method="POST", webhook_id=WEBHOOKS[AlertType.ERROR], kind="status", status=502, times=1)
    sandbox.fault(
        method="POST", webhook_id=WEBHOOKS[AlertType.CRITICAL], kind="delay", when="before", seconds=3, times=1
    )
    worker = start_worker(**SLOW, REDIS_URL=stepped_redis.url)
    ids = application.raise_alerts("goes")
    application.wait(ids)
    ids += application.raise_alerts("backs off", alert_type=AlertType.ERROR)
    ids += application.raise_alerts("under way", alert_type=AlertType.CRITICAL)
    ids.append(postpone(application, AlertType.MONITORING))
    client = stepped_redis.client
    until(lambda: client.zcard("notifier:outbox:error:delayed"), "its backoff", poll_seconds=0.02)
    until(lambda: client.zcard("notifier:outbox:critical:in_flight"), "its request", poll_seconds=0.02)
    until(lambda: client.zcard("notifier:outbox:monitoring:delayed"), "that it waits", poll_seconds=0.02)
    before = clock(client)
    worker.kill()
    ids.append(postpone(application, AlertType.SECURITY))
    stepped_redis.step(seconds)
    until(lambda: abs(clock(client) - before) > STEP_SECONDS / 2 * 1_000_000, "the step", poll_seconds=0.02)

    start_worker(**SLOW, REDIS_URL=stepped_redis.url)
    records = application.wait([*ids, *application.raise_alerts("later")], 60)

    assert {record["status"] for record in records} == {"delivered"}
    assert doubled(titles_of(sandbox)) <= {"under way"}
    application.pipeline.redis.close()
