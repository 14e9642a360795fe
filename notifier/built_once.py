"""A part of an object, built when it is first asked for."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from notifier.after_fork import after_fork

Part = TypeVar("Part")


class built_once(Generic[Part]):  # noqa: N801 - used as a decorator, like ``cached_property``
    """Threads that ask at once get the same part.

    ``cached_property`` builds one for each of them since Python 3.12. Before, its lock outlives a fork in the state
    that another thread had left it in.
    """

    def __init__(self, build: Callable[[Any], Part]) -> None:
        self.__doc__ = build.__doc__
        self._build = build
        self._new_lock()
        after_fork(self._new_lock)

    def __get__(self, owner: object, _: object = None) -> Part:
        parts, name = vars(owner), self._build.__name__
        with self._lock:
            if name not in parts:
                parts[name] = self._build(owner)
            part: Part = parts[name]
            return part

    def _new_lock(self) -> None:
        self._lock = threading.RLock()  # a signal handler may interrupt the thread that is building
