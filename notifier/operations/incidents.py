"""The incidents: alerts with the same key, and the message that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import redis

from notifier.models import AlertType
from notifier.outbox.record import iso
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys

PAGE = 500


@dataclass(frozen=True, slots=True)
class IncidentInfo:
    """One incident. Times are ISO 8601 in UTC, by Redis' clock.

    ``title``: what its message shows now. ``state``: ``open``, ``resolved``, or ``over``: none came for its seconds,
    and nobody resolved it. ``flaps``: how often it came again after it was resolved. ``waits``: something of it is
    still to be shown. ``reminders``: how many were raised.
    """

    alert_type: str
    key: str
    title: str
    state: str
    count: int
    opened_at: str
    last_at: str
    resolved_at: str | None
    flaps: int
    waits: bool
    reminders: int
    escalated_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    acknowledged_why: str | None
    message_id: str | None
    link: str | None


def incidents(
    client: "redis.Redis", keys: Keys, alert_types: Sequence[AlertType] = tuple(AlertType), *, only_open: bool = False
) -> list[IncidentInfo]:
    """Those of the last 30 days and not more than 2,000 of a type, the last heard of first.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now = clock(client)
        found = [each for kind in alert_types for each in _of_type(client, keys, kind, now)]
    return [
        each
        for _, each in sorted(found, reverse=True, key=lambda pair: pair[0])
        if each.state == "open" or not only_open
    ]


def count_open(client: "redis.Redis", keys: Keys) -> dict[AlertType, int]:
    """How many are open, by type.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now = clock(client)
        pipeline = client.pipeline(transaction=False)
        for kind in AlertType:
            pipeline.zrange(keys.incidents(kind), 0, -1)
        digests = cast("list[list[str]]", pipeline.execute())
        pipeline = client.pipeline(transaction=False)
        for kind, listed in zip(AlertType, digests, strict=True):
            for digest in listed:
                pipeline.hmget(keys.incident(kind, digest), ["state", "seen_at", "seconds"])
        states = iter(cast("list[list[str | None]]", pipeline.execute()))
    return {
        kind: sum(_is_open(now, *next(states)) for _ in listed)
        for kind, listed in zip(AlertType, digests, strict=True)
    }  # fmt: skip


def _is_open(now: int, state: str | None, seen_at: str | None, seconds: str | None) -> bool:
    return state == "open" and now - float(seen_at or 0) < float(seconds or 0)


def _of_type(client: "redis.Redis", keys: Keys, kind: AlertType, now: int) -> list[tuple[float, IncidentInfo]]:
    digests = cast("list[str]", client.zrange(keys.incidents(kind), 0, -1))
    found = []
    for start in range(0, len(digests), PAGE):
        pipeline = client.pipeline(transaction=False)
        for digest in digests[start : start + PAGE]:
            pipeline.hgetall(keys.incident(kind, digest))
        hashes = cast("list[dict[str, str]]", pipeline.execute())
        found += [(float(each["seen_at"]), _info(each, now)) for each in hashes if "seen_at" in each]
    return found


def _info(found: dict[str, str], now: int) -> IncidentInfo:
    state = found["state"]
    if state == "open" and not _is_open(now, state, found["seen_at"], found["seconds"]):
        state = "over"
    return IncidentInfo(
        alert_type=found["type"],
        key=found["key"],
        title=found.get("shown_title") or found["title"],
        state=state,
        count=int(found["count"]),
        opened_at=_iso(found["opened_at"]),
        last_at=_iso(found["last_at"]),
        resolved_at=_iso(found["resolved_at"]) if state == "resolved" else None,
        flaps=int(found.get("flaps", 0)),
        waits=bool(found.get("waiting")),
        reminders=int(found.get("reminders", 0)),
        escalated_at=_iso(found["escalated_at"]) if "escalated_at" in found else None,
        acknowledged_at=_iso(found["acknowledged_at"]) if "acknowledged_at" in found else None,
        acknowledged_by=found.get("acknowledged_by"),
        acknowledged_why=found.get("acknowledged_why") or None,
        message_id=found.get("message_id"),
        link=found.get("link"),
    )


def _iso(microseconds: str) -> str:
    return iso(int(float(microseconds)))
