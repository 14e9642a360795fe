"""Lets a fork wait a moment for the calls of other threads.

A forked process has only the thread that forked. A lock that another one held at that moment stays taken in it for
ever, and Celery, kombu and Python's imports have such locks, which nobody can renew.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE_SECONDS = 5.0
"""Ours: above what a process's first call imports, on a busy machine too. A call that waits for Redis ends before, by
NOTIFIER_PUBLISH_TIMEOUT_SECONDS."""
POLL_SECONDS = 0.001

_covered: ContextVar[bool] = ContextVar("notifier_call_under_way", default=False)
_entrance = threading.RLock()  # a signal handler may interrupt the thread that is in it
_under_way: set[object] = set()


@contextmanager
def forks_wait() -> Iterator[None]:
    """No other thread forks during this, unless it takes long. None begins while a fork is under way."""
    if _covered.get():  # also in a thread that a call has started: to wait here would be to wait for itself
        yield
        return
    call = object()
    with _entrance:
        _under_way.add(call)
    token = _covered.set(True)
    try:
        yield
    finally:
        _covered.reset(token)
        _under_way.discard(call)


def _before() -> None:
    _entrance.acquire()
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while len(_under_way) > _covered.get() and time.monotonic() < ends_at:
        time.sleep(POLL_SECONDS)


def _in_child() -> None:
    global _entrance
    _entrance = threading.RLock()
    _under_way.clear()


os.register_at_fork(before=_before, after_in_parent=lambda: _entrance.release(), after_in_child=_in_child)
