"""What a caller of the soak raises: every kind of alert, chosen by a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.hostile_values import NAUGHTY

KINDS = {
    "plain": 60,
    "burst": 1,
    "attached": 3,
    "split": 1,
    "file": 2,
    "incident": 10,
    "callback": 4,
    "postponed": 4,
    "withdrawn": 3,
    "hostile": 3,
}
"""How often each kind comes, as weights."""
TYPES = {"general": 8, "error": 4, "critical": 2, "tracklist": 4, "monitoring": 3, "security": 1}
BURST = 90
"""Above ``DISCORD_QUEUE_SIZE`` of the stage, so that some are folded."""


CALLBACK_TYPE = "monitoring"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``terms``: options of ``apply_async``; ``callback``: the id of the alert that hangs on it."""

    id: str
    kind: str
    alert_type: str
    fields: dict[str, Any]
    terms: dict[str, Any] = field(default_factory=dict)
    callback: str = ""


def alerts(name: str, seed: int) -> Iterator[Alert]:
    """Alerts without an end; the same for the same name and seed."""
    dice, number = Random(f"{seed}/{name}"), 0
    while True:
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        alert_type = dice.choices(list(TYPES), list(TYPES.values()))[0]
        for each in [kind] if kind != "burst" else ["burst"] * BURST:
            number += 1
            yield _alert(each, f"soak-{name}-{number}", alert_type, dice)


def _alert(kind: str, alert_id: str, alert_type: str, dice: Random) -> Alert:
    fields: dict[str, Any] = {"title": f"{alert_id} {kind}", "message": f"{alert_id} " + "word " * dice.randrange(60)}
    fields |= {"source": f"host{dice.randrange(5)}", "severity": dice.choice(["info", "warning", "error"])}
    match kind:
        case "attached":
            fields["message"] = _lines(dice.randrange(5_000, 60_000))
        case "split":
            fields |= {"message": _lines(dice.randrange(5_000, 8_000)), "long_text": "split"}
        case "file":
            fields["files"] = {"app.log": _lines(dice.randrange(100, 20_000))}
        case "hostile":
            fields["message"] = dice.choice(NAUGHTY)
        case "incident":
            key = f"incident-{alert_type}-{dice.randrange(2)}"
            changes: list[dict[str, Any]] = [{}, {"update": True, "progress": dice.random()}, {"resolved": True}]
            change = dice.choices(changes, [6, 2, 1])[0]
            fields |= {"title": f"{key} of the soak", "dedup_key": key, **change}
        case "callback":
            return Alert(alert_id, kind, alert_type, fields, callback=f"{alert_id}-after")
        case "postponed":
            return Alert(alert_id, kind, alert_type, fields, {"countdown": dice.randrange(1, 15)})
        case "withdrawn":
            return Alert(alert_id, kind, alert_type, fields, {"countdown": 60})
    return Alert(alert_id, kind, alert_type, fields)


def _lines(characters: int) -> str:
    return "\n".join(f"{number:>5} {'x' * 60}" for number in range(characters // 67 + 1))
