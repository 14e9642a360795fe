"""A length of time, as people write it: ``90s``, ``15m``, ``24h``, ``7d``."""

import math
import re
from datetime import timedelta

from notifier.errors import InvalidMessage

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
DAYS_MAX = 366
"""Ours: what is stored is kept no longer than a while after it."""
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
