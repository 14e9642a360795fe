"""A command on a pool's idle connection, without what redis-py does around each, which takes four times as long."""

import os
import select
import socket
from collections.abc import Iterable
from queue import Empty
from typing import Any

import redis

SHORT_BYTES = 64
"""Ours: of an answer that is looked at before redis-py reads it."""


class NoneIdle(Exception):
    """There is no connection that can be used as it is. Nothing was sent: redis-py's own way makes one."""


def packed(parts: Iterable[str | bytes | float]) -> bytes:
    """These in Redis' protocol, as parts of a command; its ``*`` and their count are not among it."""
    texts = [part if type(part) is bytes else str(part).encode() for part in parts]
    return b"".join([b"$%d\r\n%b\r\n" % (len(text), text) for text in texts])


def ask(pool: Any, command: bytes) -> Any:
    """The answer to a command in Redis' protocol.

    Args:
        pool: a ``BlockingConnectionPool``.
        command: whole.

    Raises:
        NoneIdle: nothing was sent.
        redis.RedisError: as in redis-py.
    """
    connection = _idle(pool)
    try:
        connection.send_packed_command([command])
        text = _short_text(connection._sock)
        return connection.read_response() if text is None else connection.encoder.decode(text)
    except redis.ResponseError:  # it was read whole
        raise
    except BaseException:  # a signal's handler may raise too: nobody may take this answer for that of another command
        connection.disconnect()
        raise
    finally:
        pool.pool.put_nowait(connection)


def _short_text(sock: Any) -> bytes | None:
    """Redis' answer, if it is one short text, as of most steps; else None: redis-py reads it, in ten times as long."""
    if type(sock) is not socket.socket:  # one of TLS cannot look ahead; one of gevent shall wait in its own way
        return None
    try:
        seen = sock.recv(SHORT_BYTES, socket.MSG_PEEK)
    except TimeoutError:
        raise redis.TimeoutError("Timeout reading from socket") from None
    except OSError as error:
        raise redis.ConnectionError(f"Error while reading from socket: {error.args}") from None
    length, _, text = seen.partition(b"\r\n")
    if length != b"$%d" % (len(text) - 2):
        return None
    sock.recv(len(seen))
    return text[:-2]


def _idle(pool: Any) -> Any:
    if pool.pid != os.getpid():  # redis-py makes new ones in a fork
        raise NoneIdle
    try:
        connection = pool.pool.get_nowait()
    except Empty:
        raise NoneIdle from None
    if connection is None or not _is_usable(connection):
        pool.pool.put_nowait(connection)
        raise NoneIdle
    return connection


def _is_usable(connection: Any) -> bool:
    """Whether it is open, and nothing is there to be read: neither an answer that nobody took, nor its end."""
    if (sock := connection._sock) is None:
        return False
    if not hasattr(select, "poll"):  # on Windows, and with eventlet
        return not connection.can_read()
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return not poller.poll(0)
