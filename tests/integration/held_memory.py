"""How much memory something takes."""

import tracemalloc
from collections.abc import Callable


def most_memory_of(act: Callable[[], object]) -> int:
    """The bytes that Python holds at most while this runs, beyond those that it held before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        act()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return most - before
