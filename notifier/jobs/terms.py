"""How often a job is to be started."""

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from notifier.errors import InvalidMessage

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
EXPECT_SECONDS_MAX = 366 * 86_400
"""Ours: of ``expect`` and of ``grace``: what is known of a job is kept for a while longer."""
GRACE_SHARE = 10
GRACE_SECONDS_MAX = 3_600
"""Ours: the grace that a job has if none is given: a tenth of ``expect``, and no more than this."""


@dataclass(frozen=True, slots=True)
class JobTerms:
    """``expect_seconds``: after so long it is to be started again; None: whenever. ``alert_type``: '' if none."""

    expect_seconds: float | None = None
    grace_seconds: float = 0
    alert_type: str = ""

    @classmethod
    def of(cls, expect: object = None, grace: object = None, alert_type: str | None = None) -> Self:
        """Of what a caller gives.

        Raises:
            InvalidMessage: no duration, or one that is too long; names it.
        """
        if expect is None:
            if grace is not None:
                raise InvalidMessage("grace: a job that is not expected is never late")
            return cls(alert_type=alert_type or "")
        seconds = seconds_of("expect", expect)
        if not seconds:
            raise InvalidMessage("expect: more than no time")
        late = min(seconds / GRACE_SHARE, GRACE_SECONDS_MAX) if grace is None else seconds_of("grace", grace)
        return cls(seconds, late, alert_type or "")


def seconds_of(name: str, value: object) -> float:
    """A duration in seconds: a number, a timedelta, or a text such as ``90s``, ``15m``, ``24h``, ``7d``.

    Raises:
        InvalidMessage: it is none, or longer than a year; names it.
    """
    seconds = math.nan
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (found := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhd])?", value.strip())):
        seconds = float(found[1]) * UNITS[found[2] or "s"]
    if not 0 <= seconds <= EXPECT_SECONDS_MAX:
        raise InvalidMessage(f"{name}: {value!r} is no duration such as 90s, 15m, 24h or 7d, up to 366 days")
    return float(seconds)
