"""An alert that a task raises is among the children of that task, as any task that it sends."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, _state

from notifier import NotificationMessage, app, send_notification
from notifier.models import AlertType
from notifier.outcome import Status
from notifier.producer.client import Client
from notifier.producer.submitted import Submitted, dry_run


@pytest.fixture
def parent() -> Iterator[Any]:
    """A task of another application, as its worker runs it."""

    @Celery("host", set_as_current=False).task(name="host.parent", lazy=False)
    def parent() -> None:
        """Raise an alert."""

    state: Any = _state
    state._task_stack.push(parent)
    parent.push_request(id="its-id", called_directly=False)
    yield parent
    parent.pop_request()
    state._task_stack.pop()


@pytest.mark.parametrize("delay", [send_notification.delay, send_notification[AlertType.GENERAL].delay])
def test_delay_adds_the_alert_to_the_children(
    delay: Callable[..., Any], parent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit(_: Client, message: NotificationMessage) -> Submitted:
        return Submitted(Status.QUEUED, app.AsyncResult(message.id))

    monkeypatch.setattr(Client, "submit", submit)  # not the process's own client: older pytests leave that changed
    delay(title="a child", id="child")
    assert [each.id for each in parent.request.children] == ["child"]


def test_an_alert_that_is_final_in_this_process_is_no_child(parent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker could not store such a result beside that of the parent."""
    monkeypatch.setattr(Client, "submit", lambda _, message: dry_run(message))
    send_notification.delay(title="dry")
    assert parent.request.children == []
