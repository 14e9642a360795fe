"""kombu's Redis transport for a worker: an entry that kombu can make no message of is set aside and ends nothing.

kombu parses an entry once Redis has given it away, outside every handler: an error there ends Celery's worker, and the
entry is gone. Here one that is raised before the message is held has the entry set aside.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty
from typing import Any

import kombu
from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from notifier.outbox.terms import TRIGGER_HEADER
from notifier.storage.redis_transports import OneClient, with_channel

logger = logging.getLogger(__name__)

# the published types of kombu know little of its transports
_QoS: Any = redis.QoS
_Unstored: Any = virtual.QoS


class QoS(_QoS):  # type: ignore[misc]
    """Gives back what workers held that are gone, unless it cannot be read.

    Of a trigger that runs at once Redis is not told that this worker holds it, which takes eight commands and, before
    the claim, a round trip. One that is lost with its worker is missed within two seconds (overlooked.py), and given
    back by kombu only after the visibility timeout.
    """

    def append(self, message: Any, delivery_tag: Any) -> None:
        """Hold a message until it is acknowledged."""
        check_where(message)
        try:
            (_Unstored if _is_trigger(message) else _QoS).append(self, message, delivery_tag)
        except Exception as error:  # of Redis, or of an entry that can just be read and not be written
            transport = self.channel.connection
            self.channel.is_read = isinstance(error, (*transport.connection_errors, *transport.channel_errors))
            raise
        self.channel.is_read = True

    def ack(self, delivery_tag: Any) -> None:
        """Hold it no more."""
        (_Unstored if self._is_trigger(delivery_tag) else _QoS).ack(self, delivery_tag)

    def _is_trigger(self, tag: Any) -> bool:
        message = self._delivered.get(tag)
        return message is not None and _is_trigger(message)

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Put one message back into its queue."""
        with self.channel.conn_or_acquire(client) as found:
            if self._is_trigger(tag):
                self._store(tag, found)
            held = found.hget(self.unacked_key, tag)
        if held is not None:
            try:
                self.channel.check_held(held)
            except Exception as error:  # whatever kombu would raise
                self.channel.set_aside("", held, error)
                self._remove_from_indices(tag).execute()
                return
        super().restore_by_tag(tag, client, leftmost)

    def _store(self, tag: Any, client: Any) -> None:
        """As kombu does, which puts back what Redis knows of; if that is away, this fails, and no title is logged."""
        message, where = self._delivered[tag], self._delivered[tag].delivery_info
        held = dumps([message._raw, where["exchange"], where["routing_key"]])
        with client.pipeline() as pipe:
            pipe.zadd(self.unacked_index_key, {tag: time.time()}).hset(self.unacked_key, tag, held).execute()


def check_where(message: Any) -> None:
    """Raises: TypeError, ValueError: a message could not be held, or put back."""
    where = message.delivery_info
    for name, value in (
        ("delivery_tag", message.delivery_tag),
        ("exchange", where["exchange"]),
        ("routing_key", where["routing_key"]),
    ):
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected a text")
        value.encode()  # JSON may have half a character, and no key of Redis


def _is_trigger(message: Any) -> bool:
    """Whether its alert is in the outbox, and it runs at once."""
    headers = message.headers
    return isinstance(headers, dict) and headers.get(TRIGGER_HEADER) is True and not headers.get("eta")


class CheckedChannel(OneClient):
    """Sets aside what kombu can make no message of. A base of channels."""

    entry: tuple[str, bytes] = ("", b"")
    """The queue and the entry that are being delivered."""
    is_read = True
    """Whether kombu has made a message of it."""
    QoS = QoS

    def _create_client(self, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)
        client.set_response_callback("BRPOP", self._note_entry)
        return client

    def _connparams(self: Any, *args: Any, **options: Any) -> Any:
        """As kombu's, which on a closed channel ends the worker, or takes each message for one that cannot be read."""
        if self.exchange_types is None or self.connection.client is None:
            raise ConnectionError("the connection that the message came by is closed")
        return super()._connparams(*args, **options)

    def close(self: Any) -> None:
        """As kombu's, which breaks off where Redis is gone: it reads an answer first, and puts back what it holds."""
        for _ in range(2):  # the second time it waits for no answer
            with suppress(*self.connection_errors):
                super().close()  # type: ignore[misc]
        self._disconnect_pools()  # to put something back, kombu has made new ones
        self._close_clients()

    def _note_entry(self: Any, response: Any, **_: Any) -> Any:
        """Redis' answer to BRPOP."""
        if response:
            self.entry, self.is_read = (bytes_to_str(response[0]).rsplit(self.sep, 1)[0], response[1]), False
        return response

    def _brpop_read(self: Any, **options: Any) -> Any:
        """As kombu's, but for what it can make no message of."""
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except Exception as error:
            if self.is_read:  # or nothing was found
                raise
            self.set_aside(*self.entry, error)
            raise Empty from None
        finally:
            self.is_read = True  # also what is not to be acknowledged, and so held by nobody

    def _receive_one(self: Any, client: Any) -> Any:
        """Read one broadcast, which is remote control or an event and no alert's. What cannot be read is dropped."""
        try:
            return super()._receive_one(client)  # type: ignore[misc]
        except (Empty, *self.connection_errors, *self.connection.channel_errors):
            raise
        except Exception:  # it would end the worker
            logger.warning("a broadcast of remote control or of events cannot be read and is dropped", exc_info=True)
            raise Empty from None

    def check_held(self: Any, held: bytes) -> None:
        """Raises anything: kombu could not put back what a worker held, or would put it nowhere."""
        payload, exchange, routing_key = loads(bytes_to_str(held))
        check_where(self.Message(payload, channel=self))
        if not isinstance(payload.get("headers", {}), dict):
            raise TypeError("headers: expected an object")
        if not any(self._lookup(exchange, routing_key)):
            raise LookupError(f"no queue is bound to exchange {exchange!r} by {routing_key!r}")

    def set_aside(self: Any, queue: str, entry: bytes, error: Exception) -> None:
        """Hand an entry over to the worker."""
        self.connection.client.set_aside(queue, entry, error)


CHECKED = with_channel(CheckedChannel)


class Connection(kombu.Connection):
    """A worker's: through these transports where the broker is a Redis."""

    def get_transport_cls(self) -> Any:
        """The class that its URL asks for, or ours in its place."""
        found = super().get_transport_cls()
        return CHECKED.get(found, found)

    def _ensure_connection(self, *args: Any, callback: Callable[[], object] | None = None, **options: Any) -> Any:
        """As kombu's, which calls ``callback`` each second while it waits for the broker."""

        def each_second() -> None:
            self.waits()
            if callback is not None:
                callback()

        return super()._ensure_connection(*args, callback=each_second, **options)  # type: ignore[misc]

    def waits(self) -> None:
        """Called each second while there is no connection."""
        raise NotImplementedError

    def set_aside(self, queue: str, entry: bytes, error: Exception) -> None:
        """Take over an entry that kombu cannot read; ``queue`` is empty if nothing says where it was."""
        raise NotImplementedError
