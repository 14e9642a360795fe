"""Puts an unreadable entry back into its queue: for a worker that can read it by now."""

import base64
import json
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.outbox.unreadable import Unreadable, UnreadableEntries
from notifier.storage.broker import dispatch_connection

KEPT_PROPERTIES = ("correlation_id", "delivery_mode", "message_id", "priority", "reply_to", "timestamp", "type")
"""Of AMQP's properties those that a message has before it is sent."""


def put_back(app: Celery, entries: UnreadableEntries, entry: Unreadable, timeout_seconds: float) -> None:
    """Put one back as it was. A worker that cannot read it sets it aside again, as another entry.

    Args:
        timeout_seconds: for each step of the connection to the broker.

    Raises:
        InvalidMessage: it is not kept whole, nothing says which queue it was in, or it cannot travel there.
        BrokerUnavailable: the broker or Redis did not answer.
        NotificationNotFound: somebody else has dropped it or put it back.
    """
    if not entry.is_whole or not entry.queue:
        raise InvalidMessage("only a part of it is kept" if entry.queue else "it is not known which queue it was in")
    with dispatch_connection(app, timeout_seconds) as connection:
        # Any: the published types of kombu know little of a channel and its errors
        broken: Any = (OperationalError, *connection.connection_errors, *connection.channel_errors)
        try:
            channel: Any = connection.default_channel
            if connection.transport.driver_type == "redis":
                channel.client.lpush(entry.queue, entry.raw)
            else:
                connection.Producer().publish(exchange="", routing_key=entry.queue, **_message(entry.raw))
        except broken as error:
            raise BrokerUnavailable(f"the broker did not take it ({type(error).__name__})") from None
    entries.drop(entry.id)


def _message(raw: bytes) -> dict[str, Any]:
    """The message that was set aside, for a broker which is no Redis."""
    try:
        envelope = json.loads(raw)
        properties = envelope["properties"]
        return {
            "body": base64.b64decode(envelope["body"]),
            **{name: envelope[name.replace("_", "-")] for name in ("content_type", "content_encoding")},
            "headers": envelope["headers"],
            **{name: properties[name] for name in KEPT_PROPERTIES if name in properties},
        }
    except (KeyError, TypeError, ValueError):
        raise InvalidMessage("it is no message that this broker could carry") from None
