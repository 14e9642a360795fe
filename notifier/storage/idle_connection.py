"""A command on a pool's idle connection, without what redis-py does around each, which takes four times as long."""

import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from queue import Empty, Full, LifoQueue
from typing import Any

import redis

from notifier.storage.busy_poll import BusyPoll

READ_BYTES = 8_192
"""Ours: what is asked of a socket at once. Python takes memory for all of it before it waits, and other threads take
theirs behind it: with redis-py's 64 KiB, holes of megabytes were left in a worker under load."""
SEEN_BYTES = 65_536
"""Ours: of an answer that is looked at before redis-py reads it; that of a claim of ten has some thousands."""
INTEGER, TEXT, ARRAY = b":$*"


class NoneIdle(Exception):
    """There is no connection that can be used as it is. Nothing was sent: redis-py's own way makes one."""


class Idle(LifoQueue[Any]):
    """The connections of a pool that nobody uses. To take one at once, or give one back, takes a lock and no more.

    Nobody waits to give one back, so nobody need be told that there is room.
    """

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """As redis-py's queue. Raises: Empty."""
        try:  # without a condition, whose lock a signal's handler that raises may leave closed: all others then hang
            return self.get_nowait()
        except Empty:
            return super().get(block, timeout)

    def get_nowait(self) -> Any:
        """As redis-py's queue. Raises: Empty."""
        with self.mutex:
            if not self.queue:
                raise Empty
            return self.queue.pop()

    def put_nowait(self, item: Any) -> None:
        """As redis-py's queue. Raises: Full."""
        with self.mutex:
            if len(self.queue) >= self.maxsize:
                raise Full
            self.queue.append(item)
            self.not_empty.notify()


IDLE = Idle if LifoQueue.__module__ == "queue" else LifoQueue  # that of gevent has no such lock, and needs none


def packed(parts: Iterable[str | bytes | float]) -> bytes:
    """These in Redis' protocol, as parts of a command; its ``*`` and their count are not among it."""
    given: list[int | bytes] = []
    for part in parts:
        text = part if type(part) is bytes else str(part).encode()
        given += (len(text), text)
    return b"$%d\r\n%b\r\n" * (len(given) // 2) % tuple(given)  # one by one takes longer


def ask(pool: Any, command: bytes, busy_poll: BusyPoll | None = None) -> Any:
    """The answer to a command in Redis' protocol.

    Args:
        pool: a ``BlockingConnectionPool``.
        command: whole.
        busy_poll: looks for the answer before this thread sleeps.

    Raises:
        NoneIdle: nothing was sent.
        redis.RedisError: as in redis-py.
    """
    connection = _taken(pool)
    try:
        poller = _idle_poller(connection)
        look = partial(busy_poll.wait, poller) if busy_poll and poller else None
        seen = _seen_answer(connection._sock, command, look)
        return connection.read_response() if seen is None else seen[0]
    except (NoneIdle, redis.ResponseError):  # it was read whole
        raise
    except BaseException:  # a signal's handler may raise too: nobody may take this answer for that of another command
        if connection is not None:
            connection.disconnect()
        raise
    finally:
        pool.pool.put_nowait(connection)


def _seen_answer(sock: Any, command: bytes, look: Callable[[], None] | None) -> tuple[Any] | None:
    """Redis' answer, if all of it is there as it comes; else None: redis-py reads it, in several times as long.

    ``look``: is called before this thread sleeps.
    """
    try:
        sock.sendall(command)
        if type(sock) is not socket.socket:  # one of TLS cannot look ahead
            return None
        if look:
            look()
        seen = sock.recv(READ_BYTES, socket.MSG_PEEK)
        if len(seen) == READ_BYTES:  # what more there is does not have to be waited for
            seen = sock.recv(SEEN_BYTES, socket.MSG_PEEK)
    except TimeoutError:
        raise redis.TimeoutError("Timeout reading from socket") from None
    except OSError as error:
        raise redis.ConnectionError(f"Error while reading from socket: {error.args}") from None
    try:
        answer, end = _read(seen, 0)
    except (ValueError, IndexError):  # a part of it, an error, or a rare kind
        return None
    if end != len(seen):
        return None
    while end:
        end -= len(sock.recv(end))
    return (answer,)


def _read(text: bytes, start: int) -> tuple[Any, int]:
    """An answer in Redis' protocol (RESP2), and where it ends. Raises ValueError, IndexError: it is not all there."""
    line = text.index(b"\r\n", start)
    kind, number, end = text[start], int(text[start + 1 : line]), line + 2
    if kind == INTEGER:
        return number, end
    if kind == TEXT and number >= 0:
        last = end + number
        if text[last : last + 2] != b"\r\n":
            raise ValueError
        return text[end:last].decode(), last + 2
    if kind != ARRAY or number < 0:
        raise ValueError
    items = []
    for _ in range(number):
        item, end = _read(text, end)
        items.append(item)
    return items, end


def _taken(pool: Any) -> Any:
    if pool.pid != os.getpid():  # redis-py makes new ones in a fork
        raise NoneIdle
    try:
        return pool.pool.get_nowait()
    except Empty:
        raise NoneIdle from None


def _idle_poller(connection: Any) -> Any:
    """What tells when the answer is there; None if nothing on this system can.

    Raises:
        NoneIdle: it is not open, or something is there to be read: an answer that nobody took, or its end.
    """
    if connection is None or (sock := connection._sock) is None or connection._is_silent:
        raise NoneIdle
    if connection.health_check_interval and time.monotonic() > connection.next_health_check:  # redis-py pings first
        raise NoneIdle
    if not hasattr(select, "poll"):  # on Windows, and with eventlet
        if connection.can_read():
            raise NoneIdle
        return None
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if poller.poll(0):
        raise NoneIdle
    return poller
