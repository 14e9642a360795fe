"""Who did what to the pipeline, when and why: the last actions, on the page and by commands."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import redis

from notifier.outbox.message_secrets import masked_value
from notifier.outbox.record import iso
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import AUDIT_LIFE_SECONDS, Keys
from notifier.texts import clean

KEPT_MAX = 1_000
"""Ours: actions that are kept; the oldest are dropped."""
NAME_CHARACTERS, WHY_CHARACTERS = 100, 500
"""Ours: what is kept of who did it, and why."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who does something, and why."""

    by: str
    why: str = ""

    @classmethod
    def of(cls, by: object, why: object, settings: Settings) -> "Author":
        """As it is kept: on one line, not too long, and without secrets."""
        texts = (" ".join(clean(str(each)).split()) for each in (by, why))
        if settings.mask_secrets:
            texts = (str(masked_value(each, settings.secret_patterns)) for each in texts)
        return cls(*(each[:most] for each, most in zip(texts, (NAME_CHARACTERS, WHY_CHARACTERS), strict=True)))

    def __str__(self) -> str:
        return f"by {self.by}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody did. ``at``: ISO 8601 in UTC, by Redis' clock. ``action``: as ``gate.close`` or ``dead.drop``.

    ``target``: an alert type, an id, a name, or which ones in words. ``more``: what it came to, as counts.
    """

    at: str
    by: str
    why: str
    action: str
    target: str
    more: dict[str, Any] = field(default_factory=dict)


class Audit:
    """The last actions, for 90 days.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._redis = client
        self._key = keys.audit

    def note(self, author: Author, action: str, target: str, **more: Any) -> Action:
        """Keep an action that is done."""
        with broker_errors():
            now = clock(self._redis)
            done = Action(iso(now), author.by, author.why, action, target, more)
            pipeline = self._redis.pipeline()
            pipeline.zadd(self._key, {json.dumps(asdict(done)): now})
            pipeline.zremrangebyscore(self._key, "-inf", now - AUDIT_LIFE_SECONDS * MICROSECONDS)
            pipeline.expire(self._key, AUDIT_LIFE_SECONDS)
            pipeline.zrange(self._key, 0, -KEPT_MAX - 1)
            if surplus := pipeline.execute()[-1]:
                self._redis.zrem(self._key, *surplus)
        return done

    def list(self, limit: int = KEPT_MAX) -> list[Action]:
        """The last ones, newest first."""
        with broker_errors():
            found = cast("list[str]", self._redis.zrange(self._key, -limit, -1))
        return [Action(**json.loads(each)) for each in reversed(found)]
