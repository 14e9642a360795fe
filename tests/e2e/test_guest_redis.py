"""A guest on a shared Redis: our worker and a neighbour's use one database, and neither meets the other's messages."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from notifier.cli.processes import Process
from notifier.models import AlertType
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, RunPython
from tests.servers import free_port, until

NEIGHBOUR = """
import os, redis, time
from celery import Celery

url = os.environ["REDIS_URL"]
app = Celery("neighbour", broker=url, backend=url)
app.conf.update(task_acks_late=True, task_default_queue="neighbour", worker_prefetch_multiplier=1)
ran = redis.Redis.from_url(url)


@app.task
def long_one(seconds):
    ran.incr("ran:long")
    time.sleep(seconds)


@app.task
def later():
    ran.incr("ran:later")
"""
SHORT_SECONDS = 1
"""Our visibility timeout; the neighbour's messages are held for several of them."""
HELD_SECONDS = 8


class Neighbour:
    """Another Celery application on the same database, with a worker of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        (folder / "neighbour.py").write_text(NEIGHBOUR)
        self._folder, self._environment = folder, environment
        command = self.command("worker", "--pool", "threads", "-c", "4", "-l", "INFO", "-n", "neighbour@%h")
        self.process = Process("neighbour", command, folder / "worker.log", env=environment, cwd=folder)
        self.process.wait_for(r"ready\.")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "neighbour", *arguments]

    def run(self, *command: str) -> str:
        """Run a command in its folder; what it printed."""
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr


@pytest.fixture
def neighbour(tmp_path: Path, configured: dict[str, str]) -> Iterator[Neighbour]:
    """Its worker runs."""
    neighbour = Neighbour(tmp_path / "neighbour", configured)
    yield neighbour
    neighbour.process.stop()


@pytest.mark.slow
def test_a_neighbours_long_task_and_its_countdown_run_once(
    neighbour: Neighbour, redis_url: str, start_worker: StartWorker, tmp_path: Path
) -> None:
    """Our worker gives back what has been held for longer than its own short timeout, and only what is ours."""
    (tmp_path / "short.py").write_text(
        "from notifier import app\n"
        "options = app.conf.broker_transport_options\n"
        f"app.conf.broker_transport_options = {{**options, 'visibility_timeout': {SHORT_SECONDS}}}\n"
        "from kombu.transport.redis import QoS\n"
        "restore = QoS.restore_visible\n"
        "QoS.restore_visible = lambda self, start=0, num=10, interval=10: restore(self, start, num, 1)\n"
    )
    ours = Process(
        "ours",
        [sys.executable, "-m", "celery", "-A", "short:app", "worker", "-l", "INFO", "-n", "ours@%h"],
        tmp_path / "ours.log",
        env={**os.environ, "REDIS_URL": redis_url},
        cwd=tmp_path,
    )
    client = connect(redis_url, 5)
    try:
        ours.wait_for(r"ready\.")
        neighbour.run(
            sys.executable, "-c",
            f"import neighbour as n; n.long_one.delay({HELD_SECONDS}); n.later.apply_async(countdown={HELD_SECONDS})",
        )  # fmt: skip
        neighbour.process.wait_for(r"neighbour\.long_one\[\S+\] succeeded")
        neighbour.process.wait_for(r"neighbour\.later\[\S+\] succeeded")
        until(lambda: client.hlen("unacked") == 0, "all acknowledged")
        assert neighbour.process.output().count(" received") == 2
        assert (client.get("ran:long"), client.get("ran:later")) == ("1", "1")
    finally:
        ours.stop()
        client.flushdb()
        client.close()


def test_a_neighbours_broadcast_does_not_reach_our_worker_nor_ours_theirs(
    neighbour: Neighbour, start_worker: StartWorker, tmp_path: Path
) -> None:
    ours = start_worker()
    theirs_sees = neighbour.run(*neighbour.command("inspect", "ping"))
    ours_sees = neighbour.run(sys.executable, "-m", "celery", "-A", "notifier", "inspect", "ping")
    assert ("neighbour@" in theirs_sees, "worker1@" in theirs_sees) == (True, False)
    assert ("neighbour@" in ours_sees, "worker1@" in ours_sees) == (False, True)
    neighbour.run(*neighbour.command("control", "shutdown"))
    until(lambda: not neighbour.process.running, "the neighbour's shutdown")
    assert "worker1@" in neighbour.run(sys.executable, "-m", "celery", "-A", "notifier", "inspect", "ping")
    assert ours.running


@pytest.mark.slow
def test_flower_sees_our_worker_and_no_neighbours(
    neighbour: Neighbour, configured: dict[str, str], start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker()
    port = free_port()
    command = [sys.executable, "-m", "celery", "-A", "notifier", "flower", "--address=127.0.0.1", f"--port={port}"]
    environment = {**configured, "FLOWER_UNAUTHENTICATED_API": "true"}
    flower = Process("flower", command, tmp_path / "flower.log", env=environment, cwd=tmp_path)
    try:
        flower.wait_for("Connected to redis|Visit me at")
        url = f"http://127.0.0.1:{port}/api/workers?refresh=1"
        until(lambda: "worker1@" in requests.get(url, timeout=20).text, "our worker in Flower")
        assert "neighbour@" not in requests.get(url, timeout=20).text
    finally:
        flower.stop()


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["mine:", "mine"])
def test_a_prefix_of_ones_own_begins_every_key(
    prefix: str, redis_url: str, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython
) -> None:
    own = {"NOTIFIER_KEY_PREFIX": prefix}
    start_worker(**own)
    program = (
        "from notifier import app, client_pipeline, send_notification\n"
        "result = send_notification.delay(title='T')\n"
        "print(result.get(timeout=30)['status'])\n"
        "key = app.backend.get_key_for_task(result.id).decode()\n"
        "assert key == client_pipeline().keys.result(result.id), key\n"
        "assert client_pipeline().redis.exists(key)\n"
    )
    done = run_python(program, **own)
    assert done.stdout == "delivered\n", done.stderr
    client = connect(redis_url, 5)
    try:
        names = {key.removeprefix("_kombu.binding.") for key in client.scan_iter("*")}
        # a mailbox of replies bears the caller's own random id
        shared = {name for name in names if not name.startswith(prefix) and ".reply." not in name and "@" not in name}
        assert {name for name in shared if not name.startswith(f"reply.{prefix}")} == set()
        client.flushdb()
    finally:
        client.close()


def test_what_an_older_worker_held_is_delivered_by_the_sweep(
    application: Application, redis_url: str, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    """A delivery task in the old ``unacked`` keys is never given back; the notification is in its outbox."""
    (notification_id,) = application.raise_alerts("held")
    client = connect(redis_url, 5)
    held = client.rpop(Keys().queue(AlertType.GENERAL))
    assert held is not None
    client.hset("unacked", "tag", held)
    client.zadd("unacked_index", {"tag": 1})
    start_worker()
    (record,) = application.wait([notification_id])
    assert record["status"] == "delivered"
    assert client.hlen("unacked") == 1, "another application's messages lie there as well: nobody of ours touches them"
    client.delete("unacked", "unacked_index")
    client.close()
