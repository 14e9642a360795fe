"""A guest on a shared Redis: our worker and a neighbour's use one database, and neither meets the other's messages."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.e2e.guest import Guest
from tests.servers import until

NEIGHBOUR = """
import os, redis, time
from celery import Celery

url = os.environ["REDIS_URL"]
app = Celery("neighbour", broker=url, backend=url)
app.conf.update(task_acks_late=True, task_default_queue="neighbour", worker_prefetch_multiplier=1)
ran = redis.Redis.from_url(url)


@app.task
def long_one():
    ran.incr("ran:long")
    while not ran.exists("enough"):
        time.sleep(0.1)


@app.task
def later():
    raise AssertionError("nobody waits for it")
"""
SHORT_SECONDS = 1
"""Our visibility timeout."""
LOOKS = 5
"""How often our worker looks for messages to give back while the neighbour's are held: once a second, see below."""
IMPATIENT = f"""
from kombu.transport.redis import QoS, Transport
from notifier import app

app.conf.broker_transport_options = {{**app.conf.broker_transport_options, "visibility_timeout": {SHORT_SECONDS}}}
restore, register = QoS.restore_visible, Transport.register_with_event_loop


def restore_at_once(self, start=0, num=10, interval=10):
    restore(self, start, num, interval=1)
    print("has looked")


def register_for_each_second(self, connection, loop):
    register(self, connection, loop)
    loop.call_repeatedly(1, self.cycle.maybe_restore_messages)


QoS.restore_visible, Transport.register_with_event_loop = restore_at_once, register_for_each_second
"""
"""Our worker with a short timeout. kombu looks for what has been held too long once in ten calls, every ten seconds."""


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
def test_our_worker_gives_back_no_message_that_a_neighbour_holds(
    neighbour: Neighbour, configured: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    """It looks for what has been held for longer than its own short timeout, and finds only what is ours."""
    (tmp_path / "impatient.py").write_text(IMPATIENT)
    command = [sys.executable, "-m", "celery", "-A", "impatient:app", "worker", "-l", "INFO", "-n", "ours@%h"]
    ours = Process("ours", command, tmp_path / "ours.log", env=configured, cwd=tmp_path)
    client = connect(redis_url, 5)
    try:
        ours.wait_for(r"ready\.")
        neighbour.run(
            sys.executable, "-c", "import neighbour as n; n.long_one.delay(); n.later.apply_async(countdown=3_000)"
        )
        until(lambda: client.hlen("unacked") == 2, "both held")
        before = ours.output().count("has looked")
        until(lambda: ours.output().count("has looked") >= before + LOOKS, "our worker's search")
        client.set("enough", 1)
        neighbour.process.wait_for(r"neighbour\.long_one\[\S+\] succeeded")
        until(lambda: client.hlen("unacked") == 1, "the long task acknowledged, the countdown held")
        assert client.llen("neighbour") == 0
        assert neighbour.process.output().count(" received") == 2
        assert client.get("ran:long") == "1"
    finally:
        ours.stop()
        client.flushdb()
        client.close()


@pytest.mark.slow
def test_a_neighbours_broadcast_does_not_reach_our_worker_nor_ours_theirs(neighbour: Neighbour, guest: Guest) -> None:
    ours = guest.worker()

    def ours_alone() -> bool:
        said = guest.run(*guest.celery, "inspect", "ping").stdout
        assert "neighbour@" not in said
        return "guest@" in said

    def theirs_alone() -> bool:
        said = neighbour.run(*neighbour.command("inspect", "ping"))
        assert "guest@" not in said
        return "neighbour@" in said

    # Celery waits a second for an answer
    until(theirs_alone, "the neighbour's answer")
    until(ours_alone, "our worker's answer")
    neighbour.run(*neighbour.command("control", "shutdown"))
    until(lambda: not neighbour.process.running, "the neighbour's shutdown")
    until(ours_alone, "our worker's answer")
    assert ours.running


@pytest.mark.slow
def test_flower_sees_our_worker_and_no_neighbours(neighbour: Neighbour, guest: Guest) -> None:
    guest.worker()
    flower = guest.flower()
    until(flower.up, "Flower")
    until(lambda: "guest@" in flower.get("/api/workers?refresh=1").text, "our worker in Flower")
    assert "neighbour@" not in flower.get("/api/workers?refresh=1").text


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["mine:", "mine"])
def test_a_prefix_of_ones_own_begins_every_key(prefix: str, guest: Guest, redis_url: str, sandbox: Sandbox) -> None:
    own = {"NOTIFIER_KEY_PREFIX": prefix}
    guest.worker(**own)
    program = (
        "from notifier import app, client_pipeline, send_notification\n"
        "result = send_notification.delay(title='T')\n"
        "print(result.get(timeout=30)['status'])\n"
        "key = app.backend.get_key_for_task(result.id).decode()\n"
        "assert key == client_pipeline().keys.result(result.id), key\n"
        "assert client_pipeline().redis.exists(key)\n"
    )
    done = guest.python(program, **own)
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


@pytest.mark.slow
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
