"""The gates as seen from outside a claim: their state, for people to read and reset, and what Get Webhook told."""

import json
from dataclasses import dataclass
from typing import cast

import redis

from notifier.gate.feedback import feedback_of
from notifier.gate.gate import MICROSECONDS, WEBHOOK_INFO_LIFE_SECONDS, WEBHOOK_INFO_RETRY_SECONDS, limits, microseconds
from notifier.outcome import WebhookInfo
from notifier.settings import Settings, Webhook
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import script

QUARANTINE_FIELDS = ("quarantined", "quarantine_reason")
BREAKER_FIELDS = ("breaker", "open_until", "open_for", "probe", "probe_until", "failures")


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
        self._keys = Keys(settings.key_prefix)
        self._fetch_webhook = client.register_script(script("gate/gate.lua", "gate/webhook_info.lua"))

    def webhook_fetched(self, webhook: Webhook, token: str, claimed_at: int, info: WebhookInfo) -> None:
        """Keep what GET webhook told: the channel, whose window all its webhooks share; or that it is gone."""
        known = info.channel_id is not None
        feedback = feedback_of(info.answer, claimed_at) | {
            "token": token,
            "channel": info.channel_id or "",
            "guild": info.guild_id or "",
            "name": info.name or "",
            "again_after": microseconds(WEBHOOK_INFO_LIFE_SECONDS if known else WEBHOOK_INFO_RETRY_SECONDS),
        }
        if feedback["health"] != "success":
            feedback["health"] = "neutral"  # only posts open the breaker
        with broker_errors():
            self._fetch_webhook(
                keys=[*self._keys.gate_parts(webhook.id), self._keys.troubles],
                args=[json.dumps(limits(self._settings, webhook)), self._keys.channel_prefix, json.dumps(feedback)],
            )

    def now(self) -> int:
        """Redis' clock, in microseconds since 1970."""
        with broker_errors():
            return clock(self._redis)

    def state(self, webhook: Webhook) -> GateState:
        """The state of one gate."""
        state_key, _, sent_key, _, _ = self._keys.gate_parts(webhook.id)
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
            return bool(self._redis.hexists(self._keys.edge, "breaker"))

    def banned_seconds(self) -> float | None:
        """How long until a probe may go, where this IP is banned; 0 while one is under way."""
        now = self.now()
        with broker_errors():
            breaker, open_until = cast(
                "list[str | None]", self._redis.hmget(self._keys.edge, ["breaker", "open_until"])
            )
        return None if breaker is None else max(0.0, (float(open_until or 0) - now) / MICROSECONDS)

    def reset_edge(self) -> None:
        """Forget a ban; a global limit stays, it says itself when it ends."""
        with broker_errors():
            self._redis.hdel(self._keys.edge, *BREAKER_FIELDS)

    def reset(self, webhook: Webhook) -> None:
        """Forget breaker and quarantine; the budget stays, Discord remembers it too."""
        with broker_errors():
            self._redis.hdel(
                self._keys.gate(webhook.id), *BREAKER_FIELDS, *("quarantined", "quarantine_reason", "introduce_at")
            )
