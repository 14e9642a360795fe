"""kombu's transports to Redis, with channels that have a base of ours."""

from typing import Any

from kombu.transport import redis


def with_channel(base: type) -> dict[type, Any]:
    """Kombu's classes of transports, to one Redis and behind sentinels, and for each that with such channels."""
    return {theirs: _with_channel(base, theirs) for theirs in (redis.Transport, redis.SentinelTransport)}


def _with_channel(base: type, theirs: Any) -> Any:
    own = {"__module__": base.__module__}
    channel = type(theirs.Channel.__name__, (base, theirs.Channel), own)
    return type(theirs.__name__, (theirs,), {**own, "Channel": channel})
