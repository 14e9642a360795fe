"""Something that the fleet does once in an interval."""

from typing import cast

import redis

from notifier.storage.connection import broker_errors


def begins_interval(client: "redis.Redis", key: str, seconds: float) -> bool:
    """Whether it is for this caller to do it: nobody has within so many seconds.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    milliseconds = max(1, round(seconds * 1_000))
    with broker_errors():
        if client.set(key, 1, nx=True, px=milliseconds):
            return True
        if cast("int", client.pttl(key)) > milliseconds:  # Redis' clock has stepped back
            client.pexpire(key, milliseconds)
        return False
