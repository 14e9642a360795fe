"""What ``apply_async`` sends, once the alert is admitted: a trigger that every worker can read, when it is of use."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from notifier.errors import InvalidMessage
from notifier.outbox.terms import TRIGGER_HEADER
from notifier.outcome import Status
from tasks import app, send_notification
from tasks.celery import pipeline
from tasks.notification_task import TRIGGER_CHARACTERS

ERROR = send_notification["error"]
Sent = list[tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The fields and options of what is sent."""
    found: Sent = []
    queued = SimpleNamespace(status=Status.QUEUED, result=None, needs_task=True)
    publisher = SimpleNamespace(admit=MagicMock(), dispatching=lambda _: nullcontext())
    monkeypatch.setitem(vars(pipeline), "client", SimpleNamespace(admit=MagicMock(return_value=queued)))
    monkeypatch.setitem(vars(pipeline), "publisher", publisher)
    monkeypatch.setattr(app, "send_task", lambda _name, _args, fields, **options: found.append((fields, options)))
    return found


def test_a_retry_comes_when_the_outbox_releases_the_alert_and_not_by_celerys_own_backoff(
    sent: Sent,
) -> None:
    given = {"id": "a", "kwargs": {}, "kwargsrepr": "title='T'" + "…" * 1_000, "retries": 0}
    ERROR.push_request(**given, retry_wait_seconds=7.5, delivering=True)
    try:
        ERROR.signature_from_request(retries=1, countdown=1).apply_async()
    finally:
        ERROR.pop_request()
    ((fields, options),) = sent
    assert (options["countdown"], options["retries"], options["task_id"], fields) == (7.5, 1, "a", {})
    assert (options["kwargsrepr"][:9], len(options["kwargsrepr"])) == ("title='T'", TRIGGER_CHARACTERS)
    assert options["headers"][TRIGGER_HEADER] is True


def test_a_trigger_is_json_whatever_the_caller_asks_for_and_goes_at_once(sent: Sent) -> None:
    ERROR.apply_async(("T",), serializer="pickle", compression="zlib", countdown=60, expires=90)
    ((_, options),) = sent
    assert (options["serializer"], options["compression"]) == (None, None)
    assert {options.get(name) for name in ("countdown", "eta", "expires")} == {None}, "these are the alert's"


def test_with_a_queue_that_there_is_not_nothing_is_admitted(sent: Sent) -> None:
    with pytest.raises(InvalidMessage, match=r"^queue: "):
        ERROR.apply_async(("T",), queue="nowhere")
    admit: Any = pipeline.client.admit
    assert (sent, admit.call_count) == ([], 0)
