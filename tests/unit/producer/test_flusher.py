"""One thread of a process empties its spool, whoever starts it and however often."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from notifier.models import NotificationMessage
from notifier.pipeline import Pipeline
from notifier.producer.flusher import Flusher
from notifier.settings import Settings
from notifier.storage.broker import create_app
from tests.servers import until

BEFORE: list[threading.Thread] = []
"""Those that another test of this process has left; its spool may be full."""


@pytest.fixture(autouse=True)
def _before() -> None:
    BEFORE[:] = threading.enumerate()


class Memory:
    """A spool without a disk. ``most``: how many have flushed it at once."""

    exists = True

    def __init__(self) -> None:
        self.rows: deque[int] = deque()
        self.inside: list[int] = []
        self.most = 0

    def count(self) -> int:
        """How many there are."""
        return len(self.rows)

    def flush(self, hand_over: Callable[[Any], None]) -> tuple[str, ...]:
        """Hand all over."""
        self.inside.append(threading.get_ident())
        self.most = max(self.most, len(self.inside))
        while self.rows:
            hand_over(self.rows.popleft())
        self.inside.remove(threading.get_ident())
        return ()


@pytest.fixture
def at_its_end() -> Iterator[tuple[threading.Event, threading.Event]]:
    """The next flusher stops when it has found nothing more: the first event says so, the second lets it go on."""
    reached, resume = threading.Event(), threading.Event()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if (frame.f_code.co_name, event) == ("_pass", "return"):
            reached.set()
            resume.wait(30)
        return trace

    threading.settrace(trace)
    yield reached, resume
    threading.settrace(None)  # type: ignore[arg-type]
    resume.set()


def test_one_that_ends_does_not_end_its_successor(at_its_end: tuple[threading.Event, threading.Event]) -> None:
    spool, go_on = Memory(), threading.Event()
    flusher = Flusher(spool, lambda _: go_on.wait(30))  # type: ignore[arg-type]
    reached, resume = at_its_end
    flusher.start()
    assert reached.wait(30)
    threading.settrace(None)  # type: ignore[arg-type]
    (first,) = running()
    spool.rows.append(1)
    flusher.start()
    until(lambda: spool.inside, "the successor")
    resume.set()
    first.join()
    spool.rows.append(2)
    flusher.start()
    assert len(running()) == 1
    go_on.set()
    until(lambda: not running(), "its end")
    assert (spool.most, spool.count()) == (1, 0)


def running() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "spool" and each not in BEFORE]


def test_whoever_waits_is_let_go_when_all_is_gone_through_and_not_by_one_that_ended_before() -> None:
    spool = Memory()
    go_on = threading.Event()
    flusher = Flusher(spool, lambda _: go_on.wait(30))  # type: ignore[arg-type]
    flusher.start().wait(30)
    spool.rows.append(1)
    run = flusher.start()
    assert flusher.start() is run
    assert not run.wait(0.01)
    threading.Timer(0.05, go_on.set).start()
    assert run.wait(30)
    assert run.wait(0), "also who comes later"


def test_a_forked_process_has_one_of_its_own() -> None:
    spool = Memory()
    go_on = threading.Event()
    flusher = Flusher(spool, lambda _: go_on.wait(30))  # type: ignore[arg-type]
    spool.rows.append(1)
    flusher.start()
    until(lambda: spool.inside, "the parent's")
    child = os.fork()
    if not child:  # pragma: no cover
        try:
            spool.rows.append(2)
            go_on.set()
            os._exit(0 if flusher.start().wait(30) else 1)
        finally:  # an error must not make the child a second pytest
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    until(lambda: not spool.inside, "the parent's end")


def test_a_client_and_that_of_the_calls_within_its_calls_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFIER_SPOOL_DIR", str(tmp_path))
    pipeline = Pipeline(create_app("spooling"), Settings.load())
    go_on = threading.Event()
    monkeypatch.setattr(pipeline.publisher, "submit_spooled", lambda _: go_on.wait(30))
    assert pipeline.spool is not None
    pipeline.spool.put(NotificationMessage(title="T"))
    for client in (pipeline.client, pipeline.client._of_inner_calls, pipeline.client):
        client.flush()
    assert len(running()) == 1
    go_on.set()
    until(lambda: not running(), "its end")
    assert pipeline.spool.count() == 0
