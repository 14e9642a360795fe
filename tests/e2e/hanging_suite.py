"""A test run that never ends by itself: test_nothing_is_left_behind kills it."""

import threading

import pytest


@pytest.mark.timeout(120)
def test_hangs(start_worker, sandbox):  # type: ignore[no-untyped-def]
    """Everything is up; now it hangs."""
    start_worker()
    print("everything is up", flush=True)
    threading.Event().wait()
