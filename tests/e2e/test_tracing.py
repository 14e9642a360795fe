"""One trace across processes; without OpenTelemetry nothing of it is imported."""

import json
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.signals import after_task_publish, before_task_publish

from notifier.models import NotificationMessage
from notifier.pipeline import Pipeline
from notifier.producer import client as client_module
from notifier.settings import Settings
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, RunPython
from tests.no_secrets import assert_no_secrets
from tests.servers import until
from tests.traces import Spans
from tests.traces import spans as spans

DELIVERY = "deliver notifications.general"


@pytest.mark.slow
def test_call_worker_and_request_are_one_trace_without_a_token(
    application: Application, start_worker: StartWorker, sandbox: Sandbox, spans: Spans, tmp_path: Path
) -> None:
    file = tmp_path / "spans"
    start_worker("--include", "tests.e2e.traced", SPANS=str(file))
    with spans.provider.get_tracer("test").start_as_current_span("a request of a user") as call:
        ids = application.raise_alerts("traced")
    application.wait(ids)

    def told() -> list[dict[str, Any]]:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def named(beginning: str) -> list[dict[str, Any]]:
        return [each for each in told() if each["name"].startswith(beginning)]

    until(lambda: named(DELIVERY) and named("run/send_notification"), "the spans of delivery and task")
    found = told()
    trace_id = f"0x{call.get_span_context().trace_id:032x}"
    (delivery,) = named(DELIVERY)
    requests = [each for each in found if each["parent_id"] == delivery["context"]["span_id"]]
    assert delivery["context"]["trace_id"] == trace_id
    assert delivery["attributes"]["notifier.alert_ids"] == ids
    assert delivery["parent_id"] == f"0x{spans.one('send notifications.general').context.span_id:016x}"
    assert [each["name"] for each in requests] == ["POST"]
    assert requests[0]["context"]["trace_id"] == trace_id
    assert requests[0]["attributes"]["url.full"].endswith("/***")
    assert not any(each["name"] == "GET" and "http.url" in each["attributes"] for each in found)
    assert_no_secrets(texts={"spans": file.read_text(encoding="utf-8")})


CALLED: ContextVar[str] = ContextVar("called")
PUBLISHED: ContextVar[str] = ContextVar("published")


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What handlers of Celery's signals see of the caller's context; they set something of it too."""
    found: list[str] = []

    def before(**_: Any) -> None:
        found.append(CALLED.get("nothing"))
        PUBLISHED.set(f"before {len(found)}")

    def after(**_: Any) -> None:
        found.append(PUBLISHED.get("nothing"))

    before_task_publish.connect(before, weak=False)
    after_task_publish.connect(after, weak=False)
    yield found
    before_task_publish.disconnect(before)
    after_task_publish.disconnect(after)


@pytest.mark.parametrize("rests", [True, False], ids=["after a rest", "at once"])
def test_context_variables_survive_a_call(
    app: Celery, redis_url: str, seen: list[str], monkeypatch: pytest.MonkeyPatch, rests: bool
) -> None:
    if rests:
        monkeypatch.setattr(client_module, "WARM_SECONDS", 0)
    pipeline = Pipeline(app, Settings.load())
    CALLED.set("by the caller")
    for number in range(3):
        pipeline.client.submit(NotificationMessage(title=f"alert {number}"))
        assert seen[-2:] == ["by the caller", f"before {len(seen) - 1}"]
        assert PUBLISHED.get() == seen[-1]
    pipeline.redis.close()


ALONE = """
import sys
from notifier import send_notification
send_notification.delay(title="a", alert_type="error")
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_a_caller_that_does_not_trace_imports_nothing_of_it(run_python: RunPython) -> None:
    assert run_python(ALONE, fresh=True).stdout == "[]\n"
