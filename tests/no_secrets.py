"""The assertion that a webhook's token is nowhere."""

from collections.abc import Mapping
from typing import Any

import redis

MARKS = ("fake-token", "abcdefg", "bcdefgh", "cdefghi", "defghij", "efghijk", "fghijkl")
"""Every token that tests use begins with one of these, so that any of them is found wherever it leaks."""


def assert_no_secrets(*, redis: "redis.Redis | None" = None, texts: Mapping[str, str] | None = None) -> None:
    """No token in any text, and none in any key or value of a Redis."""
    found = [name for name, text in (texts or {}).items() if _has_secret(text)]
    if redis is not None:
        found += [f"Redis key {key}" for key in redis.scan_iter() if _has_secret(f"{key} {_value(redis, key)}")]
    assert found == [], f"a webhook token is in: {', '.join(found)}"


def _has_secret(text: str) -> bool:
    return any(mark in text for mark in MARKS)


def _value(client: "redis.Redis", key: str) -> Any:
    match client.type(key):
        case "string":
            return client.get(key)
        case "hash":
            return client.hgetall(key)
        case "list":
            return client.lrange(key, 0, -1)
        case "set":
            return client.smembers(key)
        case "zset":
            return client.zrange(key, 0, -1, withscores=True)
        case "stream":
            return client.xrange(key)
        case kind:
            return f"unread type {kind}"
