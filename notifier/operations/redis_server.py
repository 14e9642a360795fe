"""What a Redis says of itself: for people who want to know which one it is, and whether its clock is right."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.rights import try_commands

SECTIONS = ("server", "memory", "replication", "persistence")
"""Of Redis' INFO."""
CLOCK_SECONDS = 5.0
"""Ours: a greater difference between two clocks is told."""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """What it says; None where its user may not ask.

    ``address``: host, port and database. ``appendonly``: whether each write is kept on its disk.
    ``clock_ahead_seconds``: of this machine's clock, give or take half a round trip.
    """

    address: str
    clock_ahead_seconds: float
    version: str | None = None
    role: str | None = None
    eviction_policy: str | None = None
    used_memory_bytes: int | None = None
    maxmemory_bytes: int | None = None
    appendonly: bool | None = None
    cannot_save: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should know, in words."""
        found = []
        if abs(self.clock_ahead_seconds) > CLOCK_SECONDS:
            direction = "ahead of" if self.clock_ahead_seconds > 0 else "behind"
            found.append(
                f"Redis' clock is {abs(self.clock_ahead_seconds):.0f} s {direction} this machine's: all waits are"
                " counted by Redis' clock, and times that applications give, or that logs show, do not fit it"
            )
        if self.cannot_save:
            found.append(f"Redis cannot save to its disk ({self.cannot_save}): see its log; it may refuse alerts soon")
        return tuple(found)


def read_server(client: "redis.Redis", address: str) -> RedisServer:
    """Ask it. Raises BrokerUnavailable: it did not answer."""
    with broker_errors():
        began = time.time()
        seconds, microseconds = cast("tuple[int, int]", client.time())
        here = (began + time.time()) / 2
        told: dict[str, Any] = {}
        for each in try_commands(client, [("info", section) for section in SECTIONS]):
            told |= each if isinstance(each, dict) else {}
    ahead = round(seconds + microseconds / MICROSECONDS - here, 3)
    return RedisServer(
        address,
        ahead,
        version=told.get("valkey_version") or told.get("redis_version"),
        role={"slave": "replica"}.get(role := str(told.get("role")), role) if "role" in told else None,
        eviction_policy=told.get("maxmemory_policy"),
        used_memory_bytes=told.get("used_memory"),
        maxmemory_bytes=told.get("maxmemory"),
        appendonly=bool(told["aof_enabled"]) if "aof_enabled" in told else None,
        cannot_save=_cannot_save(told),
    )


def _cannot_save(told: Mapping[str, Any]) -> str | None:
    states = {name: told.get(name) for name in ("rdb_last_bgsave_status", "aof_last_write_status")}
    return ", ".join(f"{name}: {state}" for name, state in states.items() if state not in (None, "ok")) or None
