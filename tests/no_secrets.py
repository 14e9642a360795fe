"""The assertion that a webhook's token is nowhere."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import redis

MARKS = ("fake-token", "abcdefg", "bcdefgh", "cdefghi", "defghij", "efghijk", "fghijkl")
"""Every token that tests use begins with one of these, so that any of them is found wherever it leaks."""


def assert_no_secrets(*, redis: "redis.Redis | None" = None, texts: Mapping[str, str] | None = None) -> None:
    """No token in any text, and none in any key or value of a Redis."""
    found = [name for name, text in (texts or {}).items() if _has_secret(text)]
    if redis is not None:
        found += [f"Redis key {key}" for key, value in _values(redis) if _has_secret(f"{key} {value}")]
    assert found == [], f"a webhook token is in: {', '.join(found)}"


def _has_secret(text: str) -> bool:
    return any(mark in text for mark in MARKS)


READ: Mapping[str, Callable[[Any, str], Any]] = {
    "string": lambda pipeline, key: pipeline.get(key),
    "hash": lambda pipeline, key: pipeline.hgetall(key),
    "list": lambda pipeline, key: pipeline.lrange(key, 0, -1),
    "set": lambda pipeline, key: pipeline.smembers(key),
    "zset": lambda pipeline, key: pipeline.zrange(key, 0, -1, withscores=True),
    "stream": lambda pipeline, key: pipeline.xrange(key),
    "none": lambda pipeline, key: pipeline.exists(key),  # it has gone meanwhile
}


def _values(client: "redis.Redis") -> Iterator[tuple[str, Any]]:
    """All keys and what they hold, in few round trips: this is done after each test."""
    keys = list(client.scan_iter(count=10_000))
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.type(key)
    for key, kind in zip(keys, pipeline.execute(), strict=True):
        READ[kind](pipeline, key)
    return zip(keys, pipeline.execute(raise_on_error=False), strict=True)
