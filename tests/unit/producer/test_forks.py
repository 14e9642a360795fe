"""A fork finds no other thread inside a call, and waits for none that takes long."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from notifier.producer import forks
from notifier.producer.deadline import run_with_deadline
from notifier.producer.forks import forks_wait

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@contextmanager
def another_inside(until: threading.Event) -> Iterator[threading.Thread]:
    """Another thread is inside a call until then."""
    inside = threading.Event()

    def call() -> None:
        with forks_wait():
            inside.set()
            until.wait(30)

    thread = threading.Thread(target=call)
    thread.start()
    inside.wait(30)
    yield thread
    until.set()
    thread.join()


def forked() -> None:
    """Fork, and end the child."""
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)


def test_a_fork_waits_until_another_threads_call_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_SECONDS", 30)
    ending = threading.Event()
    with another_inside(ending) as other:
        threading.Timer(0.05, ending.set).start()
        forked()
        assert ending.is_set()
        other.join()


def test_a_fork_does_not_wait_for_a_call_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE_SECONDS", 0.05)
    with another_inside(threading.Event()) as other:
        forked()
        assert other.is_alive()


def test_a_fork_waits_neither_for_its_own_thread_nor_for_one_that_this_has_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forks, "PATIENCE_SECONDS", 30)
    with forks_wait():
        forked()
        run_with_deadline(10, forks_wait()(forked))
    with forks_wait():
        pass
