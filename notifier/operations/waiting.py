"""The alerts that wait: each with what it waits for, and until when."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.models import AlertType
from notifier.outbox.partitions import partitions_of
from notifier.outbox.payload import fields_of
from notifier.outbox.record import iso
from notifier.outcome import Reason
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys

SHOWN_MAX = 100
"""Ours: alerts of a type that are listed, unless more are asked for."""
POSTPONED = "postponed by its caller"
UNDER_WAY = "a request is under way"
TO_BE_SHOWN = "an edit of its incident's message"
NOBODY = "no worker has come for it"
UNTIL_MENDED = frozenset({Reason.GATE_CLOSED, Reason.WEBHOOK_NOT_CONFIGURED, Reason.WEBHOOK_QUARANTINED})
"""What somebody has to mend: the wake-ups only look whether it is."""
COLLECTED = {"grouping": "collected with others for one message", "quiet_hours": "held by quiet hours"}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One alert that waits. Times are ISO 8601 in UTC, by Redis' clock.

    ``why``: in words. ``until``: not posted before: it is due then, or its outbox is looked at again; None: as soon as
    what it waits for is over, or somebody has mended it.
    """

    id: str
    alert_type: str
    title: str
    admitted_at: str
    why: str
    until: str | None


@dataclass(frozen=True, slots=True)
class WaitingAlerts:
    """The outbox of one type. ``count``: of all that wait in it. ``shown``: the first of them, in order."""

    alert_type: AlertType
    count: int
    shown: tuple[Waiting, ...]


def waiting_alerts(
    client: "redis.Redis",
    keys: Keys,
    alert_types: Sequence[AlertType] = tuple(AlertType),
    *,
    shown_max: int = SHOWN_MAX,
) -> list[WaitingAlerts]:
    """What waits, by type: first what is under way, then what is next, then what is due later.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now = clock(client)
        return [_of_type(client, keys, kind, now, shown_max) for kind in alert_types]


def last_wait(log: str | None) -> tuple[float, str]:
    """What an outbox waits for, by its wait log (outbox.lua): since when (microseconds; 0: none is known), and why."""
    began, reason = json.loads(log)[-1] if log and log != "[]" else (0.0, "")
    return began, str(reason or NOBODY)


def held_by(log: str | None, wake_up: str | None) -> tuple[str, float]:
    """What an outbox waits for, in words, and until when (microseconds; 0: not known)."""
    reason = last_wait(log)[1]
    return reason.replace("_", " "), 0 if reason in UNTIL_MENDED else wakes_at(wake_up)


def wakes_at(wake_up: str | None) -> float:
    """When an outbox is looked at again (microseconds; 0: nothing is planned)."""
    return float((wake_up or "0").split()[-1])


def _of_type(client: "redis.Redis", keys: Keys, kind: AlertType, now: int, shown_max: int) -> WaitingAlerts:
    partitions = partitions_of(client, keys, [kind])
    pipeline = client.pipeline(transaction=False)
    for partition in partitions:
        waiting, delayed, in_flight, state, wake_up = keys.outbox_parts(partition)
        for key in (in_flight, waiting, delayed):
            pipeline.zrange(key, 0, shown_max - 1, withscores=True)
            pipeline.zcard(key)
        pipeline.hget(state, "held")
        pipeline.get(wake_up)
    count, rows = 0, list[tuple[int, float, str, str, float]]()
    for answers in zip(*[iter(pipeline.execute())] * 8, strict=True):
        count += sum(answers[1:6:2])
        rows += _rows(answers, now)
    due = sorted(rows, key=lambda each: each[:2])[:shown_max]
    pipeline = client.pipeline(transaction=False)
    for _, _, notification_id, *_ in due:
        pipeline.hgetall(keys.notification(notification_id))
    hashes = cast("list[dict[str, str]]", pipeline.execute())
    found = [pair for pair in zip(due, hashes, strict=True) if "message" in pair[1]]  # else it has ended meanwhile
    found.sort(key=lambda pair: (*pair[0][:2], float(pair[1].get("sequence", 0))))  # of a batch, all are due at once
    shown = tuple(
        _waiting(notification_id, kind, fields, reason or why_later(fields), until if until > now else 0)
        for (_, _, notification_id, reason, until), fields in found
    )
    return WaitingAlerts(kind, count, shown)


def _rows(answers: Sequence[Any], now: int) -> Iterator[tuple[int, float, str, str, float]]:
    """Those of one partition: in which set, and where in it; its id, why it waits ('': by its hash), until when."""
    in_flight, _, waiting, _, delayed, _, log, wakes = answers
    why, until = held_by(log, wakes)
    yield from ((0, place, each, UNDER_WAY, 0.0) for each, place in in_flight)
    yield from ((1, place, each, why, until) for each, place in waiting)
    yield from ((2, due, each, *((why, until) if due <= now else ("", due))) for each, due in delayed)


def waiting_alert(client: "redis.Redis", keys: Keys, notification_id: str) -> Waiting | None:
    """One alert, if it waits; ``until``: when its outbox is looked at again, or when it is due.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now, partitions = clock(client), partitions_of(client, keys)
        pipeline = client.pipeline(transaction=False)
        for partition in partitions:
            *sets, state, wake_up = keys.outbox_parts(partition)
            for each in sets:
                pipeline.zscore(each, notification_id)
            pipeline.hget(state, "held")
            pipeline.get(wake_up)
        answers, fields = pipeline.execute(), cast("dict[str, str]", client.hgetall(keys.notification(notification_id)))
    if "message" not in fields:
        return None
    for (kind, _), row in zip(partitions, zip(*[iter(answers)] * 5, strict=True), strict=True):
        waiting, due_at, in_flight, log, wakes = row
        if in_flight is not None:
            return _waiting(notification_id, kind, fields, UNDER_WAY, 0)
        if waiting is not None or (due_at is not None and due_at <= now):
            why, until = held_by(log, wakes)
            return _waiting(notification_id, kind, fields, why, until if until > now else 0)
        if due_at is not None:
            return _waiting(notification_id, kind, fields, why_later(fields), due_at)
    return None


def _waiting(notification_id: str, kind: AlertType, found: dict[str, str], why: str, until: float) -> Waiting:
    title = str((fields_of(found["message"]) or {}).get("title", "(unknown)"))
    admitted_at = iso(int(float(found.get("admitted_at", 0))))
    return Waiting(notification_id, kind.value, title, admitted_at, why, iso(int(until)) if until else None)


def why_later(found: Mapping[str, str]) -> str:
    """Why one is not due yet, by the fields of its hash."""
    if by := found.get("collected_for", "").partition(" ")[0]:
        return COLLECTED.get(by, by.replace("_", " "))
    events = json.loads(found.get("trail", "[]"))
    if int(found.get("attempts", 0)) and events and events[-1].get("reason"):
        return f"to be tried again: {str(events[-1]['reason']).replace('_', ' ')}"
    if events and events[-1]["step"] == "held":  # what goes as a message of its own is not collected
        return COLLECTED["quiet_hours"]
    return TO_BE_SHOWN if "incident" in found else POSTPONED
