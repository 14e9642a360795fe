"""What is known of one webhook's gate, read for people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifier.outcome import Reason, Scope
from notifier.storage.connection import MICROSECONDS
from notifier.webhook import Webhook

QUARANTINES = "quarantines"
"""The field of ``quarantine.lua``."""
CLOSED = "closed"
"""The field of ``gate.lua``."""
SHOWN_FIELDS = (
    *("name", "channel", "introduced_at", "fetched_for", "breaker", "open_until", "open_for"),
    *(QUARANTINES, CLOSED),
)


@dataclass(frozen=True, slots=True)
class Pause:
    """What an answer has said: nothing goes for a while.

    Attributes:
        scope: what it holds: this webhook, its channel, or (global) the whole address.
        seconds: until it ends.
        probe_seconds: until one request may go all the same; None: none may before it ends.
    """

    scope: Scope
    reason: Reason
    seconds: float
    probe_seconds: float | None

    def __str__(self) -> str:
        probe = "" if self.probe_seconds is None else f", the next probe in {self.probe_seconds:.0f} s"
        return f"{self.reason} for {self.seconds:.0f} s{probe}"


@dataclass(frozen=True, slots=True)
class Closed:
    """Somebody has closed a gate. ``at``: ISO 8601 in UTC, by Redis' clock."""

    at: str
    by: str
    why: str

    def __str__(self) -> str:
        return f"closed by {self.by}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True, slots=True)
class GateState:
    """One webhook's gate, for people to read.

    Attributes:
        webhook_fetched_seconds_ago: since Get Webhook last returned name and channel for this URL; since 1970 if it
            never did, or if it did in the future: the clock has stepped back.
        breaker: ``closed``, ``open`` or ``half_open``.
        quarantined: the reason, None if the webhook is in use.
        breaker_probe_seconds: until a probe may go: 0 if one may or is under way, None if the breaker is closed.
        requests_last_minute: requests answered in the last 60 s, or under way.
        requests_left: how many more DISCORD_RATE_LIMIT takes now.
        pauses: what Discord's answers have said; a bucket that is used up is none.
        closed: by whom, if somebody has closed it.
    """

    webhook_id: str
    name: str | None
    channel_id: str | None
    webhook_fetched_seconds_ago: float
    breaker: str
    breaker_probe_seconds: float | None
    quarantined: str | None
    requests_last_minute: int
    requests_left: int
    pauses: tuple[Pause, ...]
    closed: Closed | None


def state_of(webhook: Webhook, answer: list[Any], fields: list[str | None], sent: int, limit: int) -> GateState:
    """Read what Redis answers: of show_pauses.lua, of SHOWN_FIELDS, and how many requests were sent lately."""
    now, *pauses = answer
    name, channel, introduced_at, fetched_for, breaker, open_until, open_for, quarantines, closed = fields
    if fetched_for not in (None, webhook.fingerprint):
        introduced_at = None  # that was another URL
    fetched_at = float(introduced_at or 0)
    left = min(float(open_until or 0) - now, float(open_for or 0))
    return GateState(
        webhook_id=webhook.id,
        name=name,
        channel_id=channel,
        webhook_fetched_seconds_ago=(now - (fetched_at if fetched_at <= now else 0)) / MICROSECONDS,
        breaker=breaker or "closed",
        breaker_probe_seconds=None if breaker is None else max(0.0, left / MICROSECONDS),
        quarantined=reason_in(quarantines, webhook.fingerprint),
        requests_last_minute=sent,
        requests_left=max(0, limit - sent),
        pauses=tuple(_pauses(pauses)),
        closed=Closed(**json.loads(closed)) if closed else None,
    )


def iso(microseconds_since_1970: int) -> str:
    """A time of Redis\' clock as text."""
    return datetime.fromtimestamp(microseconds_since_1970 / MICROSECONDS, UTC).isoformat(timespec="microseconds")


def _pauses(flat: list[str]) -> Iterator[Pause]:
    for scope, reason, left, probe_in in zip(*[iter(flat)] * 4, strict=True):
        seconds, probe_seconds = int(left) / MICROSECONDS, int(probe_in) / MICROSECONDS
        yield Pause(Scope(scope), Reason(reason), seconds, probe_seconds if probe_seconds >= 0 else None)


def reason_in(listed: str | None, fingerprint: str) -> str | None:
    """As ``quarantine_reason`` in quarantine.lua."""
    reasons: dict[str, str] = dict(json.loads(listed or "[]"))
    return reasons.get(fingerprint)
