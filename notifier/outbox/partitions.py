"""The partitions of the alert types: how many there are, and which webhook is asked for one of them."""

import time
from collections.abc import Sequence
from typing import cast

import redis

from notifier.models import AlertType
from notifier.routing import Partition
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.webhook import Webhook

FRESH_SECONDS = 30
"""Ours: so much later at most a process sweeps a new partition, which the worker that made it has swept before."""


def partitions_of(
    client: "redis.Redis", keys: Keys, alert_types: Sequence[AlertType] = tuple(AlertType)
) -> list[Partition]:
    """All partitions that may hold alerts, by type, in one round trip.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        pipeline = client.pipeline(transaction=False)
        for kind in alert_types:
            pipeline.hget(keys.outbox(kind, "partitions"), "most")
        found = cast("list[str | None]", pipeline.execute())
    return [
        Partition(kind, number)
        for kind, most in zip(alert_types, found, strict=True)
        for number in range(max(1, int(most or 1)))
    ]


class Partitions:
    """The same for a process that asks often.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._redis, self._keys = client, keys
        self._known: list[Partition] = []
        self._fresh_until = 0.0

    def of(self, alert_type: AlertType, least: int = 1) -> list[Partition]:
        """Those of one type, in order; so many at least."""
        if time.monotonic() >= self._fresh_until:
            self._known = partitions_of(self._redis, self._keys)
            self._fresh_until = time.monotonic() + FRESH_SECONDS
        most = sum(each.alert_type is alert_type for each in self._known)
        return [Partition(alert_type, number) for number in range(max(least, most))]


class Choice:
    """Which webhook of its type a claim for a partition asks for: its own first, then the next ones, in a circle."""

    def __init__(self, webhook: Webhook | None, further: Sequence[Webhook], partition: int) -> None:
        known = list(enumerate((webhook, *further)))
        first = partition % len(known)
        self._left = known[first:] + known[:first]
        self.left_out: list[str] = []
        """Ids of those that cannot be used."""

    @property
    def webhook(self) -> Webhook | None:
        """The one that is asked for now; None if the type has none here."""
        return self._left[0][1]

    @property
    def number(self) -> int:
        """Its place among the webhooks of the type."""
        return self._left[0][0]

    @property
    def others(self) -> list[Webhook]:
        """Those that may be asked for in its place."""
        return [webhook for _, webhook in self._left[1:] if webhook]

    def leave(self) -> None:
        """It cannot be used: take the next."""
        if (webhook := self._left.pop(0)[1]) is not None:
            self.left_out.append(webhook.id)

    def prefer(self, webhook_id: str) -> None:
        """Ask for that one of the others first."""
        self._left.sort(key=lambda each: each[1] is None or each[1].id != webhook_id)
