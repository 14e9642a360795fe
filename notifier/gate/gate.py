"""The gate of a webhook in numbers: what ``gate.lua`` and its algorithms are asked to keep.

The rules themselves are Lua: the claim and the commit run them as part of their one call.
"""

from typing import Any

from notifier.settings import Settings, Webhook

MICROSECONDS = 1_000_000

GATE_SCRIPTS = ("gate/gate.lua",)
"""The gate's Lua, in the order in which its files build on each other."""

BUCKET_LIMIT = 5
"""Requests per webhook and period until the headers tell (Discord staff, discord-api-docs #367)."""
BUCKET_WINDOW_SECONDS = 2
"""The period belonging to it (the same place)."""
CHANNEL_LIMIT = 30
"""Requests per channel and 60 s, over all its webhooks; no header shows it (discord-api-docs #367, #4043)."""
CHANNEL_WINDOW_SECONDS = 60
GLOBAL_LIMIT_PER_SECOND = 50
"""Requests without Authorization per second and IP (Discord docs, rate-limits.mdx)."""
EDGE_BAN_SECONDS = 60
"""First pause where a ban names no time; doubled by each probe that fails."""
EDGE_BAN_MAX_SECONDS = 3_600
"""Bans were seen to last about an hour, and to be re-armed by those who go on (discord-api-docs #5385)."""
WEBHOOK_INFO_LIFE_SECONDS = 86_400
"""A webhook can be moved to another channel."""
WEBHOOK_INFO_RETRY_SECONDS = 60
LEASE_MARGIN_SECONDS = 5


def microseconds(seconds: float) -> int:
    return round(seconds * MICROSECONDS)


def lease_seconds(settings: Settings) -> float:
    """How long a request may be under way before its worker counts as dead: connecting, reading, and a margin."""
    return 3 * settings.timeout_seconds + LEASE_MARGIN_SECONDS


def limits(settings: Settings, webhook: Webhook | None) -> dict[str, Any]:
    """What ``gate.lua`` calls ``args``: all times in microseconds."""
    return {
        "webhook_id": webhook.id if webhook else "",
        "fingerprint": webhook.fingerprint if webhook else "",
        "lease": microseconds(lease_seconds(settings)),
        "bucket_limit": BUCKET_LIMIT,
        "bucket_window": microseconds(BUCKET_WINDOW_SECONDS),
        "channel_limit": CHANNEL_LIMIT,
        "channel_window": microseconds(CHANNEL_WINDOW_SECONDS),
        "global_limit": GLOBAL_LIMIT_PER_SECOND,
        "rate_limit": settings.rate_limit_per_minute,
        "rate_window": microseconds(60),
        "breaker": {
            "threshold": settings.breaker_failures,
            "open_for": microseconds(settings.breaker_open_seconds),
            "open_max": microseconds(settings.breaker_open_max_seconds),
        },
        "edge_breaker": {
            "threshold": 1,
            "open_for": microseconds(EDGE_BAN_SECONDS),
            "open_max": microseconds(EDGE_BAN_MAX_SECONDS),
        },
    }
