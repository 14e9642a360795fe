"""What hangs on an alert travels as JSON; tasks of other applications with the queue of their own routes."""

import json
from typing import Any

import pytest
from celery import Celery, chain, chord, group
from kombu import Queue

from notifier.errors import InvalidMessage
from notifier.producer.callbacks import CALLBACKS_BYTES_MAX, options_of, take_callbacks

OURS = "redis://127.0.0.1:6379/0"


def application(broker: str = "redis://localhost/0") -> Celery:
    """An application with a task on its default queue, and one on a queue of its own."""
    app = Celery("host", broker=broker, set_as_current=False)
    app.conf.task_routes = {"host.apart": {"queue": "apart"}}
    app.conf.task_default_queue = "host-default"
    for name in ("host.task", "host.apart"):
        app.task(name=name, shared=False)(anything)
    return app


def anything(*_: object) -> None:
    """A task."""


@pytest.fixture
def ours() -> Celery:
    """The application of the alerts."""
    return Celery("ours", broker=OURS, set_as_current=False)


def taken(options: dict[str, Any], ours: Celery) -> dict[str, Any]:
    """What is taken out of options, as it travels."""
    return dict(json.loads(take_callbacks(options, ours)))


def test_it_is_taken_out_of_the_options_and_comes_back_as_options(ours: Celery) -> None:
    task = application().tasks["host.task"]
    options = {"link": task.s(1), "link_error": [task.si()], "root_id": "root", "queue": "stays"}
    text = take_callbacks(options, ours)
    assert options == {"root_id": "root", "queue": "stays"}
    back = options_of(text)
    assert [each["args"] for each in back["link"]] == [[1]]
    assert [each["immutable"] for each in back["link_error"]] == [True]
    assert (back["root_id"], back["chain"], back["chord"]) == ("root", None, None)


@pytest.mark.parametrize("options", [{}, {"link": None}, {"link": [], "chain": None, "group_id": "g"}])
def test_nothing_hangs_on_most_alerts(ours: Celery, options: dict[str, Any]) -> None:
    assert take_callbacks(options, ours) == ""
    assert options_of("") == {}


def test_each_task_gets_the_queue_of_its_own_routes_however_deep_it_is(ours: Celery) -> None:
    host = application()
    task, apart = host.tasks["host.task"], host.tasks["host.apart"]
    nested = group(task.s(), chain(apart.s(), chord([task.s()], apart.s().set(queue="chosen"))))
    found: dict[str, set[str]] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict):
            if str(node.get("task")).startswith("host."):
                found.setdefault(node["task"], set()).add(node["options"]["queue"])
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(taken({"link": nested}, ours))
    assert found == {"host.task": {"host-default"}, "host.apart": {"apart", "chosen"}}
    assert "queue" not in task.s().options, "the caller's own signature is left alone"


@pytest.mark.parametrize("broker", ["redis://localhost/1", "redis://localhost:6380/0", "amqp://guest@localhost//"])
def test_a_task_of_another_broker_is_refused_where_the_alert_is_raised(ours: Celery, broker: str) -> None:
    with pytest.raises(InvalidMessage, match=r"host\.task cannot be called .* another broker"):
        take_callbacks({"link": application(broker).tasks["host.task"].s()}, ours)


def test_a_signature_without_an_application_keeps_what_it_says(ours: Celery) -> None:
    plain = {"task": "any", "args": [], "kwargs": {}, "options": {}}
    assert taken({"link": plain}, ours)["link"] == [plain]


def test_a_queue_may_be_given_as_an_object(ours: Celery) -> None:
    link = application().tasks["host.task"].s().set(queue=Queue("chosen"))
    assert taken({"link": link}, ours)["link"][0]["options"]["queue"] == "chosen"


@pytest.mark.parametrize(
    ("argument", "says"), [(object(), "not expressible as JSON"), ("x" * CALLBACKS_BYTES_MAX, "more than 8388608")]
)
def test_what_cannot_be_stored_or_is_too_long_is_refused_where_the_alert_is_raised(
    ours: Celery, argument: object, says: str
) -> None:
    with pytest.raises(InvalidMessage, match=says):
        take_callbacks({"link": application().tasks["host.task"].s(argument)}, ours)
