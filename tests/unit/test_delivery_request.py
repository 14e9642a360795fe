"""A worker takes the message of a delivery task at once: when its alert may go is for the outbox to decide."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker.state import revoked

from notifier.outbox.terms import REVOKED_HEADER, TERMS_HEADER
from notifier.routing import WAKE_UP_TASK
from tasks import app
from tasks.request import DeliveryRequest

ETA, EXPIRES = "2999-01-01T00:00:00+00:00", "2000-01-01T00:00:00+00:00"
ASKED = {"eta": ETA, "expires": EXPIRES}


def request(**headers: Any) -> DeliveryRequest:
    named = {"id": "a", "task": "send_notification.error", **headers}
    message = SimpleNamespace(headers=named, body=b"", payload=([], {}, {}), content_type="", content_encoding="")
    message.delivery_info = message.properties = {}
    return DeliveryRequest(message, app=app)


def test_a_foreign_programs_times_are_the_alerts() -> None:
    taken = request(eta=ETA, expires=EXPIRES)
    assert (taken.eta, taken.expires, taken.revoked()) == (None, None, False)
    assert taken.request_dict[TERMS_HEADER] == ASKED


def test_times_that_nobody_can_read_reach_the_task_that_tells() -> None:
    assert request(eta="soon", expires=[1]).request_dict[TERMS_HEADER] == {"eta": "soon", "expires": [1]}


@pytest.mark.parametrize(
    ("headers", "terms"),
    [
        ({"retries": 1}, None),
        ({TERMS_HEADER: ASKED}, ASKED),
        ({TERMS_HEADER: {"eta": None, "another": 1}, "retries": 2}, {"eta": None, "expires": None}),
    ],
    ids=["a retry of version 0.2", "sent again", "a retry"],
)
def test_the_countdown_of_a_worker_is_the_triggers(headers: dict[str, Any], terms: object) -> None:
    taken = request(eta=ETA, expires=EXPIRES, **headers)
    assert taken.eta is not None
    assert taken.expires is None
    assert taken.request_dict.get(TERMS_HEADER) == terms


def test_a_revoked_one_is_marked_and_not_dropped() -> None:
    revoked.add("a")
    try:
        taken = request()
        assert not taken.revoked()
        assert taken.request_dict[REVOKED_HEADER] is True
    finally:
        revoked.discard("a")


@pytest.mark.parametrize("task", ["send_notification.error", WAKE_UP_TASK, "notifier.sweep"])
def test_a_trigger_a_wake_up_and_a_sweep_send_no_events(task: str) -> None:
    """Those of an alert are sent by the worker that carries it; of the others there is nothing to tell."""
    app.loader.import_default_modules()  # as a worker does
    assert app.tasks[task].send_events is False
