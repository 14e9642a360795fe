"""The connection to Redis, its clock, and the one place where its errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from notifier.errors import BrokerUnavailable
from notifier.storage.url import SCHEME, parse_sentinels

CONNECTIONS_MAX = 64  # above any worker's threads; a caller past it waits rather than fails


def connect(url: str, timeout_seconds: float) -> "redis.Redis":
    """A client that waits at most ``timeout_seconds`` for each step and repeats nothing by itself.

    Repeating is for the caller to decide: a script whose answer was lost may have run. Behind sentinels, a connection
    that breaks asks them anew who is master.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
    }
    if url.startswith(SCHEME):
        found = parse_sentinels(url)
        options |= {"db": found.database, "username": found.username, "password": found.password}
        asked = found.celery_options(timeout_seconds)["sentinel_kwargs"]
        sentinel: Any = Sentinel  # has no types
        client: redis.Redis = sentinel(found.hosts, sentinel_kwargs=asked, **options).master_for(found.master_name)
        return client
    pool = redis.BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS_MAX, timeout=timeout_seconds, **options
    )
    return redis.Redis(connection_pool=pool)


def clock(client: "redis.Redis") -> int:
    """Redis' own clock: microseconds since 1970."""
    seconds, microseconds = cast("tuple[int, int]", client.time())
    return seconds * 1_000_000 + microseconds


@contextmanager
def broker_errors() -> Iterator[None]:
    """Map what redis-py raises to this package's error.

    Raises:
        BrokerUnavailable: Redis refused, was silent, or failed. The text holds no URL (it may hold a password).
    """
    try:
        yield
    except redis.RedisError as error:
        raise BrokerUnavailable(f"Redis did not answer as it should ({type(error).__name__}); see REDIS_URL") from None
