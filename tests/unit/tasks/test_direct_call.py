"""A call of the task itself raises an alert, wherever it stands."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Ignore

from notifier.models import NotificationMessage
from notifier.outbox.claim import Empty
from tasks import send_notification
from tasks.notifications import pipeline

ERROR = send_notification["error"]


def test_within_a_delivery_as_a_handler_of_a_signal_makes_it_the_call_raises_an_alert_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[NotificationMessage] = []
    returned: list[Any] = []

    def submit(message: NotificationMessage) -> Any:
        raised.append(message)
        return SimpleNamespace(result=message)

    def deliver(_: object) -> Empty:
        returned.append(ERROR(title="about it"))
        return Empty()

    monkeypatch.setitem(vars(pipeline), "client", SimpleNamespace(submit=submit))
    monkeypatch.setitem(vars(pipeline), "delivery_worker", SimpleNamespace(deliver=deliver))
    ERROR.push_request(id="the-first", called_directly=False)
    try:
        with pytest.raises(Ignore):
            ERROR(title="the first")
    finally:
        ERROR.pop_request()
    assert [each.title for each in raised] == ["about it"]
    assert returned == [raised[0].id] != ["the-first"]


IN_ANOTHER_TASK = """
import celery
celery.Task.app  # binds the class itself: from here on every task inherits its stack of requests
from notifier.producer.captures import capturing
from tasks import app, send_notification

@app.task(shared=False)
def outer():
    return send_notification["error"](title="from within")

sent = []
with capturing(sent.append):
    outer.apply().get()
print([each.title for each in sent])
"""


def test_within_another_task_it_raises_an_alert_even_if_celery_mixes_up_their_requests() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_TASK], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "['from within']", done.stderr
