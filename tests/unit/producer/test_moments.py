"""What a call does while another one is under way in its thread, while a disk hangs, and where no thread starts."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.terms import NO_TERMS
from notifier.producer import ways as ways_module
from notifier.producer.client import Client
from notifier.producer.deadline import Deadline
from notifier.producer.flusher import Flusher
from notifier.producer.spool import Spool
from notifier.producer.ways import NotTaken, OntoDisk
from notifier.settings import Settings

ALERT = NotificationMessage(title="T", alert_type=AlertType.GENERAL)


class Interrupted:
    """A publisher whose admission is interrupted by a handler that raises an alert too."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.admitted: list[str] = []

    def ping(self) -> None:
        """Redis is there."""

    def dispatch(self, message: NotificationMessage, again: bool = True) -> None:
        """Send nothing."""

    def admit(self, message: NotificationMessage, terms: object = None, *, with_task: bool = False) -> Admitted:
        """The step that is interrupted."""
        self.admitted.append(message.id)
        if client := self.client:
            self.client = None
            client.submit(message.model_copy(update={"id": "inner"}))
        return Admitted.NOW


def test_a_call_within_a_call_of_its_thread_shares_no_publisher_with_it() -> None:
    app: Any = SimpleNamespace(AsyncResult=str, conf=SimpleNamespace(task_always_eager=False))
    none: Any = None
    outer, inner = Interrupted(), Interrupted()
    client = Client(
        app, outer, Settings.load(), None, none,  # type: ignore[arg-type]
        another=lambda: Client(app, inner, Settings.load(), None, none, another=none),  # type: ignore[arg-type]
    )  # fmt: skip
    client.submit(ALERT)  # from here on Redis is warm, and admission runs in this thread
    outer.client = client
    for id in ("first", "second"):
        client.submit(ALERT.model_copy(update={"id": id}))
    assert (outer.admitted, inner.admitted) == ([ALERT.id, "first", "second"], ["inner"])


def test_a_disk_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways_module, "DISK_SECONDS", 0.05)
    release = threading.Event()
    hanging: Any = type("Hanging", (), {"put": lambda *_, **__: release.wait(30)})()
    result: Any = str
    answer = OntoDisk(hanging, result, frozenset()).take(ALERT, NO_TERMS, Deadline.after(0), NotTaken("away"))
    release.set()
    assert isinstance(answer, NotTaken)
    assert "NOTIFIER_SPOOL_DIR does not answer" in answer.because


def test_where_no_thread_can_be_started_a_flusher_lets_nobody_wait_and_may_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, 10)
    spool.put(ALERT)
    handed_over: list[str] = []
    flusher = Flusher(spool, lambda spooled: handed_over.append(spooled.id))

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as at_exit:
        at_exit.setattr(threading.Thread, "start", refuse)
        assert flusher.start().wait(0)
    assert spool.count() == 1
    assert flusher.start().wait(30)
    assert handed_over == [ALERT.id]
