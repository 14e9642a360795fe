"""What Celery's signals say of an alert, in the worker that carried it."""

from typing import Any, cast
from unittest.mock import Mock

import pytest
from celery import Celery, signals

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.record import record
from notifier.outcome import Status
from notifier.routing import ROUTES
from notifier.worker.announce import Announcer


@pytest.mark.parametrize(
    ("signal", "status"), [(signals.task_success, Status.DELIVERED), (signals.task_failure, Status.REJECTED)]
)
def test_the_request_of_the_sender_of_a_signal_is_that_of_its_alert(signal: Any, status: Status) -> None:
    """Not that of the delivery task that carried it, nor none, as in a wake-up."""
    app = Celery(set_as_current=False)
    app.conf.update(worker_send_task_events=False, task_routes={ROUTES[AlertType.ERROR].task: {"queue": "the queue"}})

    @app.task(name=ROUTES[AlertType.ERROR].task, lazy=False)
    def task() -> None:
        """Deliver nothing."""

    seen: list[tuple[str, dict[str, Any]]] = []

    def listen(sender: Any, **_: Any) -> None:
        assert sender.request.delivery_info["routing_key"] == "the queue"
        assert sender.request.called_directly, "called by a handler, the task raises an alert"
        seen.append((sender.request.id, sender.request.kwargs))

    ended = [
        record(
            NotificationMessage(id=each, alert_type=AlertType.ERROR, title=each), status, admitted_at="", finished_at=""
        )
        for each in ("first", "second")
    ]
    task.push_request(id="the delivery task", called_directly=False)
    signal.connect(listen)
    try:
        Announcer(app, cast("Any", Mock()))(BatchResult((), tuple(ended), None, 0, {}), 0, 0)
    finally:
        signal.disconnect(listen)
    assert seen == [(each["id"], each["message"]) for each in ended]
    assert task.request.id == "the delivery task"
