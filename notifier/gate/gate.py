"""The gate of a webhook: breaker, rate budget, quarantine; and above all webhooks the edge gate of this IP.

The rules are in ``gate.lua``, which the claim and the settle run as part of their one call. Here are its numbers,
what an answer means to it, and its state for people to read and reset.
"""

import json
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.discord import Introduction
from notifier.outcome import Answer, Deferred, Delivered, Failed, Outcome, Reason, Rejected, Scope, Unknown
from notifier.redis import EDGE, EDGE_SENT, WATCH, broker_errors, channel_prefix, clock, script
from notifier.redis import gate as gate_key
from notifier.settings import Settings, Webhook

MICROSECONDS = 1_000_000

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
INTRODUCE_AGAIN_SECONDS = 86_400
"""A webhook can be moved to another channel."""
INTRODUCE_RETRY_SECONDS = 60
LEASE_MARGIN_SECONDS = 5

BREAKER_FIELDS = ("breaker", "open_until", "open_for", "probe", "probe_until", "failures")
QUARANTINING = frozenset({Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID})


def _microseconds(seconds: float) -> int:
    return round(seconds * MICROSECONDS)


def lease_seconds(settings: Settings) -> float:
    """How long a request may be under way before its worker counts as dead: connecting, reading, and a margin."""
    return 3 * settings.timeout_seconds + LEASE_MARGIN_SECONDS


def keys(webhook: Webhook | None) -> list[str]:
    """The gate's five keys, in the order the scripts expect."""
    webhook_id = webhook.id if webhook else ""
    return [gate_key(webhook_id), gate_key(webhook_id, "in_flight"), gate_key(webhook_id, "sent"), EDGE, EDGE_SENT]


def limits(settings: Settings, webhook: Webhook | None) -> dict[str, Any]:
    """What ``gate.lua`` calls ``args``: all times in microseconds."""
    return {
        "webhook_id": webhook.id if webhook else "",
        "fingerprint": webhook.fingerprint if webhook else "",
        "lease": _microseconds(lease_seconds(settings)),
        "bucket_limit": BUCKET_LIMIT,
        "bucket_window": _microseconds(BUCKET_WINDOW_SECONDS),
        "channel_limit": CHANNEL_LIMIT,
        "channel_window": _microseconds(CHANNEL_WINDOW_SECONDS),
        "global_limit": GLOBAL_LIMIT_PER_SECOND,
        "rate_limit": settings.rate_limit_per_minute,
        "rate_window": _microseconds(60),
        "breaker": {
            "threshold": settings.breaker_failures,
            "open_for": _microseconds(settings.breaker_open_seconds),
            "open_max": _microseconds(settings.breaker_open_max_seconds),
        },
        "edge_breaker": {
            "threshold": 1,
            "open_for": _microseconds(EDGE_BAN_SECONDS),
            "open_max": _microseconds(EDGE_BAN_MAX_SECONDS),
        },
    }


def _verdict(outcome: Outcome) -> str:
    """429 and 4xx say nothing about Discord's health: they are neutral."""
    match outcome:
        case Delivered():
            return "success"
        case Failed() | Unknown():
            return "failure"
        case Deferred() | Rejected():
            return "neutral"


def _edge_verdict(answer: Answer) -> str:
    if isinstance(answer.outcome, Deferred) and answer.outcome.scope is Scope.EDGE:
        return "failure"
    return "neutral" if answer.http_status is None else "success"


def report(answer: Answer, claimed_at: int) -> dict[str, Any]:
    """What ``gate_report`` in ``gate.lua`` takes."""
    told: dict[str, Any] = {
        "claimed_at": claimed_at,
        "verdict": _verdict(answer.outcome),
        "edge": _edge_verdict(answer),
    }
    if answer.rate_limit:
        told["learned"] = {
            "limit": answer.rate_limit.limit,
            "remaining": answer.rate_limit.remaining,
            "reset_after": _microseconds(answer.rate_limit.reset_after_seconds),
        }
        if answer.rate_limit.reset_at_seconds is not None:
            told["learned"]["reset_at"] = _microseconds(answer.rate_limit.reset_at_seconds)
    match answer.outcome:
        case Deferred(wait_seconds, reason, scope):
            told["pause"] = {"scope": scope, "wait": _microseconds(wait_seconds), "reason": reason}
        case Rejected(reason) if reason in QUARANTINING:
            told["quarantine"] = reason
    return told


@dataclass(frozen=True, slots=True)
class GateState:
    """One webhook's gate, for people: times are seconds from now."""

    webhook_id: str
    name: str | None
    channel_id: str | None
    introduced_seconds_ago: float
    breaker: str
    quarantined: str | None
    requests_last_minute: int


class Gate:
    """The gates as seen from outside a claim.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._introduce = client.register_script(script("gate/gate.lua", "gate/introduce.lua"))

    def introduced(self, webhook: Webhook, token: str, claimed_at: int, introduction: Introduction) -> None:
        """Keep what GET webhook told: the channel, whose window all its webhooks share; or that it is gone."""
        known = introduction.channel_id is not None
        told = report(introduction.answer, claimed_at) | {
            "token": token,
            "channel": introduction.channel_id or "",
            "guild": introduction.guild_id or "",
            "name": introduction.name or "",
            "again_after": _microseconds(INTRODUCE_AGAIN_SECONDS if known else INTRODUCE_RETRY_SECONDS),
        }
        if told["verdict"] != "success":
            told["verdict"] = "neutral"  # only posts open the breaker
        with broker_errors():
            self._introduce(
                keys=[*keys(webhook), WATCH],
                args=[json.dumps(limits(self._settings, webhook)), channel_prefix(), json.dumps(told)],
            )

    def now(self) -> int:
        """Redis' clock, in microseconds since 1970."""
        with broker_errors():
            return clock(self._redis)

    def state(self, webhook: Webhook) -> GateState:
        """The state of one gate."""
        state_key, _, sent_key, _, _ = keys(webhook)
        now = self.now()
        fields = ["name", "channel", "introduced_at", "breaker", "quarantined", "quarantine_reason"]
        with broker_errors():
            found = cast("list[str | None]", self._redis.hmget(state_key, fields))
            sent = cast("int", self._redis.zcount(sent_key, now - 60 * MICROSECONDS, "+inf"))
        name, channel, introduced_at, breaker, quarantined, reason = found
        return GateState(
            webhook.id,
            name,
            channel,
            (now - float(introduced_at or 0)) / MICROSECONDS,
            breaker or "closed",
            reason if quarantined == webhook.fingerprint else None,
            sent,
        )

    def banned(self) -> bool:
        """Whether this IP is banned at Discord's edge, or only just probing."""
        with broker_errors():
            return bool(self._redis.hexists(EDGE, "breaker"))

    def banned_seconds(self) -> float | None:
        """How long until a probe may go, where this IP is banned; 0 while one is under way."""
        now = self.now()
        with broker_errors():
            breaker, open_until = cast("list[str | None]", self._redis.hmget(EDGE, ["breaker", "open_until"]))
        return None if breaker is None else max(0.0, (float(open_until or 0) - now) / MICROSECONDS)

    def reset_edge(self) -> None:
        """Forget a ban; a global limit stays, it says itself when it ends."""
        with broker_errors():
            self._redis.hdel(EDGE, *BREAKER_FIELDS)

    def reset(self, webhook: Webhook) -> None:
        """Forget breaker and quarantine; the budget stays, Discord remembers it too."""
        with broker_errors():
            self._redis.hdel(keys(webhook)[0], *BREAKER_FIELDS, *("quarantined", "quarantine_reason", "introduce_at"))
