"""A length of time, as people write it: ``90s``, ``15m``, ``24h``, ``7d``; and a point in time."""

import math
import re
from datetime import UTC, datetime, timedelta

from notifier.errors import InvalidMessage

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DAYS_MAX = 366
"""Ours: what is stored is kept no longer than a while after it."""
AGE_DAYS_MAX = 10_000
_TEXT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd])?")


def seconds_of(name: str, value: object, days_max: int = DAYS_MAX) -> float:
    """A duration in seconds: a number, a timedelta, or a text such as ``90s``, ``15m``, ``24h``, ``7d``.

    Raises:
        InvalidMessage: it is none, or too long; names it.
    """
    seconds = math.nan
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (found := _TEXT.fullmatch(value.strip())):
        seconds = float(found[1]) * UNITS[found[2] or "s"]
    if not 0 <= seconds <= days_max * UNITS["d"]:
        raise InvalidMessage(f"{name}: {value!r} is no duration such as 90s, 15m, 24h or 7d, up to {days_max} days")
    return float(seconds)


def moment_of(name: str, value: str) -> datetime:
    """A point in time: ISO 8601 (without an offset in UTC), or how long ago (``90s``, ``15m``, ``2h``, ``7d``).

    Raises:
        InvalidMessage: it is none; names it.
    """
    try:
        if value[-1:] in UNITS:  # "20260131" is a date
            return datetime.now(UTC) - timedelta(seconds=seconds_of(name, value, AGE_DAYS_MAX))
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, InvalidMessage):
        wanted = "neither a time such as 2026-01-31T12:00 nor an age such as 15m, 2h, 7d"
        raise InvalidMessage(f"{name}: {value!r} is {wanted}") from None
