"""A host's Celery worker, with alerts about its failed tasks: a process of its own, on its own Redis database."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery

from notifier.cli.processes import Process
from notifier.storage.connection import connect
from tests.conftest import Sandbox
from tests.forked import start_module
from tests.servers import until

pytestmark = pytest.mark.slow

HOST = """
import os, time
from celery import Celery, exceptions
from notifier.integrations.celery import alert_on_failure

app = Celery("host", broker=HOST_URL, backend=HOST_URL)
app.conf.update(task_default_queue="bills", broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
alert_on_failure(app, ignore=["host.quiet.*", BrokenPipeError])


@app.task(name="host.fail")
def fail(order, **more):
    raise ValueError(f"no order __{order}__")


@app.task(name="host.again", bind=True, max_retries=2)
def again(self):
    try:
        raise OSError("disk full")
    except OSError as error:
        raise self.retry(exc=error, countdown=0)


@app.task(name="host.wait")
def wait():
    time.sleep(60)


@app.task(name="host.die")
def die(*args):
    os.kill(os.getpid(), 9)


@app.task(name="host.expected", throws=(KeyError,))
def expected():
    raise KeyError("expected")


@app.task(name="host.pipe")
def pipe():
    raise BrokenPipeError


@app.task(name="host.quiet.one")
def quiet():
    raise ValueError


@app.task(name="host.fine")
def fine():
    return 17
"""
StartHost = Callable[..., Process]


@pytest.fixture
def host(redis_url: str) -> Iterator[Celery]:
    """The host's application, as one that sends it tasks has it."""
    url = redis_url.rsplit("/", 1)[0] + "/7"
    client = connect(url, 5)
    client.flushdb()
    app = Celery("sender", broker=url, backend=url, set_as_current=False)
    app.conf.task_default_queue = "bills"
    yield app
    app.close()
    client.flushdb()
    client.close()


@pytest.fixture
def start_host(host: Celery, configured: dict[str, str], tmp_path: Path) -> Iterator[StartHost]:
    """Starts the host's worker."""
    started: list[Process] = []

    def start(*options: str, **environment: str) -> Process:
        (tmp_path / "shop.py").write_text(HOST.replace("HOST_URL", repr(host.conf.broker_url)))
        command = ["celery", "-A", "shop", "worker", "-c", "1", "-l", "INFO", "-n", "host@here"]
        command += ["--without-gossip", "--without-mingle"]
        process = start_module(
            "host", [*command, *options], tmp_path / "host.log", env={**configured, **environment}, cwd=tmp_path
        )
        started.append(process)
        process.wait_for(r"ready\.")
        return process

    yield start
    for process in started:
        process.stop()


def fields_of(sandbox: Sandbox, title: str) -> dict[str, str]:
    """The fields of the embed with that title, once it is there, as they are drawn."""
    embeds: list[dict[str, Any]] = []

    def found() -> list[dict[str, Any]]:
        every = [embed for message in sandbox.messages() for embed in message["embeds"]]
        embeds[:] = [each for each in every if drawn(each["title"]).startswith(title)]
        return embeds

    until(found, title)
    (embed,) = embeds
    fields = {each["name"]: drawn(each["value"]) for each in embed.get("fields", ())}
    return fields | {"text": drawn(embed.get("description", ""))}


def children(process: Process) -> set[int]:
    """The living processes of its pool."""
    living = set()
    for each in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has ended since it was listed
            if each.status() != psutil.STATUS_ZOMBIE:
                living.add(each.pid)
    return living


def drawn(text: str) -> str:
    """Without the escapes that plain text has."""
    return re.sub(r"\\(.)", r"\1", text)


@pytest.mark.usefixtures("worker")
def test_every_end_of_a_task_that_is_no_success_raises_an_alert(
    start_host: StartHost, host: Celery, sandbox: Sandbox
) -> None:
    # a busy machine: what a process tells at its end has to be told before it ends
    process = start_host(NOTIFIER_PUBLISH_TIMEOUT_SECONDS="10")
    secret = "https://discord.com/api/webhooks/1/fake-token-" + "x" * 300
    late = host.send_task("host.fine", expires=datetime(2020, 1, 1, tzinfo=UTC))
    host.send_task("host.missing")
    with host.producer_or_acquire() as producer:
        producer.publish({"no": "task"}, routing_key="bills", serializer="json")
    running = host.send_task("host.wait")
    process.wait_for(rf"host\.wait\[{running.id}\] received")
    killed = children(process)
    host.control.revoke(running.id, terminate=True, signal="SIGKILL")
    # what is sent before may be lost with that process
    until(lambda: (now := children(process)) and now.isdisjoint(killed), "the next process of the pool")
    host.send_task("host.die", args=("visible", secret), argsrepr="('visible', <hidden>)")
    for name in ("host.expected", "host.pipe", "host.quiet.one", "host.fine", "host.again"):
        host.send_task(name)
    for number in range(4):
        host.send_task("host.fail", args=(number,))
    order = host.send_task("host.fail", args=(17,), kwargs={"password": "fake-hunter2", "more": "x" * 900})
    process.wait_for("no order __17__")
    process.wait_for(r"host\.again\[\S+ raised unexpected")
    process.stop()

    lost = fields_of(sandbox, "Task host.die failed: WorkerLostError: Worker exited prematurely: signal 9")
    assert (lost["Worker"], lost["Arguments"]) == ("host@here", "('visible', <hidden>)")
    assert lost["Runtime"].endswith(" s")
    failed = fields_of(sandbox, "Task host.fail failed: ValueError: no order __17__")
    assert failed["Task id"] == order.id
    assert re.fullmatch(r"\(17,\) \{'password': '\(masked\)', 'more': 'x{100,}…", failed["Arguments"])
    assert failed["Worker"] == "host@here"
    assert "raise ValueError" in failed["text"]
    assert failed["Repeated"].startswith("× 5 · first ")
    assert "raise OSError" in fields_of(sandbox, "Task host.again failed after 2 retries: OSError: disk full")["text"]
    fields_of(sandbox, "Task host.wait was terminated")
    assert fields_of(sandbox, "Task host.fine expired")["Task id"] == late.id
    fields_of(sandbox, "Task host.missing is not registered")
    fields_of(sandbox, "The message of a task was rejected: unknown")
    assert len(sandbox.messages()) == 7, "none for what is ignored, expected or fine"


@pytest.mark.usefixtures("worker")
def test_in_a_pool_of_threads_as_well(start_host: StartHost, host: Celery, sandbox: Sandbox) -> None:
    process = start_host("--pool", "threads")
    for number in range(3):
        host.send_task("host.fail", args=(number,))
    host.send_task("host.again")
    fields_of(sandbox, "Task host.again failed after 2 retries: OSError")
    process.wait_for(r"no order __2__")
    process.stop()
    until(lambda: "× 3 · " in str(sandbox.messages()), "the count")
    assert fields_of(sandbox, "Task host.fail failed: ValueError: no order")["Runtime"].endswith(" s")
    assert len(sandbox.messages()) == 2


@pytest.mark.usefixtures("worker")
def test_a_worker_goes_on_where_no_alert_can_be_raised(start_host: StartHost, host: Celery, sandbox: Sandbox) -> None:
    """And says so in its log, once for each kind of trouble."""
    process = start_host(REDIS_URL="redis://127.0.0.1:1/0", NOTIFIER_PUBLISH_TIMEOUT_SECONDS="0.2")
    for number in range(20):
        host.send_task("host.fail", args=(number,))
    result = host.send_task("host.fine")
    assert result.get(timeout=30) == 17
    assert process.output().count("celery/host/host.fail/ValueError: no alert was raised") == 1
    process.stop()
    assert "Signal handler" not in process.output(), "nothing was raised into Celery"
