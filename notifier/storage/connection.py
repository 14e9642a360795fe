"""The connection to Redis, its clock, and the one place where its errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from notifier.errors import BrokerUnavailable
from notifier.storage.address import CONNECTIONS_MAX, RedisUrl
from notifier.storage.url import read_redis_url

MICROSECONDS = 1_000_000
"""In one second. Redis' clock, the scripts and the scores of the indexes count in microseconds."""
CLUSTER_ERRORS = ("MovedError", "AskError", "ClusterCrossSlotError", "ClusterDownError")
CLUSTER_CODES = ("MOVED", "ASK", "CROSSSLOT", "CLUSTERDOWN")
"""The same in Redis' own words, which older versions of redis-py do not map."""


def connect(url: str, timeout_seconds: float) -> "redis.Redis":
    """A client that waits at most ``timeout_seconds`` for each step and repeats nothing by itself.

    Repeating is for the caller to decide: a script whose answer was lost may have run. Behind sentinels, a connection
    that breaks asks them again which Redis is the master.

    Raises:
        ConfigurationError: the URL cannot be used. The text shows nothing of it.
    """
    address = read_redis_url("REDIS_URL", url)
    options = address.connect_options(timeout_seconds) | {
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
    }
    if address.sentinels is not None:
        sentinel: Any = Sentinel  # has no types
        asked = sentinel(address.hosts, sentinel_kwargs=address.sentinel_options(timeout_seconds), **options)
        client: redis.Redis = asked.master_for(address.sentinels.master_name)
        return client
    build: Any = redis.BlockingConnectionPool  # has no types
    pool = build(
        connection_class=_connection_class(address),
        max_connections=address.options.get("max_connections", CONNECTIONS_MAX),
        timeout=timeout_seconds,
        **options,
    )
    return redis.Redis(connection_pool=pool)


def _connection_class(address: RedisUrl) -> type[Any]:
    if address.kind == "socket":
        return UnixDomainSocketConnection
    return Connection if address.tls is None else SSLConnection


def clock(client: "redis.Redis") -> int:
    """Redis' own clock: microseconds since 1970."""
    seconds, microseconds = cast("tuple[int, int]", client.time())
    return seconds * MICROSECONDS + microseconds


@contextmanager
def broker_errors() -> Iterator[None]:
    """Map what redis-py raises to this package's error.

    Raises:
        BrokerUnavailable: Redis refused, was silent, or failed. The text names the cause and the next step; it holds
            no URL and no key, which may hold a secret.
    """
    try:
        yield
    except redis.RedisError as error:
        raise BrokerUnavailable(_problem(error)) from None


def _problem(error: redis.RedisError) -> str:
    kind = type(error).__name__
    if kind in CLUSTER_ERRORS or str(error).startswith(CLUSTER_CODES):
        return f"REDIS_URL names a node of a Redis Cluster ({kind}), which is not supported; see docs/redis.md"
    if isinstance(error, NoPermissionError):
        return f"the Redis user of REDIS_URL lacks a right ({kind}); see docs/redis.md"
    if isinstance(error, AuthenticationError | AuthorizationError):
        return f"Redis refused the user name or the password of REDIS_URL ({kind})"
    return f"Redis did not answer as it should ({kind}); see REDIS_URL"
