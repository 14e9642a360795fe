"""Looks for an answer for a moment before the thread sleeps.

To be woken takes 20 to 40 µs of a machine that has nothing else to do, as long as Redis takes there for a small step.
"""

import os
import time
from typing import Any

SECONDS = 100e-6
"""Ours: how long an answer is looked for. The processor time of a call is then about what to sleep and wake takes."""
LEFT_OUT_MAX = 64
"""Ours: so many answers are not looked for after many that took longer: Redis is far away, or the step is long."""
give_way = getattr(os, "sched_yield", None)
"""Lets others have this processor; Redis may be among them."""


class BusyPoll:
    """For the answers to one command. Threads may share it."""

    def __init__(self) -> None:
        self._left_out = 0
        self._leave_out = 1

    def wait(self, poller: Any) -> None:
        """Return as soon as something can be read, or after a moment. ``poller``: a ``select.poll`` of one socket."""
        if give_way is None:
            return
        if self._left_out > 0:  # two threads may count one too many
            self._left_out -= 1
            return
        ends_at = time.perf_counter() + SECONDS
        while not poller.poll(0) and time.perf_counter() < ends_at:
            give_way()
        # one that is there by now came late as well if another thread had the interpreter meanwhile
        if time.perf_counter() < ends_at:
            self._leave_out = 1
        else:
            self._left_out = self._leave_out
            self._leave_out = min(2 * self._leave_out, LEFT_OUT_MAX)
