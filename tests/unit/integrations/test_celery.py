"""Which ends of which tasks raise an alert, with Celery's own tracer and signals."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, signals
from celery.app.trace import trace_task
from celery.exceptions import TaskRevokedError

from notifier.errors import InvalidMessage
from notifier.integrations.celery import FailedTasks, alert_on_failure
from notifier.testing import Alerts
from tests.unit.secret_samples import GITHUB

Watch = Callable[..., FailedTasks]


class Consumer:
    """What a worker signals for."""

    def __init__(self, app: Celery) -> None:
        self.app = app


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__(lambda: 1)

    def __str__(self) -> str:
        return "cannot be pickled"


@pytest.fixture
def app() -> Iterator[Celery]:
    """A host's application without a broker."""
    app = Celery("host", broker="memory://", backend="cache+memory://", set_as_current=False)

    @app.task(name="host.fail", throws=(KeyError,), shared=False)
    def fail(error: BaseException) -> None:
        raise error

    yield app
    app.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """``alert_on_failure``, undone at the end."""
    watching: list[FailedTasks] = []

    def begin(*args: Any, **options: Any) -> FailedTasks:
        watching.append(alert_on_failure(*args, **options))
        return watching[-1]

    yield begin
    for each in watching:
        each.disconnect()


def run(app: Celery, error: BaseException, **request: Any) -> None:
    """Run the task as a worker does."""
    request = {"id": "1", "args": (error,), "kwargs": {}, "hostname": "h", "delivery_info": {}, **request}
    trace_task(app.tasks["host.fail"], "1", (error,), {}, request, app=app)


def test_a_failed_task_tells_all_that_is_known_of_it(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watch(app, type="critical")
    run(app, ValueError("no *order*"), retries=2, argsrepr="(17, 'mongodb://u:fake-password@h/d')")
    (alert,) = alerts.sent
    assert (alert.alert_type, alert.source) == ("critical", "host")
    assert alert.title == "Task host.fail failed after 2 retries: ValueError: no *order*"
    assert "title" in alert.plain
    assert "in fail\n    raise error" in str(alert.traceback)
    fields = {each.name: each.value for each in alert.fields}
    assert {"Task id": "1", "Worker": "h"}.items() <= fields.items()
    assert fields["Arguments"].startswith("(17, 'mongodb://u:")
    assert "fake-password" not in alert.model_dump_json()
    assert re.fullmatch(r"\d+\.\d s", fields["Runtime"])
    assert all(each.markdown is False for each in alert.fields)


def test_no_half_of_a_secret_is_left_where_a_text_is_cut(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watch(app)
    text = "y" * 175 + " " + GITHUB
    run(app, ValueError(text), argsrepr=text)
    assert "yyy (masked" in alerts.sent[0].title
    assert "Fake" not in alerts.sent[0].model_dump_json()


def test_what_cannot_be_pickled_is_told_by_its_own_name(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watch(app)
    run(app, Unpicklable())
    assert alerts.sent[0].title == "Task host.fail failed: Unpicklable: cannot be pickled"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, KeyError("in throws")),
        ({"tasks": "other.*"}, ValueError()),
        ({"tasks": ["a", "b"]}, ValueError()),
        ({"ignore": "host.*"}, ValueError()),
        ({"ignore": ["host.fail"]}, ValueError()),
        ({"ignore": [LookupError, OSError]}, BrokenPipeError()),
        ({"ignore": OSError}, BrokenPipeError()),
    ],
)
def test_what_is_not_asked_for_raises_none(
    app: Celery, watch: Watch, alerts: Alerts, options: dict[str, Any], error: BaseException
) -> None:
    watch(app, **options)
    run(app, error)
    alerts.assert_none_sent()


def test_other_applications_and_our_own_tasks_raise_none(app: Celery, watch: Watch, alerts: Alerts) -> None:
    other = Celery("other", broker="memory://", set_as_current=False)
    watch(other)
    run(app, ValueError())
    app.task(name="send_notification.error", shared=False)(run)
    watch(app)
    for name in ("send_notification.error", "send_notification.wake_up"):
        signals.task_unknown.send(sender=Consumer(app), message=None, exc=None, name=name, id="1")
    ours = app.tasks["send_notification.error"]
    trace_task(ours, "2", (), {}, {"id": "2", "delivery_info": {}}, app=app)
    alerts.assert_none_sent()
    other.close()


def test_each_call_adds_its_own(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watch(app, tasks="host.*", type="error")
    watch(app, tasks="host.fail", type="critical").disconnect()
    watch(app, tasks="host.fail", type="monitoring")
    run(app, ValueError())
    assert [each.alert_type for each in alerts.sent] == ["error", "monitoring"]


def test_an_eager_call_raises_at_its_caller_alone(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watch(app)
    assert app.tasks["host.fail"].apply((ValueError("eager"),)).failed()
    alerts.assert_none_sent()


def test_a_result_that_cannot_be_stored_is_told_once(
    app: Celery, watch: Watch, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = watch(app)

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("no backend")

    monkeypatch.setattr(type(app.backend), "mark_as_failure", refuse)
    with pytest.warns(RuntimeWarning, match="Exception raised outside body"):
        run(app, ValueError())
    assert [each.title for each in alerts.sent] == ["Task host.fail failed: ConnectionError: no backend"]
    watching._on_shutdown()
    assert len(alerts.sent) == 1


def revoked(app: Celery, **how: Any) -> None:
    """As a worker's main process signals it."""
    request = SimpleNamespace(id="1", argsrepr="(17,)", hostname="h")
    how = {"terminated": False, "signum": None, "expired": False, **how}
    signals.task_revoked.send(sender=app.tasks["host.fail"], request=request, **how)


def test_a_revoked_task_is_told_and_can_be_ignored(app: Celery, watch: Watch, alerts: Alerts) -> None:
    watching = watch(app)
    for how in ({}, {"terminated": True}, {"expired": True}):
        revoked(app, **how)
    assert [each.title.removeprefix("Task host.fail ") for each in alerts.sent] == [
        "was revoked", "was terminated", "expired",
    ]  # fmt: skip
    assert {each.severity for each in alerts.sent} == {"warning"}
    watching.disconnect()
    alerts.clear()
    watch(app, ignore=[TaskRevokedError])
    revoked(app)
    alerts.assert_none_sent()


def test_a_type_that_there_is_not_is_told_where_it_is_written(app: Celery) -> None:
    with pytest.raises(InvalidMessage, match="errors"):
        alert_on_failure(app, type="errors")


def test_the_import_brings_in_none_of_our_models() -> None:
    program = (
        "import sys, notifier.integrations.celery\n"
        "print([each for each in ('pydantic', 'notifier.models', 'notifier.settings', 'redis') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
