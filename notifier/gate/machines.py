"""The machines of the fleet that cannot reach Discord: what is wrong with each, for people and for self-monitoring.

It holds nothing back: each worker knows of its own machine. So it may be old, and no gate reads it.
"""

import json
import socket
from dataclasses import dataclass
from typing import cast

import redis

from notifier.gate.trouble import LIFE_SECONDS, report_trouble
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys

TROUBLE = "machine_fault"
"""Self-monitoring's word for it."""
KEPT_SECONDS = 60
"""Ours: for how long a fault counts after its next try is overdue; a worker that has nothing to send makes none."""


def this_machine() -> str:
    """The name of the machine that this process runs on."""
    return socket.gethostname()


@dataclass(frozen=True, slots=True)
class MachineFault:
    """What is wrong with one machine. ``detail``: what to repair."""

    machine: str
    reason: str
    detail: str


class Machines:
    """Notes and lists them.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._redis = client
        self._keys = keys

    def failing(self, fault: MachineFault, wait_seconds: float) -> None:
        """Note a fault; a new one is a trouble. ``wait_seconds``: until the machine tries again."""
        member = json.dumps([fault.machine, fault.reason, fault.detail])
        ends_in = round((wait_seconds + KEPT_SECONDS) * MICROSECONDS)
        with broker_errors():
            now = clock(self._redis)
            pipeline = self._redis.pipeline()
            pipeline.zremrangebyscore(self._keys.machines, "-inf", now)
            pipeline.zscore(self._keys.machines, member)
            pipeline.zadd(self._keys.machines, {member: now + ends_in})
            pipeline.expire(self._keys.machines, LIFE_SECONDS)
            _, known, *_ = pipeline.execute()
            if known is None:
                report_trouble(self._redis, self._keys, TROUBLE, fault.machine, fault.detail)

    def works(self, machine: str) -> None:
        """Forget what was wrong with a machine."""
        with broker_errors():
            members = cast("list[str]", self._redis.zrange(self._keys.machines, 0, -1))
            if over := [each for each in members if json.loads(each)[0] == machine]:
                self._redis.zrem(self._keys.machines, *over)

    def faults(self) -> list[MachineFault]:
        """What is wrong now."""
        with broker_errors():
            now = clock(self._redis)
            members = cast("list[str]", self._redis.zrangebyscore(self._keys.machines, now, "+inf"))
        return sorted((MachineFault(*json.loads(each)) for each in members), key=lambda each: each.machine)
