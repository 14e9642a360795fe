"""Troubles that are found outside the scripts, counted where theirs are (``report_trouble`` in trouble.lua)."""

from collections.abc import Mapping

import redis

from notifier.storage.keys import Keys

LIFE_SECONDS = 30 * 86_400
"""As ``LIFE_MS`` in ``clock.lua``."""


def report_trouble(client: "redis.Redis", keys: Keys, cause: str, subject: str, detail: str) -> None:
    """Count one more trouble; the words are those of trouble.lua.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    count_troubles(client, keys, cause, subject, {detail: 1})


def count_troubles(client: "redis.Redis", keys: Keys, cause: str, subject: str, counts: Mapping[str, int]) -> None:
    """Add to what is counted of each detail; less than nothing for what is reported. Raises as ``report_trouble``."""
    pipeline = client.pipeline()
    for detail, count in counts.items():
        pipeline.hincrby(keys.troubles, f"{cause}|{subject}|{detail}", count)
    pipeline.expire(keys.troubles, LIFE_SECONDS)
    pipeline.execute()
