"""One alert: what is stored of it, what happened to it, and how it looks in Discord."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from notifier.errors import InvalidMessage
from notifier.models import AlertType
from notifier.operations.explain import explain, steps_as_json
from notifier.operations.preview import preview, preview_as_json
from notifier.outbox.payload import PAYLOAD_VERSION, fields_of, read
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.storage.connection import MICROSECONDS, broker_errors, clock

if TYPE_CHECKING:
    import redis

    from notifier.outbox.records import Records
    from notifier.settings import Settings
    from notifier.storage.keys import Keys


def alert_as_json(
    client: "redis.Redis", keys: "Keys", records: "Records", settings: "Settings", notification_id: str
) -> dict[str, Any]:
    """Whatever is known of one alert.

    ``message``: its fields; of a record with long texts, their beginnings. ``preview``: as ``notifier preview --json``
    has it, of these fields and without
    files; None if this version cannot read them.

    Raises:
        NotificationNotFound: nothing is known of this id.
        BrokerUnavailable: Redis did not answer.
    """
    steps = explain(client, keys, records, notification_id)
    record = records.get(notification_id)
    if is_dead := record is not None and _is_dead(client, keys, record):
        record = records.whole(record)
    with broker_errors():
        at = datetime.fromtimestamp(clock(client) / MICROSECONDS, UTC)
    message = record["message"] if record else _waiting(client, keys, notification_id)
    return {
        "id": notification_id,
        "alert_type": record["alert_type"] if record else message.get("alert_type"),
        "title": message.get("title"),
        "status": record["status"] if record else Status.QUEUED,
        "is_dead": is_dead,
        "message": message,
        "record": record,
        "steps": steps_as_json(steps),
        "preview": _preview(notification_id, message, settings, at, record.get("left_out", ()) if record else ()),
    }


def _is_dead(client: "redis.Redis", keys: "Keys", record: Record) -> bool:
    with broker_errors():
        return client.zscore(keys.dead_letters(record["alert_type"]), record["id"]) is not None


def _waiting(client: "redis.Redis", keys: "Keys", notification_id: str) -> dict[str, Any]:
    with broker_errors():
        text = cast("str | None", client.hget(keys.notification(notification_id), "message"))
    message = fields_of(text or "") or {}
    for file in message.get("files") or ():
        file["bytes"] = len(file.pop("content", ""))
    return message


def _preview(
    notification_id: str, message: dict[str, Any], settings: "Settings", at: datetime, left_out: Collection[str]
) -> dict[str, Any] | None:
    shown = {name: value for name, value in message.items() if name != "files"}
    kind = str(shown.get("alert_type", AlertType.GENERAL))
    if kind not in set(AlertType):
        return None
    stored, unreadable = read(notification_id, AlertType(kind), json.dumps(shown), PAYLOAD_VERSION)
    if unreadable:
        return None
    try:
        return preview_as_json(preview(stored, settings, at, left_out))
    except InvalidMessage:  # what was refused for its form has none
        return None
