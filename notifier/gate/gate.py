"""The limits that a webhook's gate keeps, and the Lua files that keep them.

The rules themselves are Lua: the claim and the commit run them as part of their one atomic step.
"""

from typing import Any

from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS
from notifier.storage.keys import Keys
from notifier.webhook import Webhook

GATE_SCRIPTS: tuple[str, ...] = (
    "gate/clock.lua",
    "gate/trouble.lua",
    "gate/counters.lua",
    "gate/lease.lua",
    "gate/window.lua",
    "gate/bucket.lua",
    "gate/breaker.lua",
    "gate/pause.lua",
    "gate/quarantine.lua",
    "gate/gate.lua",
    "gate/answer.lua",
)
"""What a script that asks the gate begins with, in order: each file may use the functions of those before it."""

BUCKET_LIMIT = 5
"""Requests per webhook and period until an answer says otherwise (Discord staff, discord-api-docs #367)."""
BUCKET_WINDOW_SECONDS = 2
"""The period belonging to it (the same source)."""
CHANNEL_LIMIT = 30
"""Requests per channel and 60 s, over all its webhooks; no header shows it (discord-api-docs #367, #4043)."""
CHANNEL_WINDOW_SECONDS = 60
"""The period belonging to it (the same source)."""
GLOBAL_LIMIT = 50
"""Requests without Authorization per IP address and second (Discord docs, rate-limits.mdx)."""
GLOBAL_WINDOW_SECONDS = 1
"""The period belonging to it (the same source)."""
CONFIGURED_WINDOW_SECONDS = 60
"""Ours: ``DISCORD_RATE_LIMIT`` counts per minute."""
EDGE_BAN_SECONDS = 60
"""Ours: the first pause after a ban that names no time; each probe that fails doubles it."""
EDGE_BAN_MAX_SECONDS = 3_600
"""Bans were seen to last about an hour, and to begin again for those who go on (discord-api-docs #5385)."""
WEBHOOK_INFO_LIFE_SECONDS = 86_400
"""Ours: then Get Webhook is asked again, because a webhook can be moved to another channel."""
WEBHOOK_INFO_RETRY_SECONDS = 60
"""Ours: the same if the answer did not name the channel."""
LEASE_MARGIN_SECONDS = 5
"""Ours: what a worker needs beside connecting and reading."""


def microseconds(seconds: float) -> int:
    """Seconds as the scripts count them."""
    return round(seconds * MICROSECONDS)


def lease_seconds(settings: Settings) -> float:
    """How long a request may be under way before its worker counts as dead: connecting, reading, and a margin."""
    return 3 * settings.timeout_seconds + LEASE_MARGIN_SECONDS


def limits(settings: Settings, webhook: Webhook | None) -> dict[str, Any]:
    """What ``gate.lua`` calls ``args``; all times in microseconds.

    ``webhook_id`` and ``fingerprint`` are empty if no webhook is configured: the gate must not be asked then.
    """
    keys, webhook_id = Keys(settings.key_prefix), webhook.id if webhook else ""
    lease = microseconds(lease_seconds(settings))

    def window(limit: int, seconds: float) -> dict[str, int]:
        return {"limit": limit, "window": microseconds(seconds), "lease": lease}

    return {
        "webhook_id": webhook_id,
        "fingerprint": webhook.fingerprint if webhook else "",
        "pause": keys.gate(webhook_id, "pause"),
        "edge_pause": keys.edge_pause,
        "read": keys.gate(webhook_id, "read"),
        "read_in_flight": keys.gate(webhook_id, "read_in_flight"),
        "lease": lease,
        "fetch_life": microseconds(WEBHOOK_INFO_LIFE_SECONDS),
        "bucket": window(BUCKET_LIMIT, BUCKET_WINDOW_SECONDS),
        "channel": window(CHANNEL_LIMIT, CHANNEL_WINDOW_SECONDS),
        "global": window(GLOBAL_LIMIT, GLOBAL_WINDOW_SECONDS),
        "configured": window(settings.rate_limit_per_minute, CONFIGURED_WINDOW_SECONDS),
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
