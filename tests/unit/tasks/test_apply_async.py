"""What ``apply_async`` sends, once the alert is admitted: a trigger that every worker can read, when it is of use."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from notifier.errors import InvalidMessage
from notifier.outcome import Status
from tasks import app, send_notification
from tasks.notifications import pipeline

ERROR = send_notification["error"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of what is sent."""
    found: list[dict[str, Any]] = []
    queued = SimpleNamespace(status=Status.QUEUED, result=None)
    publisher = SimpleNamespace(admit=MagicMock(), dispatching=lambda _: nullcontext())
    monkeypatch.setitem(vars(pipeline), "client", SimpleNamespace(admit=MagicMock(return_value=queued)))
    monkeypatch.setitem(vars(pipeline), "publisher", publisher)
    monkeypatch.setattr(app, "send_task", lambda _name, _args, _fields, **options: found.append(options))
    return found


def test_a_retry_comes_when_the_outbox_releases_the_alert_and_not_by_celerys_own_backoff(
    sent: list[dict[str, Any]],
) -> None:
    ERROR.push_request(id="a", retry_wait_seconds=7.5)
    try:
        ERROR.apply_async(("T",), task_id="a", retries=1, countdown=1)
    finally:
        ERROR.pop_request()
    assert (sent[0]["countdown"], sent[0]["retries"]) == (7.5, 1)


def test_a_trigger_is_json_whatever_the_caller_asks_for_and_goes_at_once(sent: list[dict[str, Any]]) -> None:
    ERROR.apply_async(("T",), serializer="pickle", compression="zlib", countdown=60, expires=90)
    (options,) = sent
    assert (options["serializer"], options["compression"]) == (None, None)
    assert {options.get(name) for name in ("countdown", "eta", "expires")} == {None}, "these are the alert's"


def test_with_a_queue_that_there_is_not_nothing_is_admitted(sent: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidMessage, match=r"^queue: "):
        ERROR.apply_async(("T",), queue="nowhere")
    admit: Any = pipeline.client.admit
    assert (sent, admit.call_count) == ([], 0)
