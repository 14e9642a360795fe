"""The rights that a Redis user needs: which of them it lacks, before the first alert finds out.

Redis looks at the rights before it looks at the arguments. So each command is called in a form that changes nothing: on
a key that there is not, or with an argument that it refuses.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from redis.exceptions import NoPermissionError

from notifier.storage.keys import Keys

SHOWN_MAX = 5
"""Ours: rights that a line names."""
BY_STEPS: Mapping[str, str] = {
    **dict.fromkeys(("del", "exists", "get", "hgetall", "hkeys", "hlen", "zcard"), ""),
    **dict.fromkeys(("expire", "hdel", "hexists", "hget", "hmget", "hstrlen", "pexpire", "zrem", "zscore"), "x"),
    **dict.fromkeys(("hincrby", "set", "zadd", "zcount", "zrange", "zrangebyscore", "zremrangebyscore"), "x x"),
    "hset": "x x x",
}
"""The commands that the Lua steps call on keys, each with arguments that change nothing."""
NOT_TRIED = frozenset({"hsetnx", "incr", "lpush", "publish", "pubsub", "time"})
"""Those of which no form changes nothing, or that have no key, which are tried below; or that may be missing."""
BY_WORKERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("hget", "hdel"), ("", "x")),
    "hset": ("", "x x x"),
    "zadd": ("_index", "x x"),
    "zrem": ("_index", "x"),
    "zrevrangebyscore": ("_index", "x x"),
}
"""What Celery's transport calls on its keys of messages that workers hold."""

Command = tuple[str, ...]
"""A command, a key or a channel, and arguments."""


def commands_on_outboxes(keys: Keys) -> Iterator[Command]:
    """What raising an alert and delivering it need where the outboxes are."""
    own, result = keys.notification(""), keys.result("")
    yield ("evalsha", "0" * 40, "0")
    yield ("time",)
    yield from ((command, own, *arguments.split()) for command, arguments in BY_STEPS.items())
    yield from ((command, result, *BY_STEPS[command].split()) for command in ("get", "set", "del", "expire"))
    yield ("mget", result)
    yield ("publish", result, "")


def commands_on_queues(keys: Keys, queues: Sequence[str]) -> Iterator[Command]:
    """What a worker needs where Celery's messages are, for the queues that it consumes."""
    yield from (("brpop", each, "x") for each in queues)
    if queues:
        yield from ((name, keys.unacked + part, *more.split()) for name, (part, more) in BY_WORKERS.items())


def missing_rights(commands: Sequence[Command], answers: Sequence[object]) -> str:
    """Which of these commands Redis refused to its user, by its answers to them, in words; '' if none."""
    refused = [
        " ".join(command[:2])
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, NoPermissionError)
    ]
    more = f" and {len(refused) - SHOWN_MAX} more" if len(refused) > SHOWN_MAX else ""
    return ", ".join(refused[:SHOWN_MAX]) + more


def try_commands(client: "redis.Redis", commands: Sequence[Command]) -> list[object]:
    """The answers of Redis, errors too."""
    pipeline: Any = client.pipeline(transaction=False)  # has no types
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute(raise_on_error=False))
