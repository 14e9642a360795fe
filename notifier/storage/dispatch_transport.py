"""kombu's Redis transport for a caller: one client for each channel, where kombu makes one for each message."""

from typing import Any

from kombu.transport import redis

# the published types of kombu know little of its transports
_Channel: Any = redis.Channel
_SentinelChannel: Any = redis.SentinelChannel


class OneClient:
    """A base of channels. A client costs a sixth of ``.delay()`` to make, and holds nothing but its pool."""

    _client: Any = None

    def _create_client(self: Any, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]
        if self._client is None or self._client.connection_pool is not self.pool:  # kombu makes another after an error
            self._client = super()._create_client()  # type: ignore[misc]
        return self._client


class Channel(OneClient, _Channel):  # type: ignore[misc]
    """Of one Redis."""


class SentinelChannel(OneClient, _SentinelChannel):  # type: ignore[misc]
    """Of a Redis behind sentinels."""


class Transport(redis.Transport):
    """To one Redis."""

    Channel = Channel


class SentinelTransport(redis.SentinelTransport):
    """To a Redis behind sentinels."""

    Channel = SentinelChannel


OURS: dict[type, Any] = {redis.Transport: Transport, redis.SentinelTransport: SentinelTransport}
