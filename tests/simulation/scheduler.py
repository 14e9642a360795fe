"""Runs activities in turn, by a clock of its own: the same seed, the same order.

An activity is a greenlet. It gives up its turn where a real one would wait: for Redis, for Discord, for time. What runs
between two such places is atomic, as it is for one thread between two system calls that others could see.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from greenlet import GreenletExit, getcurrent, greenlet

SECOND = 1_000_000
"""Microseconds: all times here are."""


@dataclass
class Process:
    """A process: what runs in it stops while it is paused, and ends when it is killed."""

    name: str
    dead: bool = False
    paused_until: int = 0
    cut_off_until: int = 0
    """Redis cannot be reached from its machine until then."""
    clock_ahead: int = 0
    """How much more than the time its machine's clock shows."""


@dataclass(order=True)
class Turn:
    """When an activity goes on; of two at the same time, the one that asked first."""

    at: int
    order: int
    activity: greenlet = field(compare=False)


class Scheduler:
    """The turns of all activities. ``now`` is the true time, which no clock of the simulated machines need show."""

    def __init__(self) -> None:
        self.now = 0
        self._turns: list[Turn] = []
        self._orders = count()
        self._hub = getcurrent()
        self._processes: dict[int, Process] = {}

    def spawn(self, process: Process, run: Callable[[], object], after: float = 0) -> None:
        """Begin an activity of a process in so many seconds."""

        def guarded() -> None:
            self.here()  # a process that was killed before begins nothing
            run()

        activity = greenlet(guarded, parent=self._hub)
        self._processes[id(activity)] = process
        self._later(activity, after)

    def pause(self, seconds: float) -> None:
        """Give up the turn of this activity for so long."""
        self._later(getcurrent(), seconds)
        self._hub.switch()
        self.here()

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Give up turns until the condition holds, for so long at most; whether it does."""
        ends_at, step = self.now + round(seconds * SECOND), 0.001
        while not until() and self.now < ends_at:
            self.pause(min(step, (ends_at - self.now) / SECOND))
            step = min(step * 1.5, 0.1)
        return until()

    def here(self) -> Process:
        """The process whose activity this is; ends the activity if the process was killed."""
        process = self._processes[id(getcurrent())]
        if process.dead:
            raise GreenletExit
        return process

    def run(self, until: Callable[[], bool], at_most: float) -> None:
        """Give turns until the condition holds, looked at after each; or for so many seconds."""
        ends_at = self.now + round(at_most * SECOND)
        while self._turns and not until():
            turn = heapq.heappop(self._turns)
            if turn.at > ends_at:
                heapq.heappush(self._turns, turn)
                self.now = ends_at
                return
            process = self._processes[id(turn.activity)]
            if process.paused_until > turn.at and not process.dead:
                heapq.heappush(self._turns, Turn(process.paused_until, next(self._orders), turn.activity))
                continue
            self.now = max(self.now, turn.at)
            turn.activity.switch()
            if turn.activity.dead:
                del self._processes[id(turn.activity)]

    def end(self) -> None:
        """End all activities, also what they do as they end: nothing of them may go on in the next run."""
        while self._turns:
            heapq.heappop(self._turns).activity.throw(GreenletExit)
        self._processes.clear()

    def _later(self, activity: greenlet, seconds: float) -> None:
        heapq.heappush(self._turns, Turn(self.now + round(seconds * SECOND), next(self._orders), activity))
