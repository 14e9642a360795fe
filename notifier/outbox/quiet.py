"""What quiet hours do to alerts: a request makes no sound, or they are held until the hours end (quiet.lua)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from notifier.gate.gate import microseconds
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outbox.collecting import OF_ITS_OWN
from notifier.quiet_hours import NO_QUIET_HOURS, Manner, QuietHours
from notifier.render.collected import CollectedBy
from notifier.routing import PRIORITY
from notifier.settings import Settings

SILENT: dict[str, Any] = {"silent": True, "tts": False}
"""The fields of a message that makes no sound."""


def quiet_hours_of(message: NotificationMessage, settings: Settings) -> QuietHours:
    """The quiet hours of its type; of one whose severity is critical only if its type is one that they seldom have."""
    is_heard = message.severity is Severity.CRITICAL and message.alert_type not in PRIORITY
    return NO_QUIET_HOURS if is_heard else settings.quiet_hours_of(message.alert_type)


def is_silent(messages: Iterable[NotificationMessage], at: datetime, settings: Settings) -> bool:
    """Whether it is quiet at this moment for each of the alerts of a request."""
    return all(quiet_hours_of(each, settings).holds(at) for each in messages)


def quiet_told(quiet: QuietHours, at: datetime) -> str:
    """What quiet hours do to alerts at this moment, and until when, in words; empty if nothing."""
    until = quiet.told(at)
    return until and f"{'held' if quiet.manner is Manner.HOLD else 'without sound'} {until}"


def hold_arguments(alert_type: AlertType, now: int, settings: Settings) -> dict[str, Any] | None:
    """What quiet.lua is told of the hours that are now; None: nothing is held. ``now``: microseconds, Redis' clock."""
    quiet = settings.quiet_hours_of(alert_type)
    at = datetime.fromtimestamp(now / 1_000_000, UTC)
    spell = quiet.spell(at) if quiet.manner is Manner.HOLD else None
    if spell is None:
        return None
    began, ends = (microseconds(each.timestamp()) for each in spell)
    heard = "" if alert_type in PRIORITY else Severity.CRITICAL
    by = CollectedBy.QUIET_HOURS
    return {"began": began, "ends": ends, "told": quiet.told(at), "by": by, "of_its_own": OF_ITS_OWN, "heard": heard}
