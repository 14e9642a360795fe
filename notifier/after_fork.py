"""What a forked process does first.

The interpreter holds what it is to call then until its very end, with all that can be reached from there, and goes
through all of that once more. Of ours it holds one function, from which nothing else of ours can be reached.
"""

import os
from collections.abc import Callable
from weakref import WeakMethod

_methods: "list[WeakMethod[Callable[[], object]]]" = []


def after_fork(method: Callable[[], object]) -> None:
    """Have this method of an object called in each forked process, as long as the object is there."""
    _methods.append(WeakMethod(method, _methods.remove))


def _in_child() -> None:
    for each in tuple(_methods):
        if method := each():
            method()


os.register_at_fork(after_in_child=_in_child)
