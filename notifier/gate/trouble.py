"""Troubles that are found outside the scripts, counted where theirs are (``report_trouble`` in trouble.lua)."""

import redis

from notifier.storage.keys import Keys

LIFE_SECONDS = 30 * 86_400
"""As ``LIFE_MS`` in ``clock.lua``."""


def report_trouble(client: "redis.Redis", keys: Keys, cause: str, subject: str, detail: str) -> None:
    """Count one more trouble; the words are those of trouble.lua.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    client.hincrby(keys.troubles, f"{cause}|{subject}|{detail}", 1)
    client.expire(keys.troubles, LIFE_SECONDS)
