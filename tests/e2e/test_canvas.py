"""Alerts in another application's canvas: sent to our queue, delivered exactly once, with what the task before gave."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, RunPython
from tests.forked import start_module
from tests.servers import until

FOREIGN = """
import os
from celery import Celery

app = Celery("foreign", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.update(task_default_queue="foreign", result_expires=60, broker_connection_retry_on_startup=True)


@app.task
def count():
    return {"rows": 7}


@app.task
def fail(*_):
    raise ValueError("no such table")
"""


@pytest.fixture
def foreign(configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """A worker of another application on the same Redis."""
    (tmp_path / "foreign.py").write_text(FOREIGN)
    command = ["celery", "-A", "foreign", "worker", "-P", "threads", "-c", "2", "-l", "INFO"]
    process = start_module("foreign", command, tmp_path / "foreign.log", env=configured, cwd=tmp_path)
    process.wait_for(r"ready\.")
    yield process
    process.stop()


def delivered(sandbox: Sandbox, count: int) -> dict[str, dict[str, str]]:
    """The fields of each alert by its title, once there are so many; none has come twice."""
    until(lambda: len(sandbox.titles()) >= count, f"{count} alerts")
    embeds = [embed for message in sandbox.messages() for embed in message["embeds"]]
    found = {each["title"]: {field["name"]: field["value"] for field in each.get("fields", [])} for each in embeds}
    assert len(found) == len(embeds), sorted(each["title"] for each in embeds)
    return found


HEAD = "from celery import chain, chord, group, signature\nfrom notifier import send_notification\n"
ROWS = {"Result": '{"rows": 7}'}
FAILED = {"Exception": "ValueError: no such table"}


@pytest.mark.slow
def test_an_alert_in_another_applications_canvas_shows_what_the_task_before_it_gave(
    foreign: Process, run_python: RunPython, sandbox: Sandbox, worker: Process
) -> None:
    done = run_python(
        HEAD
        + """
from foreign import app, count, fail
alert = send_notification["error"]
chain(count.s(), alert.s("end")).apply_async()
chain(count.s(), alert.si(title="end, immutable")).apply_async()
chain(count.s(), alert.s(title="middle", fields={"Host": "db1"}), alert.s("after an alert")).apply_async()
count.apply_async(link=alert.s(title="link"))
count.apply_async(link=[alert.si(title="one of two links"), alert.s(title="the other")])
print(fail.apply_async(link_error=alert.s(title="link_error")).id)
fail.apply_async(link_error=alert.si(title="link_error, immutable"))
chain(count.s(), fail.s(), count.si()).on_error(alert.s()).apply_async()
chord([count.s(), count.s()])(alert.s(title="chord"))
chain(count.s(), group(alert.s(title="first of a group"), alert.s(title="second of a group"))).apply_async()
by_name = {"queue": "notifications.error", "app": app}
chain(count.s(), signature("send_notification.error", kwargs={"title": "by name"}, **by_name)).apply_async()
chain(count.s(), signature("send_notification.error", args=("by position",), **by_name)).apply_async()
"""
    )
    assert done.returncode == 0, done.stderr
    found = delivered(sandbox, 15)
    assert found.pop("middle") == {"Host": "db1", **ROWS}
    assert found.pop("after an alert")["Result"].startswith("delivered: https://discord.com/channels/")
    assert found.pop("link_error") == {"Failed task": done.stdout.strip(), **FAILED}
    assert found.pop("Task failed").items() >= FAILED.items()
    assert found == {
        **dict.fromkeys(["end", "link", "the other", "by name", "by position"], ROWS),
        **dict.fromkeys(["first of a group", "second of a group"], ROWS),
        "chord": {"Result": r'\[{"rows": 7}, {"rows": 7}\]'},
        **{title: {} for title in ("end, immutable", "one of two links", "link_error, immutable")},
    }
    assert "unregistered task" not in foreign.output()


@pytest.mark.slow
def test_positional_arguments_of_a_call_by_name_are_the_title_the_text_or_all_fields(
    run_python: RunPython, sandbox: Sandbox, worker: Process, redis_url: str
) -> None:
    done = run_python(
        f"""
from celery import Celery
from notifier import NotificationMessage
app = Celery(broker={redis_url!r})
host = {{"Host": "db1"}}
whole = NotificationMessage(alert_type="error", title="a message", fields=host)
for args in (["a title"], ["a title and", "its text"], [{{"title": "a mapping", "fields": host}}], [whole]):
    app.send_task("send_notification.error", args=args, queue="notifications.error")
from celery.bin.celery import celery
celery(["-A", "tasks", "call", "send_notification.error", "--args", '["celery call"]'])
"""
    )
    assert done.returncode == 0, done.stderr
    host = {"Host": "db1"}
    assert delivered(sandbox, 5) == {
        "a title": {}, "a title and": {}, "celery call": {}, "a mapping": host, "a message": host,
    }  # fmt: skip


@pytest.mark.slow
def test_a_retry_keeps_the_result_of_the_task_before(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    sandbox.fault(method="POST", kind="status", status=503, times=1)
    sent = application.app.send_task(
        "send_notification.error", args=[7, "T"], parent_id="parent", queue="notifications.error"
    )
    (record,) = application.wait([sent.id])
    assert (record["status"], record["attempts"]) == ("delivered", 2)
    assert delivered(sandbox, 1) == {"T": {"Result": "7"}}
    worker.wait_for(rf"Task send_notification\.error\[{sent.id}\] (succeeded|ignored)")


def test_a_dead_letter_keeps_what_was_given_by_position_and_is_replayed_with_it(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    given = {"colour": "red", "fields": {"Host": "db1"}}
    sent = application.app.send_task(
        "send_notification.error", args=[7, "T", "m"], kwargs=given, queue="notifications.error"
    )
    (record,) = application.wait([sent.id])
    kept = json.loads(record["given"])
    assert (kept["args"], kept["kwargs"]) == ([7, "T", "m"], given)
    assert (record["reason"], record["message"]["title"]) == ("invalid_message", "T")
    replayed = application.pipeline.dead_letters.replay(sent.id, {"colour": None})
    assert application.wait([replayed])[0]["status"] == "delivered"
    assert delivered(sandbox, 1) == {"T": {"Host": "db1", "Result": "7"}}


def test_an_exception_that_cannot_be_read_does_not_stop_the_alert(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    redis, queue = application.pipeline.redis, "notifications.error"
    redis.hset("celery-task-meta-hash", "no", "string")
    redis.set("celery-task-meta-pickle", b"\x80\x04", ex=60)
    redis.set("celery-task-meta-list", "[1]", ex=60)
    for parent in ("hash", "pickle", "list", "nowhere"):
        application.app.send_task(
            "send_notification.error", args=[parent], kwargs={"title": parent}, parent_id=parent, queue=queue
        )
    assert delivered(sandbox, 4) == {each: {"Failed task": each} for each in ("hash", "pickle", "list", "nowhere")}
    redis.delete("celery-task-meta-hash", "celery-task-meta-pickle", "celery-task-meta-list")


def test_keywords_that_are_names_of_ours_are_ordinary_wrong_fields(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    wrong = {"title": "T", "self": 1, "task": 2}
    sent = application.app.send_task("send_notification.error", kwargs=wrong, queue="notifications.error")
    (record,) = application.wait([sent.id])
    assert (record["reason"], record["success"]) == ("invalid_message", False)
    assert "self: not a field" in record["detail"]
    assert "task: not a field" in record["detail"]


def test_a_direct_call_raises_the_alert_and_each_call_has_an_id_of_its_own(
    run_python: RunPython, sandbox: Sandbox, worker: Process
) -> None:
    done = run_python(
        HEAD
        + """
import json
task = send_notification["error"]
ids = [
    task(title="a"), task("b"), send_notification["critical"]("c"), task.run("d", "text"),
    task.s("e")(), task.apply(["f"], serializer="no", compression="no").get(timeout=30)["id"],
    task.apply(kwargs={"title": "g"}, task_id="own").id,
    *task.map(["h", {"title": "i"}]).apply_async().get(timeout=30),
    *task.starmap([("j",), ("k", "text")]).apply_async().get(timeout=30),
    *[each for part in task.chunks([("l",), ("m",), ("n",)], 2)().get(timeout=30) for each in part],
]
assert len(set(ids)) == len(ids) == 14 and "own" in ids and all(type(each) is str for each in ids), ids
print(json.dumps([task.AsyncResult(each).get(timeout=30)["message"]["title"] for each in ids]))
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"]'
    assert set(delivered(sandbox, 14)) == set("abcdefghijklmn")


def test_what_cannot_be_an_alert_is_refused_where_the_signature_is_made(run_python: RunPython) -> None:
    done = run_python(
        HEAD
        + """
from notifier import InvalidMessage
task = send_notification["error"]
for make in (
    lambda: task.s(titel="x"), lambda: task.si(), lambda: task.signature((1,), {"title": "x"}),
    lambda: task.s("x", alert_type="critical"), lambda: task.map(["x", 1]), lambda: task.starmap([("x",), ("y", 2)]),
    lambda: task.chunks([({"titel": "x"},)], 1), lambda: task(1), lambda: task.run("a", "b", "c"),
    lambda: task.apply_async(args=[1]), lambda: task.apply(kwargs={"titel": "x"}), lambda: send_notification.delay(1),
):
    try:
        print("taken:", make())
    except InvalidMessage as error:
        print(str(error)[:60])
"""
    )
    assert done.returncode == 0, done.stderr
    assert "taken" not in done.stdout, done.stdout
    assert len(done.stdout.splitlines()) == 12
