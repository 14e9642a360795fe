"""What was noted last is shown, by one thread, whatever happens at the same time."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.producer import changes as changes_module
from notifier.producer.changes import Changes
from notifier.producer.deadline import started
from tests.servers import until


class Interrupted(BaseException):
    """Raised by a signal's handler."""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "CHANGE_SECONDS", 0.01)


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_what_is_noted_while_a_change_is_shown_is_shown_after_it() -> None:
    noted, shown = [1], []

    def show() -> bool:
        shown.append(noted[-1])
        if len(noted) == 1:  # another thread does it, while the request is under way
            noted.append(2)
            changes.note()
        return True

    changes = Changes(show)
    changes.note()
    until(lambda: shown == [1, 2], "the second", poll_seconds=0.01)
    changes.end()


def test_what_could_not_be_shown_is_tried_again() -> None:
    asked: list[None] = []

    def show() -> bool:
        asked.append(None)
        return len(asked) == 3

    changes = Changes(show)
    changes.note()
    until(lambda: len(asked) == 3, "the third", poll_seconds=0.01)
    changes.end()


def test_a_thread_that_could_not_be_started_is_started_by_the_next_note(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = threading.Event()
    changes = Changes(lambda: shown.set() or True)
    with monkeypatch.context() as patched:
        patched.setattr(changes_module, "started", lambda _: False)
        changes.note()
    changes.note()
    assert shown.wait(10)
    changes.end()


def test_a_signal_while_the_thread_is_started_begins_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []
    changes = Changes(lambda: True)

    def interrupted(thread: threading.Thread) -> bool:
        begun.append(thread)
        if len(begun) == 1:
            changes.note()  # by the signal's handler
        return True

    monkeypatch.setattr(changes_module, "started", interrupted)
    changes.note()
    assert len(begun) == 1


def shows() -> int:
    """How many threads show changes."""
    return sum(each.name == "notifier-job" for each in threading.enumerate())


@pytest.mark.usefixtures("often")
def test_threads_that_note_at_once_have_one_thread_that_shows() -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(200):
            before, ready = shows(), threading.Barrier(8)
            changes = Changes(lambda: True)

            def note(changes: Changes = changes, ready: threading.Barrier = ready) -> None:
                ready.wait(10)
                changes.note()

            for each in [pool.submit(note) for _ in range(8)]:
                each.result()
            assert shows() == before + 1
            changes.end()


@pytest.mark.parametrize("is_running", [True, False])
def test_a_signal_handler_that_raises_in_the_middle_of_it_keeps_no_change_from_being_shown_by_one_thread(
    monkeypatch: pytest.MonkeyPatch, is_running: bool
) -> None:
    def interrupted(thread: threading.Thread) -> bool:
        if is_running:
            started(thread)
        raise Interrupted

    before, shown = shows(), []
    changes = Changes(lambda: not shown.append(None))
    with monkeypatch.context() as patch:
        patch.setattr(changes_module, "started", interrupted)
        with pytest.raises(Interrupted):
            changes.note()
    changes.note()
    until(lambda: shown, "that it is shown", poll_seconds=0.01)
    until(lambda: shows() == before + 1, "one thread", poll_seconds=0.01)
    changes.end()


def test_a_signal_handler_that_raises_before_there_is_a_thread_keeps_no_change_from_being_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**_: object) -> threading.Thread:
        raise Interrupted

    shown: list[None] = []
    changes = Changes(lambda: not shown.append(None))
    with monkeypatch.context() as patch:
        patch.setattr(changes_module.threading, "Thread", interrupted)
        with pytest.raises(Interrupted):
            changes.note()
    changes.note()
    until(lambda: shown, "that it is shown", poll_seconds=0.01)
    changes.end()


def test_a_process_that_is_forked_while_a_thread_notes_does_not_wait_for_that_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begins, may_begin = threading.Event(), threading.Event()

    def slowly(thread: threading.Thread) -> bool:
        begins.set()
        may_begin.wait(60)
        return started(thread)

    monkeypatch.setattr(changes_module, "started", slowly)
    changes = Changes(lambda: True)
    notes = threading.Thread(target=changes.note)
    notes.start()
    begins.wait(60)
    if not (child := os.fork()):
        try:
            changes.note()
            changes.end()
            os._exit(0)
        finally:  # what raises must not go on with the tests
            os._exit(1)
    ended: list[tuple[int, int]] = []
    try:
        until(lambda: ended.append(os.waitpid(child, os.WNOHANG)) or ended[-1][0], "its end", 10)
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        may_begin.set()
        notes.join()
        changes.end()
    assert ended[-1][1] == 0
