"""How things are now, as figures: read from the overview, so that a metric and the operator's page say the same."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from notifier.models import AlertType
from notifier.operations.overview import overview
from notifier.outbox.capacity import capacity
from notifier.storage.connection import MICROSECONDS
from notifier.storage.retention import Findings

if TYPE_CHECKING:
    import redis

    from notifier.gate.admin import Gate
    from notifier.settings import Settings
    from notifier.storage.keys import Keys

Reading = tuple[str, tuple[str, ...], float]
"""The name of a metric without its prefix, the values of its labels, its value."""
BREAKER_STATES = ("closed", "open", "half_open")


def current(client: "redis.Redis", keys: "Keys", gate: "Gate", settings: "Settings") -> list[Reading]:
    """All that is not counted.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    found, now = overview(client, keys, gate, settings, None, Findings()), gate.now()
    readings: list[Reading] = [
        ("edge_banned", (), float(found["banned_seconds"] is not None)),
        ("machines_cut_off", (), len(found["machines"])),
        ("unreadable_entries", (), found["unreadable"]),
    ]
    for each in found["types"]:
        kind = AlertType(each["alert_type"])
        readings += _of_outbox(kind, each, now / MICROSECONDS)
        gates = [each["gate"], *each["further_gates"]] if each["gate"] else []
        readings.append(("outbox_capacity_alerts", (kind,), capacity(settings, kind) * max(1, len(gates))))
        for gate_of_it in gates:
            readings += _of_gate(kind, gate_of_it)
    return readings


def _of_outbox(kind: AlertType, found: dict[str, Any], now_seconds: float) -> list[Reading]:
    since = datetime.fromisoformat(found["oldest_at"]).timestamp() if found["oldest_at"] else now_seconds
    values = {
        "outbox_alerts": found["waiting"],
        "outbox_bytes": found["bytes"],
        "outbox_oldest_seconds": max(0.0, now_seconds - since),
        "dead_letters": found["dead_letters"],
        "incidents_open": found["incidents_open"],
        "workers": len(found["workers"]),
    }
    return [(name, (kind,), value) for name, value in values.items()]


def _of_gate(kind: AlertType, found: dict[str, Any]) -> list[Reading]:
    own = (kind.value, found["webhook_id"])
    pauses = [each["seconds"] for each in found["pauses"]]
    return [
        *(("webhook_breaker", (*own, each), float(found["breaker"] == each)) for each in BREAKER_STATES),
        ("webhook_quarantined", own, float(found["quarantined"] is not None)),
        ("webhook_closed", own, float(found["closed"] is not None)),
        ("webhook_pause_seconds", own, max([0.0, *pauses])),
        ("webhook_requests_left", own, found["requests_left"]),
    ]
