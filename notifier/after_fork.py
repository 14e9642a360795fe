"""What a forked process does first.

The interpreter holds what it is to call then until its very end, with all that can be reached from there, and goes
through all of that once more. Of ours it holds one function, from which nothing else of ours can be reached.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:  # what is imported from typing at run time leads to the types that it has cached, and so to all of us
    from typing import Any

_methods: "list[tuple[ref[Any], str]]" = []
"""Their objects, and their names. No ``WeakMethod``: as the interpreter ends, its callback may find itself gone."""


def after_fork(method: Callable[[], object]) -> None:
    """Have this method of an object called in each forked process, as long as the object is there."""
    bound: Any = method
    _methods[:] = [each for each in _methods if each[0]() is not None]
    _methods.append((ref(bound.__self__), bound.__name__))


def _in_child() -> None:
    with ExitStack() as calls:  # one that fails keeps no other back
        for owner, name in reversed(_methods):
            if (there := owner()) is not None:
                calls.callback(getattr(there, name))


os.register_at_fork(after_in_child=_in_child)
