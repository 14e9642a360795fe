"""The messages that tell again of an incident, and to whom it is escalated."""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from notifier.message_parts import MENTIONS_MAX, MessageField, is_http_url
from notifier.models import NotificationMessage
from notifier.plain_text import in_code
from notifier.render.incident import IncidentState

STILL_OPEN = "🔔 Still open: "
ESCALATED = "🚨 Escalated: "
OF_A_REMINDER = ("severity", "color", "source", "username", "avatar_url", "mentions", "markdown")
OF_THE_INCIDENT = (
    *("dedup_key", "dedup_seconds", "dedup_text", "dedup_repost_after", "repeat", "progress", "remind_seconds"),
    *("escalate_after", "escalate_to", "incident_thread", "silent", "count"),
)
OF_ITS_CHANNEL = ("thread_id", "thread_name", "applied_tags")


def reminder(
    state: IncidentState,
    shown: Mapping[str, Any],
    own: Mapping[str, Any],
    *,
    key: str,
    number: int,
    link: str | None,
) -> NotificationMessage:
    """Short: how often and since when it came, a link to its message, and how to acknowledge it.

    ``shown``: the fields of its message. ``own``: those that only this one has, as its id.
    """
    kept = {name: shown[name] for name in OF_A_REMINDER if name in shown}
    told = f"{_told(state, link)}\n-# reminder {number} · {_acknowledge(key)}"
    title = {"title": f"{STILL_OPEN}{_title(state, shown)}", "plain": ("title",) if _is_plain(shown) else ()}
    metadata = {"incident": key, "reminder": number}
    return NotificationMessage(**{**kept, **title, "message": told, **own, "markdown": True, "metadata": metadata})


def escalation(
    state: IncidentState,
    shown: Mapping[str, Any],
    own: Mapping[str, Any],
    *,
    key: str,
    mentions: Sequence[str],
    link: str | None,
) -> NotificationMessage:
    """All that its message shows, for whoever has not seen it. ``mentions``: whom it pings besides."""
    left_out = (*OF_THE_INCIDENT, *OF_ITS_CHANNEL)
    kept = {name: value for name, value in shown.items() if name not in left_out}
    for name in ("image", "thumbnail"):  # one of its files is not there
        if not is_http_url(kept.get(name, "")):
            kept.pop(name, None)
    told = MessageField(name="Open", value=f"{_told(state, link)}\n{_acknowledge(key)}", markdown=True)
    pings = tuple(dict.fromkeys((*mentions, *shown.get("mentions", ()))))[:MENTIONS_MAX]
    update = {
        "title": f"{ESCALATED}{_title(state, shown)}",
        "fields": [*shown.get("fields", ()), told.model_dump()],
        "mentions": pings,
        "metadata": {**shown.get("metadata", {}), "incident": key},
    }
    return NotificationMessage(**{**kept, **update, **own})


def escalation_ended(state: IncidentState, told: str, own: Mapping[str, Any]) -> NotificationMessage:
    """What the message of an escalation is told: that the incident is ``acknowledged``, ``resolved`` or ``over``."""
    if told == "acknowledged":
        said = {"acknowledged_by": state.acknowledged_by, "acknowledged_why": state.acknowledged_why}
        return NotificationMessage(**{**own, **said})
    last = f"Nobody has resolved it: it has not been heard of since <t:{int(state.last_at)}:f>."
    return NotificationMessage(**{**own, "resolved": True, "content": last if told == "over" else None})


def _title(state: IncidentState, shown: Mapping[str, Any]) -> str:
    return str(shown.get("title", state.title))


def _is_plain(shown: Mapping[str, Any]) -> bool:
    return shown.get("markdown") is False or "title" in shown.get("plain", ())


def _told(state: IncidentState, link: str | None) -> str:
    since = f"since <t:{int(state.opened_at)}:f> (<t:{int(state.opened_at)}:R>)"
    times = f" · × {state.count}, last <t:{int(state.last_at)}:t>" if state.count > 1 else ""
    return since + times + (f" · [its message]({link})" if link else "")


def _acknowledge(key: str) -> str:
    return f"`notifier ack {in_code(quote(key), 1)}`"
