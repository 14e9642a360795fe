"""Dead letters: notifications whose outcome is final and bad, kept until somebody replays them."""

import uuid
from typing import cast

import redis

from notifier import redis as names
from notifier.errors import NotificationNotFound
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.outbox import Outbox
from notifier.publisher import Publisher
from notifier.record import Record
from notifier.redis import broker_errors

REPLAYS = uuid.UUID("8f0c4c0e-55f4-5d0f-9a3b-0d7f1f3f6a11")
"""Ours: the namespace that an id and its replay's id share."""


class DeadLetters:
    """What could not be delivered, with its reason.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", outbox: Outbox, publisher: Publisher) -> None:
        self._redis = client
        self._outbox = outbox
        self._publisher = publisher

    def list(self, alert_type: AlertType | None = None, limit: int = 50) -> list[Record]:
        """Dead letters, newest first."""
        found: list[Record] = []
        for kind in [alert_type] if alert_type else list(AlertType):
            with broker_errors():
                ids = cast("list[str]", self._redis.zrevrange(names.dead_letters(kind), 0, limit - 1))
            found.extend(final for each in ids if (final := self._outbox.final(each)))
        return sorted(found, key=lambda each: each.get("finished_at", ""), reverse=True)[:limit]

    def replay(self, notification_id: str) -> str:
        """Send a dead letter again as a new notification, and return its id; the old record stays in the history.

        Raises:
            NotificationNotFound: there is no dead letter with this id.
            QueueFull: there is no room for it; it stays a dead letter.
        """
        dead = self._outbox.final(notification_id)
        if dead is None or not self._is_dead(dead):
            raise NotificationNotFound(f"no dead letter has the id {notification_id!r}")
        # the new id is derived, so a replay that is interrupted and repeated sends one alert, not two
        message = NotificationMessage.model_validate(
            {
                **dead["message"],
                "id": str(uuid.uuid5(REPLAYS, notification_id)),
                "metadata": {**dead["message"].get("metadata", {}), "replay_of": notification_id},
            }
        )
        self._publisher.hand_over(message, fold=False)
        with broker_errors():
            self._redis.zrem(names.dead_letters(message.alert_type), notification_id)
        return message.id

    def _is_dead(self, dead: Record) -> bool:
        with broker_errors():
            key = names.dead_letters(AlertType(dead["alert_type"]))
            return self._redis.zscore(key, dead["id"]) is not None
