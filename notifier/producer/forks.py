"""Lets a fork wait a moment for the calls of other threads.

A forked process has only the thread that forked. A lock that another one held at that moment stays taken in it for
ever, and Celery, kombu and Python's imports have such locks, which nobody can renew.
"""

import os
import threading
import time
from contextlib import ContextDecorator
from contextvars import ContextVar, Token

PATIENCE_SECONDS = 5.0
"""Ours: above what a process's first call imports, on a busy machine too. A call that waits for Redis ends before, by
NOTIFIER_PUBLISH_TIMEOUT_SECONDS."""
POLL_SECONDS = 0.001

_covered: ContextVar[bool] = ContextVar("notifier_call_under_way", default=False)
_entrance = threading.RLock()  # a signal handler may interrupt the thread that is in it
_under_way: set[object] = set()


class forks_wait(ContextDecorator):  # noqa: N801 - used as a function, like ``suppress``
    """No other thread forks during this, unless it takes long. None begins while a fork is under way."""

    # a class: one made by ``contextmanager`` takes three times as long, and each call enters several
    __slots__ = ("_token",)

    _token: Token[bool] | None

    def __enter__(self) -> None:
        if _covered.get():  # also in a thread that a call has started: to wait here would be to wait for itself
            self._token = None
            return
        with _entrance:
            _under_way.add(self)
        self._token = _covered.set(True)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _covered.reset(self._token)
            _under_way.discard(self)

    def _recreate_cm(self) -> "forks_wait":  # as contextlib asks for it: each call of a decorated function has its own
        return forks_wait()


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
