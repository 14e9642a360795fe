"""The connection to Redis, its clock, and the one place where its errors become ours."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from socket import socket as plain_socket
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry
from redis.sentinel import Sentinel

from notifier.errors import BrokerUnavailable
from notifier.storage.address import CONNECTIONS_MAX, RedisUrl
from notifier.storage.busy_poll import BusyPoll
from notifier.storage.causes import cause_of, may_have_begun
from notifier.storage.idle_connection import IDLE, READ_BYTES, ask
from notifier.storage.url import read_redis_url

MICROSECONDS = 1_000_000
"""In one second. Redis' clock, the scripts and the scores of the indexes count in microseconds."""
SAID_BYTES = 1_000
PLACE = "notifier_place"
"""The attribute, of a pool and of an error, that says which Redis it is of."""


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
        # a connection says which library it is of in two round trips
        "lib_name": None,
        "lib_version": None,
        "socket_read_size": READ_BYTES,
    }
    if address.sentinels is not None:
        sentinel: Any = Sentinel  # has no types
        asked = sentinel(address.hosts, sentinel_kwargs=address.sentinel_options(timeout_seconds), **options)
        client: redis.Redis = asked.master_for(address.sentinels.master_name, redis_class=NamingRedis)
        setattr(client.connection_pool, PLACE, address.place)
        return client
    build: Any = redis.BlockingConnectionPool  # has no types
    pool = build(
        connection_class=_connection_class(address),
        max_connections=address.options.get("max_connections", CONNECTIONS_MAX),
        timeout=timeout_seconds,
        queue_class=IDLE,
        **options,
    )
    setattr(pool, PLACE, address.place)
    return NamingRedis(connection_pool=pool)


def _connection_class(address: RedisUrl) -> type[Any]:
    if address.kind == "socket":
        return NewUnixConnection
    return NewConnection if address.tls is None else NewTlsConnection


class New:
    """A base of connections: one that was just made is not asked whether it lives, which would take a round trip."""

    _is_silent = True
    """Nothing was sent since it was made."""

    def _connect(self: Any) -> Any:
        self._is_silent = True
        made = super()._connect()  # type: ignore[misc]
        self.next_health_check = time.monotonic() + self.health_check_interval
        return made

    def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        """As redis-py's.

        Raises:
            redis.RedisError: also what Redis said before it hung up, if it did so at once: that it lets nobody in.
        """
        # redis-py closes its own; one of TLS has no second
        is_heard = self._is_silent and type(self._sock) is plain_socket
        with self._sock.dup() if is_heard else nullcontext(None) as same:
            try:
                super().send_packed_command(command, check_health)  # type: ignore[misc]
            except redis.ConnectionError as error:
                raise (_said(self._parser, same) if same else None) or error from None
        self._is_silent = False  # only now: sending connects where nothing is connected

    def can_read(self: Any, timeout: float = 0) -> bool:
        """As redis-py's pools ask before each command. What is there before the first one is read as its answer."""
        return not self._is_silent and bool(super().can_read(timeout))  # type: ignore[misc]


def _said(parser: Any, sock: plain_socket) -> Exception | None:
    """The error that Redis has sent to who is not let in."""
    sock.setblocking(False)
    try:
        text = sock.recv(SAID_BYTES).decode(errors="replace")
    except OSError:
        return None
    said: Exception = parser.parse_error(text[1:].strip())
    return said if isinstance(said, redis.ConnectionError) else None


class NewConnection(New, Connection):
    """By TCP."""


class NewTlsConnection(New, SSLConnection):
    """By TLS."""


class NewUnixConnection(New, UnixDomainSocketConnection):
    """By a socket of this machine."""


def clock(client: "redis.Redis") -> int:
    """Redis' own clock: microseconds since 1970."""
    seconds, microseconds = cast("tuple[int, int]", client.time())
    return seconds * MICROSECONDS + microseconds


@contextmanager
def _read_whole(connection: Any) -> Iterator[None]:
    """Close a connection that a signal's handler left in the middle: nobody may take what is still to come as its own.

    redis-py gives it back as it is. Answers that it has read already are in its parser, where no poll sees them.
    """
    try:
        yield
    except redis.ResponseError:
        raise
    except BaseException:
        connection.disconnect()
        raise


class NamingPipeline(Pipeline):
    """A pipeline whose errors say which Redis they are of."""

    def _execute_transaction(self, connection: Any, *given: Any) -> list[Any]:
        with _read_whole(connection):
            return super()._execute_transaction(connection, *given)

    def _execute_pipeline(self, connection: Any, *given: Any) -> list[Any]:
        with _read_whole(connection):
            found: list[Any] = super()._execute_pipeline(connection, *given)  # type: ignore[no-untyped-call]
            return found

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As redis-py's."""
        with _named(self.connection_pool):
            found: list[Any] = super().execute(raise_on_error)
        for each in found:
            if isinstance(each, redis.RedisError):  # for the caller to raise
                _name(each, self.connection_pool)
        return found


class NamingRedis(redis.Redis):
    """A client whose errors say which Redis they are of, for ``broker_errors`` to repeat."""

    def __init__(self, **options: Any) -> None:
        with _named(options.get("connection_pool")):  # a client of a single connection connects here
            super().__init__(**options)

    def _send_command_parse_response(self, conn: Any, *args: Any, **options: Any) -> Any:
        with _read_whole(conn):
            return super()._send_command_parse_response(conn, *args, **options)  # type: ignore[no-untyped-call]

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's."""
        try:  # _named would take longer, in each call
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (redis.RedisError, UnicodeDecodeError) as error:
            _name(error, self.connection_pool)
            raise

    def ask(self, command: bytes, busy_poll: BusyPoll | None = None) -> Any:
        """As ``idle_connection.ask``."""
        try:
            return ask(self.connection_pool, command, busy_poll)
        except (redis.RedisError, UnicodeDecodeError) as error:
            _name(error, self.connection_pool)
            raise

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> NamingPipeline:
        """As redis-py's."""
        return NamingPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@contextmanager
def _named(pool: Any) -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, UnicodeDecodeError) as error:
        _name(error, pool)
        raise


def _name(error: Exception, pool: Any) -> None:
    error.__dict__[PLACE] = getattr(pool, PLACE, "")


class broker_errors:  # noqa: N801 - used as a function, like ``suppress``
    """Maps what redis-py raises to this package's error.

    Raises:
        BrokerUnavailable: Redis refused, was silent, or failed. The text has Redis' own words, names the Redis and the
            next step, and holds no login and no argument of a command, which may be an alert's text.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        if error is None:
            return
        if isinstance(error, redis.RedisError | UnicodeDecodeError):  # the latter: what listens there is no Redis
            words, cause = cause_of(error)
            place = getattr(error, PLACE, "")
            text = f"{cause.subject}{f' at {place}' if place else ''}: {words.rstrip('.')}; {cause.next_step}"
            maybe_stored = may_have_begun(error, cause)
            raise BrokerUnavailable(text, maybe_stored=maybe_stored, waiting=cause.waiting) from None
