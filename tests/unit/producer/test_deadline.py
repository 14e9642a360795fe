"""A call returns in time whatever it blocks on, and begins nothing once its caller has given up."""

import threading

import pytest

from notifier.producer.deadline import run_with_deadline

SOON_SECONDS = 0.05


def test_what_a_call_returns_or_raises_is_its_callers() -> None:
    assert run_with_deadline(10, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1, before=lambda: 1 / 0)


def test_what_blocks_is_left_behind_and_nothing_begins_afterwards() -> None:
    release, begun = threading.Event(), threading.Event()
    with pytest.raises(TimeoutError):
        run_with_deadline(SOON_SECONDS, begun.set, before=release.wait)
    (left_behind,) = [each for each in threading.enumerate() if each.name == "notifier"]
    release.set()
    left_behind.join()
    assert not begun.is_set()


def test_a_result_is_returned_though_what_follows_blocks() -> None:
    release = threading.Event()
    assert run_with_deadline(SOON_SECONDS, lambda: 42, after=release.wait) == 42
    release.set()


def test_what_follows_is_waited_for_while_there_is_time() -> None:
    done = threading.Event()
    run_with_deadline(10, lambda: 42, after=done.set)
    assert done.is_set()
