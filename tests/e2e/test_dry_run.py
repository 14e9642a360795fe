"""With Celery's task_always_eager a call is a dry run: no Redis, no HTTP and no worker, and never a silent enqueue."""

from tests.e2e.conftest import RunPython

NOWHERE = "redis://127.0.0.1:1/0"
PROGRAM = """
import asyncio, sys
from celery import chain
from notifier import InvalidMessage, NotificationMessage, app, send_notification

app.conf.task_always_eager = True
task = send_notification["error"]
whole = NotificationMessage(alert_type="error", title="T", message="x" * 100_000)
results = [
    send_notification.delay(alert_type="error", title="T"), send_notification.delay(whole), task.delay("T"),
    task.apply_async(("T",)), task.apply_async((whole,)), task.apply(("T",)), task.s("T").delay(), task.s("T").apply(),
    chain(task.s("first"), task.s("second")).apply_async(),
]
for result in results:
    record = result.get(timeout=1)
    assert (result.state, record["status"], record["success"]) == ("SUCCESS", "dry_run", False), record
(field,) = record["message"]["fields"]
assert field["name"] == "Result" and field["value"].startswith("dry_run: "), field
assert results[1].id == whole.id
assert type(task(title="T")) is type(task.run("T")) is str
assert len(task.map(["a", "b"]).apply_async().get()) == 2
assert not {"requests", "urllib3", "notifier.discord", "notifier.worker"} & sys.modules.keys()
from notifier import DiscordNotificationService
service = DiscordNotificationService()
for wait in (None, 5):
    sent = asyncio.run(service.send(whole, wait=wait))
    assert (sent.id, sent.status, sent.success) == (whole.id, "dry_run", False), sent
    assert "task_always_eager" in sent.error
for wrong in (lambda: task.delay(titel="T"), lambda: task.apply_async((1,)), lambda: task(), lambda: task.apply()):
    try:
        print("taken:", wrong())
    except InvalidMessage:
        pass
"""


def test_every_call_ends_in_a_record_that_says_it_was_a_dry_run(run_python: RunPython) -> None:
    done = run_python(PROGRAM, fresh=True, REDIS_URL=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


CAPTURING = """
from celery import chain
from notifier import send_notification
from notifier.producer.captures import kept

task = send_notification["error"]
chain(task.s("a"), task.s(title="b")).apply_async()
task.apply_async(("c",), link=task.si(title="d"))
task.chunks([("e",), ("f",)], 1).apply_async()
print(*(each.title for each in kept))
"""


def test_a_backend_for_development_takes_every_alert_of_a_canvas(run_python: RunPython) -> None:
    done = run_python(CAPTURING, REDIS_URL=NOWHERE, NOTIFIER_BACKEND="memory")
    assert (done.stdout, done.stderr) == ("a b c d e f\n", "")
