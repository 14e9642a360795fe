"""What an alert takes of Redis while it waits, and once it is delivered, as Redis counts it.

``used`` counts all that a server holds, and is for one that nobody else uses; ``held`` counts keys alone, anywhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.models import AlertType, NotificationMessage

ALERTS = 200
EXPIRY = 24
"""Bytes of a key's life (a dictEntry of Redis), which MEMORY USAGE leaves out."""
SETTING = "hash-max-ziplist-value"
"""Of Redis; since 7 it is `hash-max-listpack-value` too."""
OURS = 4_096
"""What our stacks set it to."""


@dataclass(frozen=True, slots=True)
class AlertBytes:
    """Bytes for each alert, of all keys. ``json``: its own, as stored. ``result``: Celery's result, as text."""

    json: int
    waiting: int
    finished: int
    result: int


def alert(number: int) -> NotificationMessage:
    """An ordinary one: 200 characters, a title, and where it comes from."""
    text = f"The query on db1 took too long, number {number:06d}. " * 5
    return NotificationMessage(
        title=f"Database timeout {number:06d}", message=text[:200], alert_type=AlertType.GENERAL, source="Import"
    )


def used(client: "redis.Redis") -> int:
    """Bytes that the server holds, without what it has for connections and for its append-only file."""
    found: Any = client.info("memory")
    return int(found["used_memory"]) - int(found["mem_clients_normal"]) - int(found.get("mem_aof_buffer", 0))


def held(client: "redis.Redis") -> int:
    """The bytes of all keys."""
    pipeline = client.pipeline(transaction=False)
    for key in client.scan_iter(count=1_000):
        pipeline.memory_usage(key, samples=0)
        pipeline.pttl(key)
    found = pipeline.execute()
    total: int = sum(found[0::2]) + EXPIRY * sum(life > 0 for life in found[1::2])
    return total


def measure(
    client: "redis.Redis", admit: Callable[[NotificationMessage], object], deliver: Callable[[], object]
) -> AlertBytes:
    """Admit alerts, then have ``deliver`` deliver all that waits. Before, the outbox is empty and has had an alert."""
    before = held(client)
    messages = [alert(number) for number in range(ALERTS)]
    for message in messages:
        admit(message)
    waiting = held(client)
    deliver()
    result = cast("str", client.get(f"celery-task-meta-{messages[0].id}"))
    return AlertBytes(
        len(messages[0].model_dump_json(exclude_defaults=True)),
        round((waiting - before) / ALERTS),
        round((held(client) - before) / ALERTS),
        len(result),
    )
