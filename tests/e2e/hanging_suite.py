"""A test run that never ends by itself: test_nothing_is_left_behind kills it."""

import threading

import pytest

UP = "everything-is-up"


@pytest.mark.timeout(300)
def test_hangs(start_worker, sandbox, tmp_path_factory):  # type: ignore[no-untyped-def]
    """Everything is up; now it hangs."""
    start_worker()
    (tmp_path_factory.getbasetemp() / UP).touch()
    threading.Event().wait()
