"""The connection to Redis, and every key name.

All keys begin with ``notifier:`` and every one has a life (see the constants and the Lua files).
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.sentinel import SCHEME, parse_sentinels

logger = logging.getLogger(__name__)

PREFIX = "notifier:"

WAITING_LIFE_SECONDS = 30 * 86_400
"""Of an outbox that nobody touches any more."""
DEAD_LETTER_LIFE_SECONDS = 30 * 86_400

CONNECTIONS_MAX = 64  # above any worker's threads; a caller past it waits rather than fails
REPLICA_MILLISECONDS = 100
"""Ours: how long a step waits for a replica to have it as well."""
REPLICA_AGAIN_SECONDS = 5
"""Ours: how long no step waits after one that waited in vain: there may be no replica left."""


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


def atomic_step(client: "redis.Redis", text: str) -> Callable[..., Any]:
    """A Lua script, to be called with its ``keys`` and ``args``.

    Behind sentinels it returns once a replica has the step too, or soon after: it then outlives the master.
    """
    registered = client.register_script(text)
    if not isinstance(client.connection_pool, SentinelConnectionPool):
        return registered

    waits_from = time.monotonic()

    def run(keys: list[str], args: list[Any]) -> Any:
        nonlocal waits_from
        with redis.Redis(connection_pool=client.connection_pool, single_connection_client=True) as connection:
            answer = registered(keys=keys, args=args, client=connection)
            if time.monotonic() >= waits_from and not connection.wait(1, REPLICA_MILLISECONDS):
                waits_from = time.monotonic() + REPLICA_AGAIN_SECONDS
                logger.warning("no replica of Redis has taken this step within %d ms", REPLICA_MILLISECONDS)
            return answer

    return run


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


def script(*names: str) -> str:
    """The text of Lua files, in order: shared functions first, the script that uses them last."""
    return "\n".join((files("notifier") / name).read_text(encoding="utf-8") for name in names)


def notification(notification_id: str) -> str:
    """Hash: one notification: its message, where it is, and (once final) its record."""
    return f"{PREFIX}notification:{notification_id}"


def outbox(alert_type: AlertType | str, part: str) -> str:
    """``waiting delayed in_flight``: sorted sets of ids; ``state digest``: hashes; ``wake_up``: string."""
    return f"{PREFIX}outbox:{alert_type}:{part}"


def worker(name: str) -> str:
    """String: a process that carries alerts is alive; its life is a few beats."""
    return f"{PREFIX}worker:{name}"


SEQUENCE = f"{PREFIX}outbox:sequence"
"""Counter: the order of admission, over all types."""

UNRECORDED = f"{PREFIX}unrecorded"
"""Sorted set: final notifications whose result is not stored in the result backend yet."""


def gate(webhook_id: str, part: str = "state") -> str:
    """``state``: hash; ``in_flight`` and ``sent``: sorted sets of requests."""
    return f"{PREFIX}gate:webhook:{webhook_id}:{part}"


def channel_prefix() -> str:
    """A channel's sorted set of requests, and (``…:blocked``) the end of its pause; the script knows the id."""
    return f"{PREFIX}gate:channel:"


EDGE = f"{PREFIX}gate:edge"
"""Hash: a ban or global limit of this IP."""
EDGE_SENT = f"{PREFIX}gate:edge:sent"
"""Sorted set: the requests of the last second, over all webhooks."""


def history(alert_type: AlertType | str) -> str:
    """Sorted set: ids of final notifications by time (microseconds since 1970, Redis' clock)."""
    return f"{PREFIX}history:{alert_type}"


def dead_letters(alert_type: AlertType | str) -> str:
    """Sorted set: ids of dead letters by time."""
    return f"{PREFIX}dead_letters:{alert_type}"


WATCH = f"{PREFIX}watch"
"""Hash: what has happened that somebody should be told of: ``what|subject|detail`` and how often, since it was told."""


def told(cause: str) -> str:
    """String: somebody was told of this cause; while it lives nobody is told again."""
    return f"{PREFIX}watch:told:{cause}"


def folded(alert_type: AlertType) -> str:
    """Sorted set: ids of folded alerts, by time."""
    return f"{PREFIX}folded:{alert_type}"


def refusal(entry: str) -> str:
    """String: the record of an alert that never entered an outbox."""
    return f"{PREFIX}refusal:{entry}"


def refused(alert_type: AlertType) -> str:
    """Sorted set: ids that met a full outbox, by time."""
    return f"{PREFIX}refused:{alert_type}"
