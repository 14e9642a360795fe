"""The outboxes as a whole: how much waits in each, since when, for what and until when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import redis

from notifier.models import AlertType
from notifier.operations.waiting import UNDER_WAY, held_by, wakes_at, why_later
from notifier.outbox.partitions import partitions_of
from notifier.outbox.record import iso
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys

DELAYED_SEEN = 50
"""Ours: of those that are due later, so many are looked at for the oldest."""
COUNTED_MAX = 200
"""Ours: bytes are counted of as many alerts of each set; of more they are estimated by these."""
STILL_SECONDS = 60
"""Ours: so long nothing may have come for what is due. A sweep looks every few seconds."""
OVERDUE = MICROSECONDS
"""A wake-up that is later was lost, or waits in a queue that nobody reads (sweep.lua)."""
FIELDS = ["admitted_at", "attempts", "collected_for", "trail", "incident"]


@dataclass(frozen=True, slots=True)
class OutboxState:
    """The outbox of one type. Times are ISO 8601 in UTC, by Redis' clock.

    Attributes:
        waiting: alerts that it holds: waiting, under way, and due later.
        bytes: what these take of NOTIFIER_MEMORY_BYTES_MAX, counted now.
        oldest_at: when the oldest was admitted of those that are not postponed, collected or held by quiet hours; None
            if there is none.
        why: what the next one waits for, in words; None if nothing waits.
        until: when the next wake-up comes for it, or when it is due; None if neither is known.
        stuck_since: since when nothing has come for what is due, nor will; None if it moves.
    """

    alert_type: AlertType
    waiting: int
    bytes: int
    oldest_at: str | None
    why: str | None
    until: str | None
    stuck_since: str | None = None


def outboxes(
    client: "redis.Redis", keys: Keys, alert_types: Sequence[AlertType] = tuple(AlertType)
) -> list[OutboxState]:
    """All outboxes, in five round trips. Those of a type with several webhooks are told as one.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now, partitions = clock(client), partitions_of(client, keys, alert_types)
        pipeline = client.pipeline(transaction=False)
        for each in partitions:
            waiting, delayed, in_flight, state, wake_up = keys.outbox_parts(each)
            for key in (in_flight, waiting, delayed):
                pipeline.zcard(key)
                pipeline.zrange(key, 0, COUNTED_MAX - 1, withscores=True)
            pipeline.hget(state, "held")
            pipeline.hget(state, "settled_at")
            pipeline.get(wake_up)
        answers = pipeline.execute()
        found = [_Found(*row) for row in zip(*[iter(answers)] * len(_Found.__annotations__), strict=True)]
        sizes = _sizes(client, keys, found)
        looked_at = _looked_at(client, keys, found)
    rows = zip(partitions, found, sizes, looked_at, strict=True)
    states = [_state(each.alert_type, row, size, fields, now) for each, row, size, fields in rows]
    return [_together([each for each in states if each.alert_type is kind]) for kind in alert_types]


def _together(states: Sequence[OutboxState]) -> OutboxState:
    """The partitions of one type as one: what is told is that of the one whose oldest alert waits longest."""
    first = min(states, key=lambda each: (each.why is None, each.oldest_at or "~"))
    stuck = [each.stuck_since for each in states if each.stuck_since]
    return replace(
        first,
        waiting=sum(each.waiting for each in states),
        bytes=sum(each.bytes for each in states),
        stuck_since=min(stuck, default=None),
    )


Row = tuple[str, float]


@dataclass(frozen=True, slots=True)
class _Found:
    """What Redis answers of one outbox, in order."""

    in_flight: int
    first_in_flight: list[Row]
    waiting: int
    first_waiting: list[Row]
    delayed: int
    first_delayed: list[Row]
    held: str | None
    settled_at: str | None
    wake_up: str | None

    @property
    def count(self) -> int:
        """All that it holds."""
        return self.in_flight + self.waiting + self.delayed

    @property
    def ids(self) -> list[str]:
        """Those that were read."""
        return [each for each, _ in (*self.first_in_flight, *self.first_waiting, *self.first_delayed)]

    @property
    def oldest_may_be(self) -> list[str]:
        """Those of which one is the oldest, the next ones first."""
        rows = (*self.first_in_flight[:1], *self.first_waiting[:1], *self.first_delayed[:DELAYED_SEEN])
        return [each for each, _ in rows]


def _sizes(client: "redis.Redis", keys: Keys, found: Sequence[_Found]) -> list[int]:
    pipeline: Any = client.pipeline(transaction=False)
    for each in found:
        for notification_id in each.ids:
            pipeline.hstrlen(keys.notification(notification_id), "message")
            pipeline.hstrlen(keys.notification(notification_id), "callbacks")
    lengths = iter(cast("list[int]", pipeline.execute()))
    counted = [sum(next(lengths) + next(lengths) for _ in each.ids) for each in found]
    return [
        round(size * each.count / len(each.ids)) if each.ids else 0
        for size, each in zip(counted, found, strict=True)
    ]  # fmt: skip


def _looked_at(client: "redis.Redis", keys: Keys, found: Sequence[_Found]) -> list[dict[str, dict[str, str]]]:
    pipeline: Any = client.pipeline(transaction=False)
    for each in found:
        for notification_id in each.oldest_may_be:
            pipeline.hmget(keys.notification(notification_id), FIELDS)
    values: Iterator[list[str | None]] = iter(pipeline.execute())
    return [
        {
            notification_id: {name: value for name, value in zip(FIELDS, next(values), strict=True) if value}
            for notification_id in each.oldest_may_be
        }
        for each in found
    ]


def _state(kind: AlertType, found: _Found, size: int, fields: dict[str, dict[str, str]], now: int) -> OutboxState:
    later = {each for each, due in found.first_delayed if due > now}
    waits = [
        float(each["admitted_at"])
        for notification_id, each in fields.items()
        if "admitted_at" in each and (notification_id not in later or int(each.get("attempts", 0)))
    ]
    why, until = _next(found, fields, now)
    oldest_at = iso(int(min(waits))) if waits else None
    stuck_since = _stuck_since(found, waits, now)
    stuck_at = iso(int(stuck_since)) if stuck_since else None
    return OutboxState(kind, found.count, size, oldest_at, why, iso(int(until)) if until > now else None, stuck_at)


def _stuck_since(found: _Found, waits: Sequence[float], now: int) -> float:
    """Since when nothing has come for what is due; 0: something has, or is under way."""
    is_due = found.waiting or any(at <= now for _, at in found.first_delayed)
    if not is_due or not waits or found.in_flight or wakes_at(found.wake_up) + OVERDUE > now:
        return 0
    since = max(min(waits), float(found.settled_at or 0))
    return since if now - since > STILL_SECONDS * MICROSECONDS else 0


def _next(found: _Found, fields: dict[str, dict[str, str]], now: int) -> tuple[str | None, float]:
    due = [each for each, at in found.first_delayed if at <= now]
    if found.waiting or due:
        return held_by(found.held, found.wake_up)
    if found.in_flight:
        return UNDER_WAY, 0
    if found.first_delayed:
        notification_id, at = found.first_delayed[0]
        return why_later(fields.get(notification_id, {})), at
    return None, 0
