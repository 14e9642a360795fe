"""Who takes care of an open incident, and who ends it."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from notifier.errors import NotificationNotFound
from notifier.models import AlertType, NotificationMessage
from notifier.operations.incidents import IncidentInfo, incidents
from notifier.outbox.incident import digest_of
from notifier.outbox.payload import fields_of
from notifier.outcome import Status
from notifier.storage.connection import broker_errors

if TYPE_CHECKING:
    import redis

    from notifier.outbox.records import Records
    from notifier.producer.client import Client
    from notifier.storage.keys import Keys

NAMED_MAX = 5
"""Ours: open incidents that an error names."""


def acknowledge(  # noqa: PLR0913 - where the incidents are, which, and what is said of them
    client: "redis.Redis",
    keys: "Keys",
    records: "Records",
    producer: "Client",
    key: str,
    alert_types: Sequence[AlertType] = tuple(AlertType),
    *,
    by: str,
    why: str = "",
) -> list[dict[str, Any]]:
    """Acknowledge the open incidents with this key, one of each type at most; returns type, key, title, by and why.

    Raises:
        NotificationNotFound: there is none; names those that are open.
        BrokerUnavailable: Redis did not answer.
    """
    found = incidents(client, keys, alert_types, only_open=True)
    done = [each for each in found if each.key == key and _submit(producer, records, each, by, why)]
    if not done:
        raise NotificationNotFound(_nothing_open(key, found))
    said = {"acknowledged_by": by, "acknowledged_why": why or None}
    return [{"alert_type": each.alert_type, "key": each.key, "title": each.title, **said} for each in done]


def resolve(  # noqa: PLR0913 - the same
    client: "redis.Redis",
    keys: "Keys",
    records: "Records",
    producer: "Client",
    key: str,
    alert_type: AlertType,
    *,
    by: str,
    why: str = "",
) -> dict[str, Any]:
    """End the open incident with this key; its message says by whom. Returns type, key, by, why and the alert's id.

    Raises:
        NotificationNotFound: there is none; names those that are open.
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        shown = cast("str | None", client.hget(keys.incident(alert_type, digest_of(key)), "message"))
    fields = (fields_of(shown or "") or {}).get("fields", [])
    told = {"name": "Resolved by", "value": f"{by}: {why}" if why else by}
    over = NotificationMessage(alert_type=alert_type, dedup_key=key, resolved=True, fields=[*fields, told])
    producer.submit(over)
    record = records.get(over.id)
    if record is not None and record["status"] == Status.NOT_OPEN:
        raise NotificationNotFound(_nothing_open(key, incidents(client, keys, [alert_type], only_open=True)))
    return {"alert_type": alert_type, "key": key, "resolved_by": by, "resolved_why": why or None, "id": over.id}


def _submit(producer: "Client", records: "Records", incident: IncidentInfo, by: str, why: str) -> bool:
    """Whether it was open still."""
    message = NotificationMessage(
        alert_type=incident.alert_type, dedup_key=incident.key, acknowledged_by=by, acknowledged_why=why
    )
    producer.submit(message)
    record = records.get(message.id)
    return record is None or record["status"] != Status.NOT_OPEN


def _nothing_open(key: str, found: Sequence[IncidentInfo]) -> str:
    known = list(dict.fromkeys(each.key for each in found))
    near = get_close_matches(key, known, n=NAMED_MAX, cutoff=0.5) or known[:NAMED_MAX]
    return f"no incident with the key {key!r} is open" + (f"; open are {', '.join(near)}" if near else "; none is open")
