"""What hangs on an alert in Celery is called once it is final, whichever task carried it: exactly once."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, RunPython
from tests.forked import start_module
from tests.servers import until

HOST = """
import json, os
import redis
from celery import Celery

app = Celery("host", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"], set_as_current=False)
app.conf.task_routes = {"host.apart": {"queue": "apart"}}
store = redis.Redis.from_url(os.environ["REDIS_URL"])

@app.task(bind=True, name="host.note")
def note(self, *args):
    store.rpush("host:notes", json.dumps([self.request.id, *args]))
    return "noted"

@app.task(bind=True, name="host.apart")
def apart(self, *args):
    store.rpush("host:notes", json.dumps([self.request.id, *args]))
"""
DIES = """
import os, signal
from notifier.outbox import outbox
from notifier.worker.callbacks import Callbacks

outbox.LEASE_SECONDS = 0.2
Callbacks._call = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""
"""A worker that dies between the record and the call."""


@pytest.fixture
def host(tmp_path: Path, configured: dict[str, str]) -> Iterator[Process]:
    """A worker of another application, on the same Redis."""
    (tmp_path / "host.py").write_text(HOST)
    command = ["celery", "-A", "host", "worker", "-P", "threads", "-Q", "celery,apart", "-l", "INFO", "-n", "host@%h"]
    process = start_module("host", command, tmp_path / "host.log", env=configured, cwd=tmp_path)
    process.wait_for(r"host@\S+ ready\.")
    yield process
    process.stop()


def notes(application: Application) -> list[Any]:
    """What the tasks of the other application were called with: their ids, then their arguments."""
    found = cast("list[str]", application.pipeline.redis.lrange("host:notes", 0, -1))
    return [json.loads(each) for each in found]


def none_left(application: Application) -> bool:
    """Whether nothing is to be called any more."""
    return not application.pipeline.redis.exists("notifier:callbacks")


@pytest.mark.slow
def test_each_callback_and_each_chain_of_a_burst_goes_on_exactly_once(
    application: Application, sandbox: Sandbox, worker: Process, host: Process, run_python: RunPython
) -> None:
    done = run_python(
        """
from celery import chain
from notifier import send_notification
from host import apart, note

task = send_notification["general"]
for number in range(10):
    task.apply_async(kwargs={"title": f"linked {number}"}, link=[note.s("link"), apart.si("apart", number)])
    chain(task.si(title=f"first {number}"), note.s("chain")).apply_async()
"""
    )
    assert done.returncode == 0, done.stderr
    until(lambda: len(notes(application)) >= 30, "30 callbacks")
    until(lambda: none_left(application), "all are noted as called")
    found = notes(application)
    assert len({each[0] for each in found}) == len(found) == 30
    assert sorted(each[2] for each in found if each[1] == "apart") == list(range(10)), "immutable: no result"
    linked, chained = ([each[1] for each in found if each[-1] == kind] for kind in ("link", "chain"))
    assert sorted(each["message"]["title"] for each in linked) == sorted(f"linked {n}" for n in range(10))
    assert sorted(each["message"]["title"] for each in chained) == sorted(f"first {n}" for n in range(10))
    assert {each["status"] for each in linked + chained} == {"delivered"}
    assert len(sandbox.posts()) < 20, "they rode together"


@pytest.mark.slow
def test_a_chord_of_alerts_runs_its_body_once_with_their_records(
    application: Application, sandbox: Sandbox, worker: Process, host: Process, run_python: RunPython
) -> None:
    done = run_python(
        """
from celery import chord
from notifier import send_notification
from host import note

task = send_notification["general"]
chord([task.si(title=f"part {number}") for number in range(6)], note.s("foreign body")).apply_async()
"""
    )
    assert done.returncode == 0, done.stderr
    until(lambda: notes(application), "the body")
    until(lambda: none_left(application), "all are noted as called")
    ((_, records, name),) = notes(application)
    assert name == "foreign body"
    assert [each["message"]["title"] for each in records] == [f"part {number}" for number in range(6)]


@pytest.mark.slow
def test_a_canvas_of_another_application_that_hangs_on_an_alert_is_sent_to_that_application(
    application: Application, sandbox: Sandbox, worker: Process, host: Process, run_python: RunPython
) -> None:
    """Celery hands its application to the outermost signature alone; the worker's own has no queue but ours."""
    done = run_python(
        """
from celery import chain, chord, group
from notifier import send_notification
from host import note

task = send_notification["general"]
chain(group(task.si("part 0"), task.si("part 1")), note.s("body"), note.si("after the body")).apply_async()
task.apply_async(("linked",), link=group(note.si("in a group"), chain(note.si("in a chain"), note.si("at its end"))))
chain(task.si("first"), chord([note.si("header")], chain(note.si("chord body"), note.si("after it")))).apply_async()
"""
    )
    assert done.returncode == 0, done.stderr
    wanted = {"body", "after the body", "in a group", "in a chain", "at its end", "header", "chord body", "after it"}
    until(lambda: {each[-1] for each in notes(application)} >= wanted, "all of them")
    assert len(notes(application)) == len(wanted)


@pytest.mark.slow
def test_a_dead_letter_fails_its_chord_as_a_failed_task_does(
    application: Application, sandbox: Sandbox, worker: Process, host: Process, run_python: RunPython
) -> None:
    sandbox.fault(webhook_id="1000000000000000002", method="POST", kind="status", status=400, times=1)
    done = run_python(
        """
from celery import chord
from notifier import send_notification
from host import note

parts = [send_notification["general"].si(title="well"), send_notification["error"].si(title="dead")]
result = chord(parts, note.s("body").on_error(note.s("errback"))).apply_async()
try:
    print(result.get(timeout=60))
except Exception as error:
    print(result.id, type(error).__name__)
"""
    )
    body, error = done.stdout.split()
    assert error == "NotDelivered", done.stderr
    until(lambda: notes(application), "the errback")
    found = application.app.AsyncResult(body)
    until(lambda: found.state == "FAILURE", "its end, which Celery stores after it has called the errback")
    assert type(found.result).__name__ == "ChordError"
    assert [each[-1] for each in notes(application)] == ["errback"], "the body never ran"


@pytest.mark.slow
def test_of_a_dead_letter_the_errbacks_are_called_and_nothing_that_follows_success(
    application: Application, sandbox: Sandbox, worker: Process, host: Process, run_python: RunPython
) -> None:
    sandbox.fault(method="POST", kind="status", status=400, times=1)
    done = run_python(
        """
from celery import chain
from notifier import send_notification
from host import note

task = send_notification["general"]
result = chain(task.si(title="dead"), note.s("follows"), note.s("at the end")).apply_async(
    link=note.s("success"), link_error=note.s("failure")
)
print(result.parent.parent.id, result.parent.id, result.id)
"""
    )
    assert done.returncode == 0, done.stderr
    first, *following = done.stdout.split()
    application.wait([first])
    until(lambda: none_left(application) and notes(application), "all are noted as called")
    assert [each[1:] for each in notes(application)] == [[first, "failure"]]
    for each in following:
        found = application.app.AsyncResult(each)
        assert found.state == "FAILURE", "what waits for the end of the chain is not left waiting"
        assert found.result.reason == application.wait([first])[0]["reason"]


@pytest.mark.slow
def test_callbacks_are_called_once_though_the_worker_died_before_it_called_them(
    application: Application,
    sandbox: Sandbox,
    start_worker: StartWorker,
    host: Process,
    run_python: RunPython,
    tmp_path: Path,
) -> None:
    (tmp_path / "dies.py").write_text(DIES)
    dying = start_worker("-I", "dies", PYTHONPATH=str(tmp_path))
    done = run_python(
        """
from notifier import send_notification
from host import note
for number in range(3):
    send_notification["general"].apply_async(kwargs={"title": f"linked {number}"}, link=note.s("link"))
"""
    )
    assert done.returncode == 0, done.stderr
    until(lambda: not dying.running, "the worker's death")
    assert notes(application) == []
    start_worker()
    until(lambda: len(notes(application)) >= 3 and none_left(application), "the sweep has called them")
    assert Counter(each[1]["message"]["title"] for each in notes(application)) == {f"linked {n}": 1 for n in range(3)}
    assert sorted(sandbox.titles()) == [f"linked {number}" for number in range(3)]
