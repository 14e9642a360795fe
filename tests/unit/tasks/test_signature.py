"""A signature goes to our queue whoever applies it; that this leads over another broker is said at the caller."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, _state, chain, signature

from notifier.models import NotificationMessage
from tasks import send_notification
from tasks import signature as signature_module

ERROR = send_notification["error"]
OURS = "redis://us:hunter2@127.0.0.1:6379/0"
MakeHost = Callable[..., Celery]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeHost]:
    """Makes the current application of this program; our own travels through ``OURS``."""
    before = _state._tls.current_app  # type: ignore[attr-defined]
    monkeypatch.setattr(signature_module, "app", Celery("ours", broker=OURS, set_as_current=False))
    signature_module._warn.cache_clear()

    def make(broker: str, **configuration: Any) -> Celery:
        app = Celery("host", broker=broker)
        app.conf.update(task_default_queue="host", **configuration)
        return app

    yield make
    _state._set_current_app(before)  # type: ignore[attr-defined]


def test_a_signature_names_its_queue_and_its_fields_and_survives_a_message() -> None:
    for made in (
        ERROR.s("T", source="s"),
        ERROR.s(title="T", source="s"),
        ERROR.signature(({"title": "T", "source": "s"},)),
        ERROR.subtask(kwargs={"title": "T", "source": "s"}),
        ERROR.s(title="T").clone(kwargs={"source": "s"}),
    ):
        received = signature(json.loads(json.dumps(made)))
        assert (received.task, list(received.args)) == ("send_notification.error", [])
        assert (received.kwargs, received.options) == (
            {"title": "T", "source": "s"},
            {"queue": "notifications.error"},
        )


def test_the_id_of_a_message_is_that_of_the_task() -> None:
    message = NotificationMessage(id="its-own", alert_type="error", title="T")
    assert ERROR.s(message).options["task_id"] == ERROR.s("T", id="its-own").options["task_id"] == "its-own"
    assert "id" not in ERROR.s(message).kwargs
    assert ERROR.s(message).freeze().id == "its-own"


def test_options_of_the_callers_are_kept() -> None:
    made = ERROR.signature(("T",), {}, {"priority": 3}, immutable=True, task_id="x")
    assert (made.options, made.immutable) == ({"queue": "notifications.error", "priority": 3, "task_id": "x"}, True)


def test_an_immutable_signature_is_whole() -> None:
    assert {name: ERROR.si(message="first\nrest").kwargs[name] for name in ("title", "message")} == {
        "title": "first",
        "message": "rest",
    }
    assert ERROR.s(exception=ValueError("why")).kwargs["title"] == "ValueError: why"
    assert "title" not in ERROR.s(message="text").kwargs, "it may come later"


def test_each_item_of_a_map_has_its_id_before_it_is_sent() -> None:
    """So a map task that is delivered twice, because its worker was killed, raises each alert once."""
    mapped, starmapped, chunked = ERROR.map(["a", "b"]), ERROR.starmap([("a",), ("b",)]), ERROR.chunks([("a",)], 1)
    items = [*mapped.kwargs["it"], *(each[0] for each in (*starmapped.kwargs["it"], *chunked.kwargs["it"]))]
    assert [each["title"] for each in items] == ["a", "b", "a", "b", "a"]
    assert len({each["id"] for each in items}) == 5


@pytest.mark.parametrize(
    "theirs",
    [
        OURS,
        "redis://localhost",
        "redis://:other@[::1]:6379/0",
        "rediss://127.0.0.1:6379?ssl_cert_reqs=none",
        "redis://elsewhere:1/0;redis://127.0.0.1:6379/0",
    ],
)
def test_the_same_broker_may_be_spelled_otherwise(
    theirs: str, host: MakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    assert host(theirs).conf.task_always_eager is False
    ERROR.s("T").freeze()
    assert [each for each in caplog.records if each.name.startswith(("notifier", "tasks"))] == []


@pytest.mark.parametrize(
    ("theirs", "shown"),
    [
        ("redis://127.0.0.1:6379/1", "redis://localhost:6379/1"),
        ("redis://127.0.0.1:6380/0", "redis://localhost:6380/0"),
        ("redis://them:hunter2@elsewhere/0", "redis://elsewhere:6379/0"),
        ("redis+socket:///run/redis.sock?virtual_host=2", "redis+socket:///run/redis.sock?virtual_host=2"),
        ("sentinel://them:hunter2@elsewhere:26379/0", "redis://elsewhere:26379/0"),
        ("amqp://them:hunter2@127.0.0.1//", "amqp://localhost:5672//"),
        ("pyamqp://them:hunter2@rabbit:5673/shop", "amqp://rabbit:5673/shop"),
        ("sqs://key:hunter2@", "sqs://"),
        ("memory://", "memory://"),
        ("redis://127.0.0.1:not-a-port/hunter2@", "redis://"),
    ],
)
def test_another_broker_is_told_once_without_a_secret(
    theirs: str, shown: str, host: MakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    assert host(theirs).conf.task_always_eager is False
    for _ in range(3):
        ERROR.s("T").freeze()
    (told,) = caplog.records
    assert (told.levelno, told.args) == (logging.WARNING, ("host", shown, "redis://localhost:6379/0"))
    assert "hunter2" not in caplog.text
    assert ".delay()" in caplog.text


def test_a_key_prefix_is_part_of_the_place(host: MakeHost, caplog: pytest.LogCaptureFixture) -> None:
    assert host(OURS, broker_transport_options={"global_keyprefix": "shop:"}).conf.task_always_eager is False
    ERROR.s("T")
    assert "redis://localhost:6379/0 (prefix shop:)," in caplog.text


def test_an_application_that_is_not_configured_yet_is_left_so_and_told_when_its_canvas_is_called(
    host: MakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    app = host("memory://")
    made = [chain(app.signature("host.step"), ERROR.si(title="T")) for _ in range(2)]
    assert not app.configured
    assert [each for each in caplog.records if each.name.startswith(("notifier", "tasks"))] == []
    for each, call in zip(made, ("apply_async", "freeze"), strict=True):
        signature_module._warn.cache_clear()
        caplog.clear()
        getattr(each, call)()
        assert app.configured
        assert len([text for text in caplog.messages if "memory://" in text]) == 1


def test_a_program_without_an_application_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "default_app", None)
    monkeypatch.setattr(_state._tls, "current_app", None)  # type: ignore[attr-defined]
    ERROR.si(title="T").freeze()
    assert _state.default_app is None  # type: ignore[attr-defined]
