"""A call returns in time whatever it blocks on, and begins nothing once its caller has given up."""

import threading
from types import SimpleNamespace

import pytest

from notifier.producer import deadline as deadline_module
from notifier.producer.deadline import Deadline, DeadlineExceeded, run_with_deadline

SOON_SECONDS = 0.05


def test_what_a_call_returns_or_raises_is_its_callers() -> None:
    assert run_with_deadline(10, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1, before=lambda: 1 / 0)


def test_what_blocks_is_left_behind_and_nothing_begins_afterwards() -> None:
    release, begun = threading.Event(), threading.Event()
    with pytest.raises(DeadlineExceeded) as exceeded:
        run_with_deadline(SOON_SECONDS, begun.set, before=release.wait)
    assert not exceeded.value.begun
    (left_behind,) = [each for each in threading.enumerate() if each.name == "notifier"]
    release.set()
    left_behind.join()
    assert not begun.is_set()


def test_a_call_that_has_begun_and_may_yet_succeed_is_told_apart() -> None:
    release = threading.Event()
    with pytest.raises(DeadlineExceeded) as exceeded:
        run_with_deadline(SOON_SECONDS, release.wait)
    release.set()
    assert exceeded.value.begun


def test_a_result_is_returned_though_what_follows_blocks() -> None:
    release = threading.Event()
    assert run_with_deadline(SOON_SECONDS, lambda: 42, after=release.wait) == 42
    release.set()


def test_what_follows_is_waited_for_while_there_is_time() -> None:
    done = threading.Event()
    run_with_deadline(10, lambda: 42, after=done.set)
    assert done.is_set()


def test_the_parts_of_a_deadline_begin_with_it_and_never_outlast_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr(deadline_module, "time", clock)
    now = 100.0
    whole = Deadline.after(8)
    assert (whole.part(0.5).seconds, whole.part(0.5).part(0.5).seconds) == (4, 2)
    now = 103.0
    assert [each.remaining_seconds for each in (whole, whole.part(0.5), whole.part(0.25))] == [5, 1, 0]


def test_a_deadline_that_is_over_begins_nothing() -> None:
    release, begun = threading.Event(), threading.Event()
    with pytest.raises(DeadlineExceeded):
        Deadline.after(0).run(begun.set, before=release.wait)
    release.set()
    assert not begun.is_set()
