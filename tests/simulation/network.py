"""What lies between the processes and Redis: it may be slow, lose what is sent, or lead nowhere."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import redis
from redis.exceptions import NoScriptError

from tests.simulation.plan import Fault
from tests.simulation.redis_state import Server, SimulatedRedis
from tests.simulation.scheduler import SECOND, Process, Scheduler

EPOCH = 1_800_000_000 * SECOND
TIMEOUT_SECONDS = 1.0


class Numbered:
    """The faults that happen to what has a number: an operation, message or answer."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._faults: defaultdict[str, dict[int, Fault]] = defaultdict(dict)
        for each in faults:
            family, _, what = each.what.partition(" ")
            if what:
                self._faults[family][int(each.at)] = Fault(what, each.at, each.who, each.amount)

    def of(self, family: str, number: int) -> tuple[str, float]:
        """What happens to this one, and how much of it; '' if nothing does."""
        fault = self._faults[family].get(number)
        return (fault.what, fault.amount) if fault else ("", 0.0)

    def clear(self) -> None:
        """Nothing fails any more."""
        self._faults.clear()


class Network:
    """The one Redis, as the processes reach it, and its clock."""

    def __init__(
        self,
        scheduler: Scheduler,
        server: Server,
        chance: random.Random,
        numbered: Numbered,
        note: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._numbered = numbered
        self._note = note
        self.server = server
        self.operations = 0
        self._clock_ahead = 0
        self._down_until = 0
        self.forgotten: list[tuple[int, int]] = []
        """From when to when Redis has forgotten what it did."""
        self._kept: dict[int, dict[bytes, tuple[bytes, int]]] = {}
        """What is left by each loss that is to come, by the time from which it loses."""

    @property
    def redis_now(self) -> int:
        """What Redis' clock shows."""
        return EPOCH + self._scheduler.now + self._clock_ahead

    def client_of(self, process: Process) -> "redis.Redis":
        """A client of one process."""
        return SimulatedRedis(self.server, lambda act: self._operate(process, act), lambda: self.redis_now)

    def _operate(self, process: Process, act: Callable[[], Any]) -> Any:
        self.operations += 1
        what, amount = self._numbered.of("operation", self.operations)
        self._scheduler.pause(self._chance.uniform(0.0001, 0.002))
        now = self._scheduler.now
        if now < max(self._down_until, process.cut_off_until):
            self._scheduler.pause(0.05)
            raise redis.ConnectionError("no Redis here")
        if what in ("request_lost", "request_late"):
            self._note(
                f"{process.name}: an operation does not reach Redis{f' for {amount} s' if 'late' in what else ''}"
            )
            if what == "request_late":
                self._run_later(act, amount)
            self._scheduler.pause(TIMEOUT_SECONDS)
            raise redis.TimeoutError("no answer")
        answer, down_until = act(), self._down_until
        if what == "twice":
            self._note(f"{process.name}: an operation comes again in {amount} s")
            self._run_later(act, amount)
        self._scheduler.pause(self._chance.uniform(0.0001, 0.002) + (amount if what == "late" else 0))
        if what == "answer_lost" or process.cut_off_until > now:
            self._note(f"{process.name}: an answer of Redis is lost")
            self._scheduler.pause(TIMEOUT_SECONDS)
            raise redis.TimeoutError("no answer")
        if down_until != self._down_until:  # a connection ends with its Redis, and so does an answer that is on its way
            raise redis.ConnectionError("Redis has ended meanwhile")
        return answer

    def _run_later(self, act: Callable[[], Any], seconds: float) -> None:
        """Redis runs an operation after so long, and nobody gets its answer; not if Redis ends before."""
        down_until = self._down_until

        def run() -> None:
            if down_until == self._down_until:
                with suppress(NoScriptError):
                    act()

        self._scheduler.spawn(Process("network"), run, seconds)

    def cut_off(self, process: Process, seconds: float) -> None:
        """A machine reaches Redis no more, for so long."""
        self._note(f"{process.name} is cut off from Redis for {seconds} s")
        process.cut_off_until = self._scheduler.now + round(seconds * SECOND)
        self._scheduler.pause(seconds)
        process.cut_off_until = 0

    def step_clock(self, seconds: float) -> None:
        """Redis' clock shows so much more, or less."""
        self._note(f"Redis' clock steps by {seconds} s")
        self._clock_ahead += round(seconds * SECOND)

    def restart(self, seconds: float) -> None:
        """Redis ends, and begins again after so long."""
        self._note(f"Redis restarts, and is away for {seconds} s")
        self.server.restart()
        self._down_until = self._scheduler.now + round(seconds * SECOND)

    def forget(self, seconds: float, away_seconds: float) -> None:
        """Redis loses what it does in the next so many seconds: its disk lacks it, or the replica that takes over."""
        began = self._scheduler.now
        self._kept[began] = self.server.remember()
        self._scheduler.pause(seconds)
        remembered = self._kept.pop(began)
        self._kept = dict.fromkeys(self._kept, remembered)  # what is lost once does not come back
        self.forgotten.append((began, self._scheduler.now))
        self._note(f"Redis forgets its last {seconds} s")
        self.restart(away_seconds)
        self.server.forget(remembered)
