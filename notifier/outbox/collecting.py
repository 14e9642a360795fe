"""Which alerts are collected until a time, and then go as one message (collected.lua)."""

import json
from collections.abc import Sequence

from notifier.gate.gate import microseconds
from notifier.models import MESSAGE_BYTES_MAX, REPLAY, AlertType, NotificationMessage, Severity
from notifier.outbox.batch_item import BatchItem
from notifier.outbox.capacity import capacity
from notifier.outbox.terms import Terms
from notifier.render.collected import Collected, CollectedBy
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS
from notifier.storage.keys import Keys

COLLECTED_MAX = 500
"""Ours: alerts that go as one message. One commit ends them all, and Redis does nothing else meanwhile."""
ROOM_LEFT = 4
"""Ours: a group ends early before one part in so many of its outbox is all that is left for others."""
OF_ITS_OWN = (
    *("thread_id", "thread_name", "applied_tags", "username", "avatar_url", "mentions", "content", "tts"),
    *("suppress_embeds", "files", "poll", "buttons", "dedup_key"),
)
"""What no message has that stands for several alerts: one with any of these goes by itself."""


def collecting_seconds(message: NotificationMessage, terms: Terms, settings: Settings) -> float:
    """How long an alert is collected with others, if it is the first of them; 0: it goes as soon as it may.

    The application's settings decide.
    """
    seconds = settings.group_seconds_by_type.get(message.alert_type, 0)
    return seconds if may_be_collected(message, terms) else 0


def may_be_collected(message: NotificationMessage, terms: Terms) -> bool:
    """Whether one message can stand for it and others, and it may wait: a critical one, or a ping, is for now."""
    if message.severity is Severity.CRITICAL or terms.after_seconds or REPLAY in message.metadata:
        return False
    return message.long_text != "split" and not any(getattr(message, name) for name in OF_ITS_OWN)


def collect_arguments(seconds: float, keys: Keys, settings: Settings, alert_type: AlertType) -> str:
    """What admit.lua takes of it, as JSON."""
    room = capacity(settings, alert_type)
    return json.dumps(
        {
            "by": CollectedBy.GROUPING,
            "after": microseconds(seconds),
            "count_max": min(COLLECTED_MAX, max(1, room - room // ROOM_LEFT)),
            "bytes_max": MESSAGE_BYTES_MAX,
            "notification_prefix": keys.notification(""),
        }
    )


def collected_of(items: Sequence[BatchItem]) -> Collected | None:
    """What the notifications of a batch were collected by."""
    by, _, since = (items[0].collected_for or " ").partition(" ")
    if not by:
        return None
    until = max(max(each.not_before, each.admitted_at) for each in items)
    return Collected(by, int(since.split()[-1]) / MICROSECONDS, until / MICROSECONDS)
