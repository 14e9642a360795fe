"""What becomes of an alert is said in Celery's own ways: its state, its signals, its events; each once."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from notifier.cli.processes import Process
from notifier.errors import NotDelivered
from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, RunPython
from tests.servers import until

LISTENS = """
import json, os
from pathlib import Path
from celery.signals import task_failure, task_success

def note(**what):
    with Path(os.environ["SIGNALS"]).open("a") as file:
        file.write(json.dumps({**what, "pid": os.getpid()}) + "\\n")

@task_success.connect(weak=False)
def succeeded(sender, result, **_):
    note(task=sender.name, id=result["id"], status=result["status"])

@task_failure.connect(weak=False)
def failed(sender, task_id, exception, einfo, **_):
    note(task=sender.name, id=task_id, error=type(exception).__name__, reason=exception.reason, text=einfo.traceback)
"""
"""A module of a worker that notes the signals of finished tasks."""


class Events:
    """Celery's events of tasks, as Flower receives them."""

    def __init__(self, app: Celery) -> None:
        self.seen: list[dict[str, Any]] = []
        self._app = app
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(60)

    def _run(self) -> None:
        with self._app.connection_for_read() as own:
            receiver = self._app.events.Receiver(own, handlers={"*": self.seen.append})
            with receiver.consumer_context() as (connection, *_):
                self._ready.set()
                while not self._stop.is_set():
                    with suppress(TimeoutError):
                        connection.drain_events(timeout=0.2)

    def of(self, notification_id: str) -> list[dict[str, Any]]:
        """Those of one alert, in order of arrival."""
        return [each for each in list(self.seen) if each.get("uuid") == notification_id]

    def kinds(self, notification_id: str) -> Counter[str]:
        """How often each type came for one alert."""
        return Counter(str(each["type"]) for each in self.of(notification_id))

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(60)


@pytest.fixture
def events(app: Celery) -> Iterator[Events]:
    """The events from now on."""
    found = Events(app)
    yield found
    found.stop()


def test_a_dead_letter_is_a_failure_whose_error_holds_the_record(
    application: Application, sandbox: Sandbox, worker: Process, run_python: RunPython
) -> None:
    sandbox.fault(method="POST", kind="status", status=400, times=1)
    (notification_id,) = application.raise_alerts("refused by Discord")
    (record,) = application.wait([notification_id])
    result = application.app.AsyncResult(notification_id)
    assert (result.state, result.failed(), result.successful()) == ("FAILURE", True, False)
    with pytest.raises(NotDelivered) as raised:
        result.get(timeout=60)
    assert raised.value.record == record
    assert raised.value.reason == record["reason"]
    assert str(raised.value).startswith(f"{record['status']}: {record['reason']}")
    assert record["message"]["title"] not in repr(raised.value), "an error is logged; its text is short"

    foreign = run_python(
        f"""
import os, sys
from celery import Celery
app = Celery("foreign", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
result = app.AsyncResult("{notification_id}")
try:
    result.get(timeout=60)
except Exception as error:
    print(result.state, type(error).__name__, type(error).__module__, error.args[0])
assert "notifier" not in sys.modules
""",
        fresh=True,
    )
    assert foreign.stdout.split()[:3] == ["FAILURE", "NotDelivered", "celery.exceptions"], foreign.stderr
    assert str(record["reason"]) in foreign.stdout


def test_the_facade_still_returns_a_result_for_a_dead_letter(
    sandbox: Sandbox, worker: Process, run_python: RunPython
) -> None:
    sandbox.fault(method="POST", kind="status", status=400, times=1)
    done = run_python(
        """
import asyncio
from notifier import DiscordNotificationService, NotificationMessage
result = asyncio.run(DiscordNotificationService().send(NotificationMessage(title="refused"), wait=60))
print(result.success, result.status)
"""
    )
    assert done.stdout.split() == ["False", "rejected"], done.stderr


@pytest.mark.slow
def test_signals_and_events_come_once_for_each_alert_from_the_worker_that_carried_it(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, events: Events, tmp_path: Path
) -> None:
    (tmp_path / "listens.py").write_text(LISTENS)
    signals = tmp_path / "signals.jsonl"
    both = [start_worker("-I", "listens", PYTHONPATH=str(tmp_path), SIGNALS=str(signals)) for _ in range(2)]
    sandbox.fault(webhook_id=sandbox_webhook(sandbox, AlertType.ERROR), method="POST", kind="status", status=400)
    good = application.raise_alerts(*(f"good {number}" for number in range(12)))
    bad = application.raise_alerts("bad 1", "bad 2", alert_type=AlertType.ERROR)
    application.wait(good + bad)
    ends = {**dict.fromkeys(good, "task-succeeded"), **dict.fromkeys(bad, "task-failed")}
    until(lambda: all(events.kinds(each)[end] for each, end in ends.items()), "the event of each")
    until(lambda: all(events.kinds(each)["task-received"] for each in ends), "each task is received")
    for process in both:
        process.stop()  # what they have to say is said
    names = {f"worker{number}" for number in (1, 2)}
    for each, end in ends.items():
        assert events.kinds(each) == {"task-received": 1, "task-started": 1, end: 1}
        assert {str(event["hostname"]).split("@")[0] for event in events.of(each)} <= names, "no phantom worker"
    noted = [json.loads(line) for line in signals.read_text().splitlines()]
    assert Counter(each["id"] for each in noted) == dict.fromkeys(ends, 1)
    assert {each["status"] for each in noted if each["id"] in good} == {"delivered"}
    failed = [each for each in noted if each["id"] in bad]
    assert {(each["task"], each["error"]) for each in failed} == {("send_notification.error", "NotDelivered")}
    assert all(each["reason"] in each["text"] for each in failed)


@pytest.mark.slow
def test_an_alert_that_waits_is_not_shown_as_started_and_one_that_is_tried_again_is_a_retry(
    application: Application, sandbox: Sandbox, worker: Process, events: Events, notifier: Notifier
) -> None:
    webhook = sandbox_webhook(sandbox, AlertType.GENERAL)
    sandbox.fault(webhook_id=webhook, method="POST", kind="rate_limit", seconds=600, times=1)
    (waiting,) = application.raise_alerts("waits")
    worker.wait_for(rf"Task send_notification\.general\[{waiting}\] ignored")
    until(lambda: "rate limited" in str(application.pipeline.explain(waiting)), "a closed gate")
    assert events.kinds(waiting)["task-started"] == 0
    assert notifier("gate", "reset", "general").returncode == 0
    application.wait([waiting])
    until(lambda: events.kinds(waiting)["task-succeeded"], "its end")

    sandbox.fault(method="POST", kind="status", status=503, times=1)
    (again,) = application.raise_alerts("again")
    until(lambda: events.kinds(again)["task-retried"], "the first attempt")
    application.wait([again])
    until(lambda: events.kinds(again)["task-succeeded"], "its end")
    kinds = events.kinds(again)
    assert (kinds["task-retried"], kinds["task-started"], kinds["task-succeeded"]) == (1, 1, 1)


def sandbox_webhook(sandbox: Sandbox, alert_type: AlertType) -> str:
    """The id of the sandbox's webhook for a type."""
    variable = "DISCORD_WEBHOOK_ERRORS" if alert_type is AlertType.ERROR else f"DISCORD_WEBHOOK_{alert_type.upper()}"
    return sandbox.variables[variable].split("/")[-2]
