"""Incidents: alerts of one type with the same key, shown by one message."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notifier.gate.counters import counter_names
from notifier.gate.gate import microseconds
from notifier.models import REPLAY, AlertType, NotificationMessage
from notifier.outbox.record import as_result, record
from notifier.outcome import Delivered, Status
from notifier.render.cut import cut
from notifier.render.incident import IncidentState
from notifier.render.limits import TITLE_CHARACTERS_MAX
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS
from notifier.storage.keys import Keys
from notifier.webhook import Webhook

TIMES = ("opened_at", "last_at", "resolved_at", "flapping_since", "acknowledged_at")
SPACING_SECONDS = 5
"""Ours: between two requests that show the same incident."""
COUNTED_MAX = 10_000
"""Ours: records kept of alerts that were counted in the message of an incident, per type."""
INCIDENTS_MAX = 2_000
"""Ours: incidents that are kept, per type. Of one that is forgotten, the next alert opens another."""
NEVER_SHOWN = frozenset({"if_not_open", "acknowledged_by", "acknowledged_why"})
"""Fields that say what becomes of the incident, and are no part of its message."""
MESSAGE_BYTES_MAX = 32_768
"""Ours: what is kept of a message, so that an update need not repeat all of it; a longer one is not."""


def digest_of(key: str) -> str:
    """What stands for a key in the names of Redis' keys."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def incident_keys(keys: Keys, kind: AlertType, key: str) -> list[str]:
    """KEYS 3 and on of admit.lua."""
    return [keys.incident(kind, digest_of(key)), keys.incidents(kind), keys.repeated(kind)]


def incident_arguments(
    keys: Keys, settings: Settings, message: NotificationMessage, key: str, life_seconds: int
) -> str:
    """What admit.lua takes of the incident of an alert, as JSON. ``key``: its ``dedup_key``."""
    stamp = uuid.uuid4().hex
    counted = record(
        message,
        Status.REPEATED,
        admitted_at=stamp,
        finished_at=stamp,
        detail="counted in the message of its incident",
        text_bytes_max=settings.history_text_bytes,
    )
    counted |= {"message_id": f"message-{stamp}", "channel_id": f"channel-{stamp}", "link": f"link-{stamp}"}
    said = {} if message.acknowledged_by else _said(message)
    asked = {
        "kind": _kind(message),
        "digest": digest_of(key),
        "key": key,
        "type": message.alert_type,
        "title": cut(message.title, TITLE_CHARACTERS_MAX),
        "seconds": microseconds(message.dedup_seconds or settings.dedup_seconds),
        "reopen": microseconds(settings.reopen_seconds),
        "spacing": microseconds(SPACING_SECONDS),
        "life": life_seconds * 1_000,
        "kept_max": INCIDENTS_MAX,
        "counted_max": COUNTED_MAX,
        "history_life": round(settings.history_days * 86_400),
        "notification_prefix": keys.notification(""),
        "result_prefix": keys.result(""),
        "counters": counter_names(keys),
        "reminders": keys.reminders,
        "remind": microseconds(message.remind_seconds or 0),
        "escalate_after": microseconds(message.escalate_after or 0),
        "escalate_to": message.escalate_to,
        "acknowledged": {"by": message.acknowledged_by, "why": message.acknowledged_why or ""},
        "text": message.dedup_text,
        "if_not_open": message.if_not_open,
        "count": message.count or 1,
        "is_replay": REPLAY in message.metadata,
        "is_heard": message.repeat == "replace" and not (message.update or message.resolved),
        "said": {name: json.dumps(value) for name, value in said.items()},
        "stamp": stamp,
        "result": as_result(counted),
    }
    return json.dumps(asked)


def _kind(message: NotificationMessage) -> str:
    if message.resolved:
        return "resolve"
    if message.acknowledged_by:
        return "acknowledge"
    return "update" if message.update else "repeat"


@dataclass(frozen=True, slots=True)
class Incident:
    """What is known of one at a claim. ``overlay``: fields of an update or resolution that is to be shown.

    ``message_id`` and the like: of the message that shows it; None if there is none, or it is another webhook's.
    ``shown``: the fields that it shows. ``has_files``: of which these say nothing. ``behind``: how many messages of
    ours came behind it in its channel. ``is_told_over``: the last that its thread was told is that it is over.
    """

    state: IncidentState
    message_id: str | None = None
    thread_id: str | None = None
    webhook_id: str | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)
    overlay: Mapping[str, Any] = field(default_factory=dict)
    has_files: bool = False
    behind: int = 0
    is_told_over: bool = False

    def is_shown_by(self, webhook: Webhook | None) -> bool:
        """Whether its message can be changed through this webhook."""
        return self.message_id is not None and webhook is not None and webhook.id == self.webhook_id

    def keeps_text(self, message: NotificationMessage) -> bool:
        """Whether a repeat changes nothing of what its message shows but the count."""
        return message.dedup_text == "first" and bool(self.shown) and not (message.update or message.resolved)

    def whole(self, message: NotificationMessage, *, is_told: bool = False) -> NotificationMessage:
        """An alert of it with what an update leaves unsaid, as the message shows it already.

        ``is_told``: its thread knows what it says. A later one may have said more, and none of that is undone.
        """
        ends = message.resolved or self.overlay.get("resolved", False)
        if is_told and self.shown and not (ends and self.state.is_resolved):
            own = {**_own(message), "update": message.update, "resolved": ends}
            return NotificationMessage(**{"title": self.state.title, **self.shown, **own})
        keeps_text = self.keeps_text(message)
        before = self.shown if keeps_text or message.update or message.resolved else {}
        said = {} if keeps_text else _said(message)
        return NotificationMessage(**{"title": self.state.title, **before, **said, **self.overlay, **_own(message)})

    def news_of(self, message: NotificationMessage) -> NotificationMessage | None:
        """What its thread is told of an alert of it; None for a repeat, unless it was over or that is to be heard."""
        said = {**_said(message), **self.overlay}
        is_said = message.resolved or (message.update and not message.acknowledged_by) or self.overlay
        is_again = not (message.update or self.state.is_resolved) and (self.is_told_over or message.repeat == "replace")
        if not (is_said or is_again):
            return None
        there = {"thread_id": self.thread_id, "thread_name": None, "applied_tags": (), "mentions": ()}
        return NotificationMessage(**{"title": self.state.title, **said, **_own(message), **there})

    def told(self, message: NotificationMessage) -> dict[str, str]:
        """What commit.lua notes once its thread is told. ``message``: whole."""
        return _kept(message) | {"told": "resolved" if message.resolved else ""}


def _own(message: NotificationMessage) -> dict[str, Any]:
    return {name: getattr(message, name) for name in ("id", "alert_type", "dedup_key", "dedup_text")}


def _kept(message: NotificationMessage) -> dict[str, str]:
    """What is kept of a message that shows an incident. What a resolution says is not: a repeat may open it again."""
    title = {"shown_title": cut(message.title, TITLE_CHARACTERS_MAX)}
    if message.resolved:
        return title
    left_out = {"id", "files", "resolved", "update", "adjusted", *NEVER_SHOWN}
    kept = message.model_dump_json(exclude_defaults=True, exclude=left_out)
    return {**title, "message": kept if len(kept.encode()) <= MESSAGE_BYTES_MAX else ""}


def _said(message: NotificationMessage) -> dict[str, Any]:
    """The fields that were given: a title that is the key was not."""
    given = message.model_dump(mode="json", exclude_defaults=True, exclude={"id", "dedup_key", *NEVER_SHOWN})
    return {name: value for name, value in given.items() if name != "title" or value != message.dedup_key}


def incident_of(text: str, overlay: str) -> Incident | None:
    """What claim.lua answers; None for an alert without an incident."""
    if not text:
        return None
    found: dict[str, str] = json.loads(text)
    times = {name: int(float(found.get(name, 0))) / MICROSECONDS for name in TIMES}
    state = IncidentState(
        title=found.get("title", ""),
        count=int(found.get("count", 1)),
        **times,
        is_resolved=found.get("state") == "resolved",
        flaps=int(found.get("flaps", 0)),
        previous=found.get("previous"),
        acknowledged_by=found.get("acknowledged_by", ""),
        acknowledged_why=found.get("acknowledged_why", ""),
    )
    return Incident(
        *(state, found.get("message_id"), found.get("thread_id"), found.get("webhook_id")),
        json.loads(found.get("message") or "{}"),
        {name: json.loads(value) for name, value in json.loads(overlay or "{}").items()},
        has_files="files" in found,
        behind=int(found.get("behind", 0)),
        is_told_over=found.get("told") == "resolved",
    )


def shown_by(
    message: NotificationMessage, posted: Delivered, webhook: Webhook, guild_id: str | None, thread_id: str | None
) -> dict[str, str]:
    """What commit.lua notes of the message that shows an incident; '' is not known."""
    link = f"https://discord.com/channels/{guild_id}/{posted.channel_id}/{posted.message_id}" if guild_id else ""
    return {
        "message_id": posted.message_id or "",
        "channel_id": posted.channel_id or "",
        "webhook_id": webhook.id,
        "thread_id": thread_id or "",
        "link": link,
        **_kept(message),
    }


GONE = {"message_id": "", "link": ""}
"""The same of a message that is not there any more."""
