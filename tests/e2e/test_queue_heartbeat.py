"""A host's beat and workers, as processes: the queue that is not read is told, and so is its return."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.storage.connection import connect
from tests.conftest import Sandbox
from tests.e2e.conftest import Notifier
from tests.forked import start_module
from tests.servers import until

pytestmark = pytest.mark.slow

HOST = """
from celery import Celery
from notifier.integrations.celery import alert_on_silence

app = Celery("shop", broker=HOST_URL)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
alert_on_silence(app, queues=["default", "imports"], every=0.3, after=1.5)
"""
Start = Callable[..., Process]


@pytest.fixture
def start(redis_url: str, configured: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts one of the host's processes."""
    url = redis_url.rsplit("/", 1)[0] + "/7"
    client = connect(url, 5)
    client.flushdb()
    (tmp_path / "shop.py").write_text(HOST.replace("HOST_URL", repr(url)))
    started: list[Process] = []

    def start(*command: str, ready: str) -> Process:
        whole = ["celery", "-A", "shop", *command]
        process = start_module("host", whole, tmp_path / f"host{len(started)}.log", env=configured, cwd=tmp_path)
        started.append(process)
        process.wait_for(ready)
        return process

    yield start
    for process in started:
        process.stop()
    client.flushdb()
    client.close()


@pytest.mark.usefixtures("worker")
def test_a_queue_without_a_worker_and_a_beat_that_is_dead_are_told_until_they_are_back(
    start: Start, notifier: Notifier, sandbox: Sandbox
) -> None:
    def titles() -> list[str]:
        return sorted(message["embeds"][0]["title"] for message in sandbox.messages())

    def are_silent(*names: str) -> bool:
        return [each for each in titles() if "silent" in each] == [f"💔 shop: queue {name} is silent" for name in names]

    worker = ("worker", "-P", "solo", "-l", "INFO", "--without-gossip", "--without-mingle", "-Q")
    start(*worker, "default", ready=r"ready\.")
    beat = start("beat", "--pidfile=", ready="is starting")
    until(lambda: are_silent("imports"), "that nobody reads imports")
    listed = {each["name"]: each["outcome"] for each in json.loads(notifier("jobs", "--json").stdout)}
    assert listed.pop("shop: queue default") in {"finished", "running"}, "its beats come each second"
    assert listed == {"shop: queue imports": "expected"}
    start(*worker, "imports", ready=r"ready\.")
    until(lambda: "✅ shop: queue imports is alive again" in titles(), "that it is read")
    beat.kill()
    until(lambda: are_silent("default", "imports"), "that beat is dead")
    start("beat", "--pidfile=", ready="is starting")
    until(lambda: are_silent(), "that beat is back")
    assert len(sandbox.messages()) == 2, "one for each queue"
