"""The look for outboxes in which something waits that no delivery task will come for: a trigger may be lost."""

from collections.abc import Sequence

import redis

from notifier.routing import Partition
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import script

LOOK_SECONDS = 1.0
"""Ours: how often a worker looks. A trigger counts as lost after a second, so it is noticed within two."""


class Overlooked:
    """Asks Redis once for all of them.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._keys = keys
        self._look = client.register_script(script("gate/clock.lua", "outbox/entry.lua", "outbox/overlooked.lua"))

    def among(self, outboxes: Sequence[Partition]) -> list[Partition]:
        """Those of these outboxes that a sweep has to see to."""
        parts = [
            self._keys.outbox(each, part) for each in outboxes for part in ("waiting", "delayed", "state", "wake_up")
        ]
        with broker_errors():
            found = self._look(keys=[], args=[self._keys.worker(""), *parts])
        return [outboxes[position - 1] for position in found]
