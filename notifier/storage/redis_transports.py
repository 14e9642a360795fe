"""kombu's transports to Redis, with channels that have a base of ours."""

from typing import Any

from kombu.transport import redis

from notifier.storage.idle_connection import READ_BYTES


class OneClient:
    """One client for each channel, where kombu makes one for each message. A base of channels.

    A client costs a sixth of ``.delay()`` to make, and holds nothing but its pool.
    """

    _client: Any = None

    def _connparams(self: Any, *args: Any, **options: Any) -> Any:
        """What its connections are built from, as kombu's; kombu has no option for this."""
        return super()._connparams(*args, **options) | {"socket_read_size": READ_BYTES}  # type: ignore[misc]

    def _create_client(self: Any, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]
        if self._client is None or self._client.connection_pool is not self.pool:  # kombu makes another after an error
            self._client = super()._create_client()  # type: ignore[misc]
        return self._client


def with_channel(base: type) -> dict[type, Any]:
    """Kombu's classes of transports, to one Redis and behind sentinels, and for each that with such channels."""
    return {theirs: _with_channel(base, theirs) for theirs in (redis.Transport, redis.SentinelTransport)}


def _with_channel(base: type, theirs: Any) -> Any:
    own = {"__module__": base.__module__}
    channel = type(theirs.Channel.__name__, (base, theirs.Channel), own)
    return type(theirs.__name__, (theirs,), {**own, "Channel": channel})
