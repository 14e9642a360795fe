"""Keeps the memory of a worker flat, however much it delivers."""

import ctypes
import gc
from contextlib import suppress

M_TRIM_THRESHOLD, M_ARENA_MAX = -1, -8
"""Of glibc's malloc.h."""
TRIM_BYTES = 128 * 1_024
"""glibc's own default. Set, it stays: else glibc raises it by what was once freed, and keeps as much."""


def give_memory_back() -> None:
    """Have all threads take memory from one place, for each keeps what it once had, and give back what is free there.

    To be called before they start. Where the C library is not glibc, this does nothing.
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, 1)
        library.mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)


def keep_what_is_loaded() -> None:
    """Have the garbage collector look no more at what is there by now: it stays for as long as the process lives.

    A collection of all then takes little, and comes before a tenth of that much is garbage. Forked processes share it.
    """
    gc.collect()
    gc.freeze()
