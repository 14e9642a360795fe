"""Dead letters: notifications whose outcome is final and bad, kept until somebody replays or drops them."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, cast

import redis

from notifier.errors import NotificationNotFound
from notifier.models import REPLAY, AlertType, NotificationMessage
from notifier.operations.audit import Author
from notifier.operations.history import score
from notifier.outbox.payload import fields_of
from notifier.outbox.preparation import prepare
from notifier.outbox.progress import NO_PROGRESS, Progress, progress_of
from notifier.outbox.record import Record
from notifier.outbox.records import Records
from notifier.outcome import Reason, Status
from notifier.producer.publisher import Publisher
from notifier.settings import Settings
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys

REPLAYS = uuid.UUID("8f0c4c0e-55f4-5d0f-9a3b-0d7f1f3f6a11")
"""Ours: the UUID namespace from which the id of a replay is derived."""
OF_ONE_SENDING = frozenset({"id", "metadata"})
"""What a replay has of its own; nothing of it is posted."""
PAGE = 200
"""Records read in one round trip."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: those that match every part given. ``since``, ``until``: when they became dead letters."""

    alert_type: AlertType | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ALL = Selection()


class DeadLetters:
    """Lists, replays and drops dead letters.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings, records: Records, publisher: Publisher) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._history_life = round(settings.history_days * 86_400)
        self._records = records
        self._publisher = publisher

    def list(self, selection: Selection = ALL, limit: int | None = None) -> list[Record]:
        """Dead letters, newest first. Of long texts each has the beginnings, as in the history; ``get`` has all."""
        low, high = score(selection.since, "-inf"), score(selection.until, "+inf")
        rows: list[tuple[str, float]] = []
        for kind in [selection.alert_type] if selection.alert_type else list(AlertType):
            with broker_errors():
                found = self._redis.zrangebyscore(self._keys.dead_letters(kind), low, high, withscores=True)
            rows += cast("list[tuple[str, float]]", found)
        ids = [notification_id for notification_id, _ in sorted(rows, key=lambda row: -row[1])]
        fitting = (each for each in self._read(ids) if selection.reason in (None, each["reason"]))
        return list(islice(fitting, limit))

    def count(self, selection: Selection = ALL) -> int:
        """How many there are; only those with one reason have to be read for it."""
        if selection.reason is not None:
            return len(self.list(selection))
        low, high = score(selection.since, "-inf"), score(selection.until, "+inf")
        kinds = [selection.alert_type] if selection.alert_type else list(AlertType)
        with broker_errors():
            pipeline = self._redis.pipeline(transaction=False)
            for kind in kinds:
                pipeline.zcount(self._keys.dead_letters(kind), low, high)
            return sum(pipeline.execute())

    def get(self, notification_id: str) -> Record:
        """Return one dead letter, with all of its texts.

        Raises:
            NotificationNotFound: there is no dead letter with this id.
        """
        dead = self._records.get(notification_id)
        if dead is None or not self._is_dead(dead):
            raise NotificationNotFound(f"no dead letter has the id {notification_id!r}")
        return self._records.whole(dead)

    def replay(
        self, notification_id: str, changes: Mapping[str, Any] | None = None, author: Author | None = None
    ) -> str:
        """Send one again as a new notification and return its id. Each refers to the other; both stay in the history.

        One that goes as several messages, of which some are posted, goes on behind those: if nothing of it is changed,
        and they are in the channel to which it goes.

        Args:
            changes: fields of the message that are to be others, by name; None: without that field.
            author: who does it, for its life (``notifier explain``).

        Raises:
            NotificationNotFound: there is no dead letter with this id.
            InvalidMessage: with these fields it cannot be sent; it stays a dead letter.
            QueueFull: there is no room for it; it stays a dead letter.
        """
        dead = self.get(notification_id)
        fields = {**self._fields(dead), **(changes or {})}
        metadata = fields.get("metadata") or {}
        # the new id is derived, so a replay that is interrupted and repeated sends one alert, not two; from this death,
        # for an id that was refused may be sent again, and die again
        new_id = str(uuid.uuid5(REPLAYS, f"{notification_id} {dead['finished_at']}"))
        message = NotificationMessage(
            **{name: value for name, value in fields.items() if value is not None}
            | {
                "id": new_id,
                "metadata": {**(metadata if isinstance(metadata, Mapping) else {}), REPLAY: notification_id},
            }
        )
        message = prepare(message, self._settings)
        progress, is_doubtful = self._settled(dead, message)
        maybe_posted = is_doubtful or dead["status"] == Status.UNKNOWN
        self._publisher.submit_again(message, progress, maybe_posted=maybe_posted)
        self._take_out(dead, "replayed_as", message.id, author)
        return message.id

    def drop(self, notification_id: str, author: Author | None = None) -> None:
        """Drop one: it is no longer a dead letter, and stays in the history.

        Raises:
            NotificationNotFound: there is no dead letter with this id.
        """
        self._take_out(self.get(notification_id), "dropped", "1", author)

    def original(self, dead: Record) -> str | None:
        """The stored message of one that the worker that ended it could not read, whole; None if it could."""
        with broker_errors():
            return cast("str | None", self._redis.hget(self._keys.notification(dead["id"]), "original"))

    def _settled(self, dead: Record, message: NotificationMessage) -> tuple[Progress, bool]:
        """What is settled of it already: nothing, unless some parts are posted and the others fit behind them.

        And whether an earlier answer about the rest was lost.
        """
        with broker_errors():
            found = self._redis.hmget(self._keys.notification(dead["id"]), ["progress", "rerouted", "unknown"])
        text, elsewhere, unknown = cast("list[str | None]", found)
        progress = progress_of(text or "")
        is_in_reach = not elsewhere and dead["reason"] != Reason.UNKNOWN_CHANNEL
        goes_on = progress.part and is_in_reach and _is_unchanged(dead, message)
        return progress if goes_on else NO_PROGRESS, unknown is not None

    def _fields(self, dead: Record) -> dict[str, Any]:
        """The fields of its message, as they were given: they may be wrong ones, if no outbox took it."""
        if original := self.original(dead):
            return fields_of(original) or dead["message"]
        if "given" not in dead:
            return dead["message"]
        given = json.loads(dead["given"])
        # by name, if some were given by position: its worker has read them
        return {"alert_type": dead["alert_type"], **given.get("fields", given["kwargs"])}

    def _take_out(self, dead: Record, field: str, value: str, author: Author | None) -> None:
        with broker_errors():
            now = clock(self._redis)
            by = {"taken_out_by": str(author)} if author else {}
            pipeline = self._redis.pipeline()
            pipeline.hset(self._keys.notification(dead["id"]), mapping={field: value, "taken_out_at": now} | by)
            # it is history from here on
            pipeline.hdel(self._keys.notification(dead["id"]), "whole", "given", "original")
            for key in (self._keys.notification(dead["id"]), self._keys.result(dead["id"])):
                pipeline.expire(key, self._history_life)
            pipeline.zrem(self._keys.dead_letters(dead["alert_type"]), dead["id"])
            pipeline.execute()

    def _read(self, ids: Sequence[str]) -> Iterator[Record]:
        for start in range(0, len(ids), PAGE):
            yield from filter(None, self._records.read(ids[start : start + PAGE]))

    def _is_dead(self, dead: Record) -> bool:
        with broker_errors():
            return self._redis.zscore(self._keys.dead_letters(dead["alert_type"]), dead["id"]) is not None


def _is_unchanged(dead: Record, message: NotificationMessage) -> bool:
    now, before = message.model_dump(mode="json", exclude_defaults=True), dead["message"]
    return all(now.get(name) == before.get(name) for name in (now.keys() | before.keys()) - OF_ONE_SENDING)
