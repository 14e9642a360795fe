"""The keys that somebody waits for, over one subscription: what is published, and what stands there already."""

import time
from collections.abc import Iterator
from typing import Any, cast

import redis

REREAD_SECONDS = 5.0
"""Ours: how often everything that is waited for is read again, in case the connection died without saying so."""
READ_AT_ONCE = 100
"""Ours: keys in one MGET, so that no other client of Redis waits for a thousand records."""


class Subscription:
    """Follows keys whose writer also publishes the value on a channel of the same name. Used by one thread.

    Raises (every method): redis.RedisError, OSError: it is broken; close it, and follow everything anew.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        subscribe: Any = client.pubsub  # has no types
        self._pubsub = subscribe()
        self._followed: set[bytes] = set()
        self._reread_at = time.monotonic() + REREAD_SECONDS
        self._pinged = False

    @property
    def descriptor(self) -> int | None:
        """What to poll before the next ``hear``; None if nothing is followed."""
        if not self._followed or self._pubsub.connection is None:
            return None
        return cast("int", self._pubsub.connection._sock.fileno())

    @property
    def seconds(self) -> float:
        """How long to poll at most."""
        return max(0.0, self._reread_at - time.monotonic())

    def hear(self, new: set[bytes], gone: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Follow and leave these keys; then each key with a value that was published, or that it has already."""
        if left := gone & self._followed:
            self._pubsub.unsubscribe(*left)
            self._followed -= left
        unread = new & self._followed
        if fresh := new - self._followed:
            self._pubsub.subscribe(*fresh)
            self._followed |= fresh
        while message := self._pubsub.get_message():
            match message["type"]:
                case "message":
                    yield message["channel"], message["data"]
                case "subscribe":
                    # read only now: what was written before is there, and what is written from here on is published
                    unread.add(message["channel"])
                case "pong":
                    self._pinged = False
        yield from self._read(unread | self._due())

    def _due(self) -> set[bytes]:
        if not self._followed or self.seconds:
            return set()
        if self._pinged:
            raise redis.TimeoutError("the subscription is silent")
        self._pubsub.ping()
        self._pinged, self._reread_at = True, time.monotonic() + REREAD_SECONDS
        return self._followed

    def _read(self, keys: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
        ordered = list(keys)
        for start in range(0, len(ordered), READ_AT_ONCE):
            some = ordered[start : start + READ_AT_ONCE]
            texts = cast("list[bytes | None]", self._client.mget(some))
            yield from ((key, text) for key, text in zip(some, texts, strict=True) if text is not None)

    def close(self) -> None:
        """End it."""
        self._pubsub.close()
