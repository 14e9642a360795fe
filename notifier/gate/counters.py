"""The counters that the steps keep: their names in Redis, and what their fields say."""

from typing import Any

from notifier.storage.connection import MICROSECONDS
from notifier.storage.keys import Keys

QUARTER_SECONDS = 900
"""What the fields are also counted by (``QUARTER`` in counters.lua)."""
LATENCY_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400)
"""Ours: upper bounds of the histogram of the time to delivery."""
REQUEST_ALERTS = (1, 2, 3, 5, 7, 10, 20, 50, 100, 500)
"""Ours: the same of the alerts that one request carries: ten, or up to 500 that were collected."""
UNBOUNDED = "inf"
"""The bound of what is above all others."""
_BOUNDS = [round(each * MICROSECONDS) for each in LATENCY_SECONDS]


def counter_names(keys: Keys) -> dict[str, Any]:
    """What counters.lua calls names."""
    return {"counters": keys.counters, "quarters": keys.quarter(""), "bounds": _BOUNDS}


def field(*parts: object) -> str:
    """The name of one counter."""
    return "|".join(map(str, parts))


def request_alerts_bound(count: int) -> str:
    """The bound of the histogram that so many alerts of one request count in."""
    return next((str(each) for each in REQUEST_ALERTS if count <= each), UNBOUNDED)
