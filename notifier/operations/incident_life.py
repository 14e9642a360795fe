"""What became of the incident that an alert belongs to, beside its repeats."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from notifier.outbox.incident import digest_of
from notifier.storage.connection import broker_errors

if TYPE_CHECKING:
    import redis

    from notifier.storage.keys import Keys


def incident_of(client: "redis.Redis", keys: "Keys", message: Mapping[str, Any], admitted_at: float) -> dict[str, str]:
    """What is known of the incident of an alert admitted then (microseconds since 1970, Redis' clock); {} if nothing.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    key, kind = message.get("dedup_key"), message.get("alert_type", "general")
    if not isinstance(key, str):
        return {}
    with broker_errors():
        found = cast("dict[str, str]", client.hgetall(keys.incident(str(kind), digest_of(key))))
    # another incident may have the same key
    return {} if float(found.get("opened_at", 0)) > admitted_at else found


def life_of(found: Mapping[str, str]) -> list[tuple[float, str]]:
    """When (microseconds since 1970, Redis' clock), and what happened to such an incident, in words and in order."""
    return sorted(_told(found))


def _told(found: Mapping[str, str]) -> Iterator[tuple[float, str]]:
    if "reminder" in found:
        yield float(found["reminded_at"]), f"reminder {found['reminders']} of its incident: {found['reminder']}"
    if "escalated_at" in found:
        yield float(found["escalated_at"]), f"its incident was escalated by {found['escalation']}"
    if "acknowledged_at" in found:
        why = f" ({found['acknowledged_why']})" if found.get("acknowledged_why") else ""
        yield float(found["acknowledged_at"]), f"its incident was acknowledged by {found['acknowledged_by']}{why}"
