"""The record: what became of a notification, stored once, as Celery's result of that id.

The step that ends a notification writes it, in Celery's own format, so ``AsyncResult`` reads it as any other result.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NotRequired, TypedDict, cast

from notifier.errors import DeliveryFailed, NotDelivered, NotifierError
from notifier.models import MESSAGE_BYTES_MAX, NotificationMessage
from notifier.outbox.excerpt import excerpt
from notifier.outbox.payload import stored_fields
from notifier.status import State, Status
from notifier.texts import json_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Record(TypedDict):
    """What became of one notification. Times are ISO 8601 in UTC, by Redis' clock.

    ``cut_from_bytes``: of long texts ``message`` has the beginnings (NOTIFIER_HISTORY_TEXT_BYTES); they took this many
    bytes. Of files it has no content. A dead letter is kept whole beside its record: DeadLetters.get.
    ``left_out``: ornaments that Discord refused. ``message_ids``: if it took several messages, those that are
    posted, in order; ``message_id`` and ``link`` are of the first.
    ``maybe_posted``: true if the answer to an earlier request was lost, so that it may be in the channel once more.
    ``digest``: the id of the alert that counts one that was folded; it is admitted later.
    ``given``: what a task was given that could not be sent, as JSON: ``args`` and ``kwargs``.
    """

    id: str
    alert_type: str
    status: str
    success: bool
    message_id: str | None
    channel_id: str | None
    link: str | None
    webhook_id: str | None
    attempts: int
    reason: str | None
    detail: str
    carried_with: int
    admitted_at: str
    finished_at: str
    message: dict[str, Any]
    revoke: str | None
    cut_from_bytes: NotRequired[int]
    left_out: NotRequired[list[str]]
    message_ids: NotRequired[list[str]]
    maybe_posted: NotRequired[bool]
    digest: NotRequired[str]
    given: NotRequired[str]


def iso(microseconds: int) -> str:
    """A time of Redis' clock (microseconds since 1970) as text; ``iso_time`` in record.lua writes the same."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")


def record(
    message: NotificationMessage,
    status: Status,
    *,
    admitted_at: str,
    finished_at: str,
    attempts: int = 0,
    reason: str | None = None,
    detail: str = "",
    webhook_id: str | None = None,
    carried_with: int = 0,
    message_id: str | None = None,
    channel_id: str | None = None,
    guild_id: str | None = None,
    revoke: str | None = None,
    text_bytes_max: int = MESSAGE_BYTES_MAX,
) -> Record:
    """What became of a notification.

    ``admitted_at``: microseconds since 1970. ``finished_at``: ISO 8601, or a stamp that the script replaces by its own
    time. ``carried_with``: how many others were in the same request. ``text_bytes_max``: as in ``excerpt``.
    """
    kept, cut_from_bytes = excerpt(as_kept(message), text_bytes_max)
    if message.files:
        cut_from_bytes = (cut_from_bytes or 0) + sum(len(file.content) for file in message.files)
    link = None
    if message_id and channel_id and guild_id:
        link = f"https://discord.com/channels/{guild_id}/{channel_id}/{message_id}"
    ended = Record(
        id=message.id,
        alert_type=message.alert_type.value,
        status=status.value,
        success=status is Status.DELIVERED,
        message_id=message_id,
        channel_id=channel_id,
        link=link,
        webhook_id=webhook_id,
        attempts=attempts,
        reason=reason,
        detail=detail,
        carried_with=carried_with,
        admitted_at=admitted_at,
        finished_at=finished_at,
        message=kept,
        revoke=revoke,
    )
    if cut_from_bytes is not None:
        ended["cut_from_bytes"] = cut_from_bytes
    return ended


def as_kept(message: NotificationMessage) -> dict[str, Any]:
    """The fields of a notification as JSON; of its files, how many bytes they have instead of these."""
    kept = stored_fields(message)
    for shown, file in zip(kept.get("files", ()), message.files, strict=True):
        shown["bytes"] = len(file.content)
    return kept


SUCCESSFUL = frozenset({Status.DELIVERED, Status.FOLDED, Status.REPEATED, Status.NOT_OPEN, Status.SILENCED})
"""Ends that are a SUCCESS in Celery; any other is a FAILURE, and ``get()`` raises ``NotDelivered``, but for
``withdrawn``, which is REVOKED."""
REVOKED = {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "celery.exceptions"}
"""As Celery stores it of a task that was revoked (Backend.mark_as_revoked)."""


def state_of(ended: Record) -> State:
    """Celery's state of what ended in this way."""
    if ended["status"] == Status.WITHDRAWN:
        return State.REVOKED
    return State.SUCCESS if ended["status"] in SUCCESSFUL else State.FAILURE


def as_result(ended: Record) -> str:
    """The record as Celery's Redis backend stores a result (Backend._get_result_meta)."""
    state = state_of(ended)
    results: dict[State, object] = {State.SUCCESS: ended, State.REVOKED: REVOKED}
    return _meta(ended["id"], state, results.get(state) or _stored(not_delivered(ended)), ended["finished_at"])


def retry_result(notification_id: str, failure: DeliveryFailed) -> str:
    """The result of a notification whose request failed and will be made again, as Celery stores it."""
    return _meta(notification_id, State.RETRY, _stored(failure), None)


def not_delivered(ended: Record) -> NotDelivered:
    """The error that stands for a record that is no success."""
    detail = f" ({ended['detail']})" if ended["detail"] else ""
    return NotDelivered(f"{ended['status']}: {ended['reason']}{detail}", ended)


def _stored(error: NotifierError) -> dict[str, Any]:
    # as Backend.prepare_exception
    return {"exc_type": type(error).__name__, "exc_message": error.args, "exc_module": type(error).__module__}


def _meta(notification_id: str, state: str, result: object, done: str | None) -> str:
    meta = {"status": state, "result": result, "traceback": None, "children": [], "date_done": done}
    return json_of(meta | {"task_id": notification_id})


def of_result(text: str | None) -> Record | None:
    """The record in a stored result; None if there is no result, or it is another task's."""
    try:
        meta: object = json.loads(text or "null")
    except (ValueError, RecursionError):  # of another serializer
        return None
    if not isinstance(meta, dict):
        return None
    found: object = meta.get("result")
    if isinstance(found, dict) and "exc_message" in found:
        found = found["exc_message"][-1] if isinstance(found["exc_message"], list) and found["exc_message"] else None
    is_record = isinstance(found, dict) and "admitted_at" in found and found.get("id") == meta.get("task_id")
    return cast("Record", found) if is_record else None
