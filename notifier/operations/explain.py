"""The steps of one alert in order, from its events and its record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from typing import Any, cast

import redis

from notifier.counting import counted
from notifier.errors import NotificationNotFound
from notifier.gate.machines import Machines
from notifier.models import REPLAY, AlertType
from notifier.operations.events import events_of
from notifier.operations.incident_life import incident_of, life_of
from notifier.operations.waiting import UNDER_WAY, last_wait, why_later
from notifier.outbox.payload import fields_of
from notifier.outbox.record import Record
from notifier.outbox.records import Records
from notifier.outbox.withdrawals import MAYBE_POSTED
from notifier.outcome import Fault, Reason, Status, reasons_of
from notifier.render.notes import duration
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys

TWICE = "it may be in the channel twice: the answer to an earlier request was lost"
SOON_SECONDS = 0.05
"""Ours: shorter waits are left out."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when (UTC, Redis' clock), and what happened in words."""

    at: datetime
    what: str


def steps_as_json(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The steps of one alert's life, for programs."""
    return [{"at": step.at.isoformat(timespec="microseconds"), "what": step.what} for step in steps]


def explain(client: "redis.Redis", keys: Keys, records: Records, notification_id: str) -> list[Step]:
    """Return what became of a notification so far, in order: at most about 80 steps, else the middle is left out.

    Raises:
        NotificationNotFound: this id was never admitted nor refused, or its record has expired.
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        found = cast("dict[str, str]", client.hgetall(keys.notification(notification_id)))
    record = records.get(notification_id)
    if record is None and "message" not in found:
        raise NotificationNotFound(f"no alert has the id {notification_id!r} (or it is forgotten by now)")
    if record is not None and "admitted_at" not in found:
        return [_refusal(record), *_afterwards(found)]
    # a later version may have written them
    message: dict[str, Any] = (record.get("message") if record else fields_of(found["message"])) or {}
    kind = str(message.get("alert_type", AlertType.GENERAL))
    events = events_of(found)
    incident = incident_of(client, keys, message, float(found["admitted_at"]))
    counted_by = incident.get("link") or incident.get("message_id")
    if record is not None and record["status"] == Status.FOLDED:
        counted_by = _digest(client, keys, kind, record)
    steps = _beginning(found, record, kind, message, events, counted_by)
    for event in _in_order(events):
        steps += _steps(event, record)
    if record is not None and record.get("maybe_posted"):
        steps.append(Step(steps[-1].at, TWICE if record["success"] else MAYBE_POSTED))
    steps += _afterwards(found)
    # its own steps are in order already, whatever its clocks have done since
    steps = list(merge(steps, (Step(_at(at), what) for at, what in life_of(incident)), key=lambda each: each.at))
    if record is None:
        kind = next((event["to"] for event in reversed(events) if event.get("to")), kind)
        if number := found.get("partition"):
            kind = f"{kind}.{number}"
        # what its outbox waits for is none of its business before it is due
        if postponed := _still_postponed(client, keys, kind, notification_id, found):
            return [*steps, postponed]
        *claimed, last = _still_waiting(client, keys, kind, notification_id, steps[-1].at)
        steps = [*merge(steps, claimed, key=lambda each: each.at), last]
    return steps


def _in_order(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A claim before the revoke that came too late for it: it is noted as its batch ends (claimed.lua)."""
    ordered: list[dict[str, Any]] = []
    for event in events:
        revoked_at = ordered[-1]["at"] if ordered and ordered[-1].get("status") == "not withdrawn" else 0
        is_behind = event["step"] == "batch" and event["at"] < revoked_at
        ordered.insert(len(ordered) - is_behind, event)
    return ordered


def _digest(client: "redis.Redis", keys: Keys, kind: str, record: Record) -> str | None:
    """The digest that counts it. None: it is not known, for workers of version 0.2 give it another id."""
    if "digest" not in record:
        return None
    with broker_errors():
        if client.exists(keys.notification(record["digest"])):
            return record["digest"]
        is_to_come = client.hget(keys.outbox(kind, "digest"), "id") == record["digest"]
    return f"{record['digest']}, which waits for room" if is_to_come else None


def _refusal(record: Record) -> Step:
    reason = str(record["reason"]).replace("_", " ")
    return Step(datetime.fromisoformat(record["finished_at"]), f"refused: {reason} ({record['detail']})")


def _beginning(
    found: Mapping[str, str],
    record: Record | None,
    kind: str,
    message: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    counted_by: str | None,
) -> list[Step]:
    spooled, title = float(found.get("spooled", 0)), message.get("title", "(unknown)")
    here = _at(float(found["admitted_at"]) + spooled)
    if record is not None and record["status"] == Status.FOLDED:
        steps = [
            Step(here, f'met a full outbox as {kind}: "{title}"'),
            Step(here, "folded into a digest" + (f": {counted_by}" if counted_by else "")),
        ]
    elif record is not None and record["status"] in INCIDENT:
        where = record["link"] or record["message_id"] or counted_by or "that is to come"
        steps = [
            Step(here, f'came as {kind}: "{title}"'),
            Step(here, INCIDENT[record["status"]].format(where=where, detail=record["detail"])),
        ]
    else:
        steps = [Step(here, f'admitted as {kind}: "{title}"')]
    if spooled:
        steps = [
            Step(_at(found["admitted_at"]), "spooled by its caller: broker unavailable"),
            Step(here, f"handed over after {duration(spooled / MICROSECONDS)}"),
            *steps,
        ]
    if "not_before" in found and all(event["step"] != "held" for event in events):
        why = why_later({**found, "attempts": "0", "trail": "[]"})  # at first
        steps.append(Step(here, f"waits until {_clock(found['not_before'])}: {why}"))
    if original := message.get("metadata", {}).get(REPLAY):
        steps.insert(0, Step(steps[0].at, f"replay of {original}"))
    return steps


def _afterwards(found: Mapping[str, str]) -> list[Step]:
    if "taken_out_at" not in found:
        return []
    taken_out = f"replayed as {found['replayed_as']}" if "replayed_as" in found else "dropped from the dead letters"
    by = f" {found['taken_out_by']}" if "taken_out_by" in found else ""
    return [Step(_at(found["taken_out_at"]), taken_out + by)]


def _steps(event: Mapping[str, Any], record: Record | None) -> list[Step]:
    at, step = _at(event["at"]), EVENTS_0_1.get(event["step"], event["step"])
    reason = str(event.get("reason") or "").replace("_", " ")
    detail = f" ({event['detail']})" if event.get("detail") else ""
    if step == "batch":
        return [*_waits(at, event["waited"]), Step(at, f"carried{_others(event['with'])}")]
    if step == "requeue" and event.get("reason") == Reason.NEWER_VERSION:
        return [Step(at, "left to a worker of a later version: this one could not read it")]
    if step == "held":
        return [Step(at, f"held by quiet hours {event.get('detail')}")]
    if step == "resumed":
        return [Step(at, f"goes on after part {event['detail']}, which is posted")]
    if step == "continue" and not reason:
        return [Step(at, f"posted: {event.get('detail')}")]
    if step in WORDS:
        wait = duration(event.get("wait", 0) / MICROSECONDS)
        return [Step(at, WORDS[step].format(reason=reason, detail=detail, wait=wait, to=event.get("to")))]
    if "status" not in event:  # of a later version
        return [Step(at, f"{step}: {reason}{detail}" if reason else f"{step}{detail}")]
    return [Step(at, _ending(event["status"], record, event.get("detail", ""), reason))]


def _waits(at: datetime, waited: Mapping[str, float]) -> list[Step]:
    return [
        Step(at, f"had waited {duration(wait / MICROSECONDS)}: {reason.replace('_', ' ')}")
        for reason, wait in dict(waited).items()
        if wait > SOON_SECONDS * MICROSECONDS
    ]


def _others(count: int) -> str:
    return f" with {counted(count, 'other')}" if count else ""


INCIDENT = {
    Status.REPEATED.value: "counted in the message of its incident: {where}",
    Status.SILENCED.value: "silenced: {detail}",
    Status.NOT_OPEN.value: "nothing to end: no incident with its key is open",
}
"""What became of alerts that have no message of their own."""
WORDS = {
    "refused": "refused: {reason}",
    "blocked": "held back: {reason}",
    "abandoned": "its worker was lost with the request under way",
    "retry_later": "{reason}{detail}; again in {wait}",
    "failover": "{reason}{detail}; goes to {to}",
    "continue": "{reason}{detail}; goes on",
    "requeue": "{reason}{detail}; again as soon as the gate lets it",
}
"""The text of each event, except claims and endings."""
EVENTS_0_1 = {"retry": "retry_later", "reroute": "failover", "again": "requeue"}
"""The names of events in version 0.1."""


def _ending(status: str, record: Record | None, detail: str, reason: str = "") -> str:
    where = (record["link"] or record["message_id"] or "") if record else ""
    why = reason or (str(record["reason"] or "").replace("_", " ") if record else "")
    said = why or where
    return f"{status}{': ' if said else ''}{said}" + (f" ({detail})" if detail else "")


def _at(microseconds: str | float) -> datetime:
    return datetime.fromtimestamp(float(microseconds) / MICROSECONDS, UTC)


def _clock(microseconds: str | float) -> str:
    return f"{_at(microseconds):%Y-%m-%d %H:%M:%S} UTC"


def _still_postponed(
    client: "redis.Redis", keys: Keys, kind: str, notification_id: str, found: Mapping[str, str]
) -> Step | None:
    with broker_errors():
        now = clock(client)
        due_at = client.zscore(keys.outbox(kind, "delayed"), notification_id)
    left = float(cast("float | None", due_at) or found.get("not_before") or 0) - now
    if left <= 0:
        return None
    wait = duration(left / MICROSECONDS)
    why = why_later(found)
    if "collected_for" in found:
        others = _collected_for(client, keys, kind, found["collected_for"]) - 1
        why += f" ({counted(others, 'other') if others else 'alone'} so far)"
    return Step(_at(now), f"still waiting, for another {wait}: {why}")


def _collected_for(client: "redis.Redis", keys: Keys, kind: str, group: str) -> int:
    """How many wait for the same message."""
    with broker_errors():
        pipeline = client.pipeline(transaction=False)
        for each in cast("list[str]", client.zrange(keys.outbox(kind, "delayed"), 0, -1)):
            pipeline.hget(keys.notification(each), "collected_for")
        return pipeline.execute().count(group)


def _still_waiting(client: "redis.Redis", keys: Keys, kind: str, notification_id: str, since: datetime) -> list[Step]:
    with broker_errors():
        now = clock(client)
        if client.zscore(keys.outbox(kind, "in_flight"), notification_id) is not None:
            return _under_way(client, keys, kind, now)
        began, reason = last_wait(cast("str | None", client.hget(keys.outbox(kind, "state"), "held")))
    last = max(_at(began), since) if began else since
    why = reason.replace("_", " ") + _at_fault(client, keys, reason)
    return [Step(_at(now), f"still waiting, for {duration(max(0.0, (_at(now) - last).total_seconds()))}: {why}")]


def _under_way(client: "redis.Redis", keys: Keys, kind: str, now: int) -> list[Step]:
    """Who has it, and until when. That it was claimed becomes an event of its own as its batch ends (claimed.lua)."""
    state = client.hmget(keys.outbox(kind, "state"), ["batch", "lease_until", "worker", "claimed"])
    batch, lease_until, worker, claimed = cast("list[str | None]", state)
    if not lease_until:
        return [Step(_at(now), UNDER_WAY)]
    held = cast("str | None", client.hget(keys.fleet(kind), worker)) if worker else None
    by = f" by {json.loads(held)['node'] if held else worker}" if worker else ""
    lease = f"; leased until {_clock(lease_until)} at the latest"
    token, at, others = (claimed or "").split() or ("", "", "")
    if token != batch:  # taken over, or of version 0.2, which has made it an event already
        return [Step(_at(now), UNDER_WAY + by + lease)]
    return [Step(_at(at), f"claimed{by}{_others(int(others))}{lease}"), Step(_at(now), UNDER_WAY)]


def _at_fault(client: "redis.Redis", keys: Keys, reason: str) -> str:
    """What is to be repaired where, if a machine is at fault."""
    if reason not in reasons_of(Fault.MACHINE):
        return ""
    faults = [f"{fault.machine}: {fault.detail}" for fault in Machines(client, keys).faults() if fault.reason == reason]
    return f" ({'; '.join(faults)})" if faults else ""
