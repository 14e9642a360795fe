"""Whether a request makes a sound: in quiet hours it does not."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from notifier.models import AlertType
from notifier.quiet_hours import Manner
from notifier.settings import Settings

SILENT: dict[str, Any] = {"silent": True, "tts": False}
"""The fields of a message that makes none."""


def is_silent(types: Iterable[AlertType], at: datetime, settings: Settings) -> bool:
    """Whether it is quiet at this moment for each of the types of which a request has alerts."""
    return all(settings.quiet_hours_of(kind).holds(at) for kind in set(types))


def quiet_told(alert_type: AlertType, at: datetime, settings: Settings) -> str:
    """What quiet hours do to alerts of a type at this moment, and until when, in words; empty if nothing."""
    quiet = settings.quiet_hours_of(alert_type)
    until = quiet.told(at)
    return until and f"{'held' if quiet.manner is Manner.HOLD else 'without sound'} {until}"
