"""The life of one alert, step by step, from what the outbox keeps of it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis

from notifier.errors import NotificationNotFound
from notifier.models import AlertType
from notifier.outcome import Status
from notifier.render.notes import duration
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys

MICROSECONDS = 1_000_000
SOON_SECONDS = 0.05
"""Waits shorter than this are not worth a word."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when (UTC, Redis' clock), and what happened in words."""

    at: datetime
    what: str


def explain(client: "redis.Redis", keys: Keys, notification_id: str) -> list[Step]:
    """What became of a notification so far, in order. At most some 80 steps; of a longer story the middle is missing.

    Raises:
        NotificationNotFound: this id was never admitted, or is forgotten by now.
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        found = cast("dict[str, str]", client.hgetall(keys.notification(notification_id)))
    if "admitted_at" not in found:
        raise NotificationNotFound(f"no alert has the id {notification_id!r} (or it is forgotten by now)")
    record: dict[str, Any] = json.loads(found.get("record", "{}"))
    message: dict[str, Any] = record.get("message") or json.loads(found["message"])
    kind = AlertType(message.get("alert_type", AlertType.GENERAL))
    spooled = float(found.get("spooled", 0))
    here = _at(float(found["admitted_at"]) + spooled)
    steps = [Step(here, f'admitted as {kind}: "{message["title"]}"')]
    if spooled:
        steps = [
            Step(_at(found["admitted_at"]), "spooled by its caller: broker unavailable"),
            Step(here, f"handed over after {duration(spooled / MICROSECONDS)}"),
            *steps,
        ]
    trail: list[dict[str, Any]] = json.loads(found.get("trail", "[]"))
    for each in trail:
        steps += _steps(each, record)
    if record.get("status") == Status.FOLDED:
        steps = [Step(here, f'met a full outbox as {kind}: "{message["title"]}"'), Step(here, "folded into a digest")]
    if original := message.get("metadata", {}).get("replay_of"):
        steps.insert(0, Step(steps[0].at, f"replay of {original}"))
    if "taken_out_at" in found:
        fate = f"replayed as {found['replayed_as']}" if "replayed_as" in found else "dropped from the dead letters"
        steps.append(Step(_at(found["taken_out_at"]), fate))
    if not record:
        rerouted = [each["to"] for each in trail if each.get("to")]
        steps += _still_waiting(client, keys, AlertType(rerouted[-1]) if rerouted else kind, steps[-1].at)
    return steps


def _at(microseconds: str | float) -> datetime:
    return datetime.fromtimestamp(float(microseconds) / MICROSECONDS, UTC)


def _steps(told: dict[str, Any], record: dict[str, Any]) -> list[Step]:
    at, reason = _at(told["at"]), str(told.get("reason") or "").replace("_", " ")
    detail = f" ({told['detail']})" if told.get("detail") else ""
    match told["step"]:
        case "batch":
            waits = [
                Step(at, f"had waited {duration(spell / MICROSECONDS)}: {word.replace('_', ' ')}")
                for word, spell in dict(told["waited"]).items()
                if spell > SOON_SECONDS * MICROSECONDS
            ]
            company = f" with {told['with']} others" if told["with"] > 1 else " with one other" if told["with"] else ""
            return [*waits, Step(at, f"carried{company}")]
        case "blocked":
            return [Step(at, f"held back: {reason}")]
        case "abandoned":
            return [Step(at, "its worker was lost with the request under way")]
        case "retry_later" | "retry":
            return [Step(at, f"{reason}{detail}; again in {duration(told['wait'] / MICROSECONDS)}")]
        case "failover" | "reroute":
            return [Step(at, f"{reason}{detail}; goes to {told['to']}")]
        case "requeue" | "again":
            return [Step(at, f"{reason}{detail}; again as soon as the gate lets it")]
        case _:
            where = record.get("link") or record.get("message_id") or ""
            ending = f"{told['status']}{': ' if reason or where else ''}{reason or where}{detail}"
            return [Step(at, ending)]


def _still_waiting(client: "redis.Redis", keys: Keys, kind: AlertType, since: datetime) -> list[Step]:
    with broker_errors():
        now = clock(client)
        held = json.loads(cast("str | None", client.hget(keys.outbox(kind, "state"), "held")) or "[]")
    last = max(_at(held[-1][0]), since) if held else since
    why = str(held[-1][1] if held and held[-1][1] else "no worker has come for it").replace("_", " ")
    return [Step(_at(now), f"still waiting, for {duration((_at(now) - last).total_seconds())}: {why}")]
