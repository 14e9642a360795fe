"""What hangs on notifications that have ended, until it is called."""

from collections.abc import Collection

import redis

from notifier.gate.gate import GATE_SCRIPTS, microseconds
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

LEASE_SECONDS = 15.0
"""Ours: how long a worker has to call what hangs on an alert, before a sweep does."""
LOOK_SECONDS = 60.0
"""Ours: how often a sweep looks whether an alert that waits, and on which something hangs, has ended."""
PAGE = 50
"""Ours: notifications that one sweep takes."""


class PendingCallbacks:
    """Callbacks by the id of their notification.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._take = atomic_step(client, script(*GATE_SCRIPTS, "outbox/take_callbacks.lua"))

    def take(self) -> dict[str, str]:
        """Lease some whose worker did not call them in time: JSON (producer/callbacks.py) by id."""
        with broker_errors():
            flat = self._take(
                keys=[self._keys.callbacks],
                args=[self._keys.notification(""), microseconds(LEASE_SECONDS), microseconds(LOOK_SECONDS), PAGE],
            )
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def renew(self, notification_id: str) -> None:
        """Lease one that is being called for longer."""
        with broker_errors():
            until = clock(self._redis) + microseconds(LEASE_SECONDS)
            self._redis.zadd(self._keys.callbacks, {notification_id: until}, xx=True)

    def called(self, notification_ids: Collection[str]) -> None:
        """They are called: nobody else needs to."""
        with broker_errors():
            pipeline = self._redis.pipeline()
            pipeline.zrem(self._keys.callbacks, *notification_ids)
            for each in notification_ids:
                pipeline.hdel(self._keys.notification(each), "callbacks")
            pipeline.execute()
