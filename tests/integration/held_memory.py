"""How much memory something takes."""

import tracemalloc
from collections.abc import Callable

ROUNDS = 3


def most_memory_of(act: Callable[[], object]) -> int:
    """The bytes that Python holds at most while this runs, beyond those that it held before.

    Those of the best round: a thread that another test has left may need some in one of them.
    """
    return min(_most_memory_of(act) for _ in range(ROUNDS))


def _most_memory_of(act: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        act()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most - before
