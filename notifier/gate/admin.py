"""The gates as seen from outside a claim: their state, to read and to reset, and the answers of Get Webhook."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis

from notifier.gate.counters import counter_names, field
from notifier.gate.feedback import feedback_of
from notifier.gate.gate import (
    CONFIGURED_WINDOW_SECONDS,
    GATE_SCRIPTS,
    WEBHOOK_INFO_LIFE_SECONDS,
    WEBHOOK_INFO_RETRY_SECONDS,
    limits,
    microseconds,
)
from notifier.gate.machines import Machines
from notifier.gate.state import CLOSED, QUARANTINES, SHOWN_FIELDS, Closed, GateState, iso, reason_in, state_of
from notifier.outcome import Deferred, Reason, Scope, WebhookInfo
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import script
from notifier.webhook import Webhook

CLOSED_SECONDS = 30 * 86_400
"""Ours: the life of a gate's state (gate.lua), and so the longest that nobody opens it."""
OF_BREAKER = ("breaker", "failures", "open_for", "open_until")
"""Fields of ``breaker.lua``; those of its probe begin with ``probe``."""
WEBHOOK_FIELDS = ("name", "channel", "guild", "introduced_at")
"""What Get Webhook told (``gate.lua``); all else in a gate's state is forgotten by a reset."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Whether Get Webhook may be asked now. ``claimed_at``: Redis' clock. ``reason``: why not; None if it may."""

    claimed_at: int
    wait_seconds: float
    reason: Reason | None


class Gate:
    """The gates as seen from outside a claim.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self.machines = Machines(client, self._keys)
        """The machines that cannot reach Discord."""
        self._webhook_info = client.register_script(script(*GATE_SCRIPTS, "gate/webhook_info.lua"))
        self._reserve_fetch = client.register_script(script(*GATE_SCRIPTS, "gate/reserve_fetch.lua"))
        self._show_pauses = client.register_script(script(*GATE_SCRIPTS, "gate/show_pauses.lua"))

    def reserve_fetch(self, webhook: Webhook, token: str) -> Reservation:
        """Reserve a Get Webhook request for which no alert waits; ``token``: any new one."""
        with broker_errors():
            now, wait, reason = self._reserve_fetch(
                keys=self._keys.gate_parts(webhook.id), args=[*self._arguments(webhook), token]
            )
        return Reservation(now, wait / MICROSECONDS, Reason(reason) if wait else None)

    def _arguments(self, webhook: Webhook) -> list[str]:
        return [json.dumps(limits(self._settings, webhook)), self._keys.channel_prefix]

    def webhook_fetched(self, webhook: Webhook, token: str, claimed_at: int, info: WebhookInfo) -> None:
        """Store what Get Webhook returned: the channel, whose window all its webhooks share; or that it is gone.

        Args:
            webhook: the one that was asked for.
            token: of the request, as it was claimed or reserved.
            claimed_at: when that was, in microseconds since 1970 by Redis' clock.
            info: what Discord answered.
        """
        feedback = feedback_of(info.answer, claimed_at)
        if feedback["health"] == "failure":
            feedback["health"] = "neutral"  # only posts open the breaker
        again_after = WEBHOOK_INFO_LIFE_SECONDS if info.channel_id is not None else WEBHOOK_INFO_RETRY_SECONDS
        if isinstance(info.answer.outcome, Deferred) and info.answer.outcome.scope is Scope.MACHINE:
            again_after = 0  # another machine may ask at once
        payload = {
            "token": token,
            "channel": info.channel_id or "",
            "guild": info.guild_id or "",
            "name": info.name or "",
            "fetch_again_after": microseconds(again_after),
            "feedback": feedback,
            "counters": counter_names(self._keys),
            "counted": {field("requests", "", "GET", info.answer.http_status or "none"): 1},
        }
        with broker_errors():
            self._webhook_info(
                keys=[*self._keys.gate_parts(webhook.id), self._keys.troubles],
                args=[*self._arguments(webhook), json.dumps(payload)],
            )

    def now(self) -> int:
        """Redis' clock, in microseconds since 1970."""
        with broker_errors():
            return clock(self._redis)

    def state(self, webhook: Webhook) -> GateState:
        """The state of one gate."""
        return self.states([webhook])[0]

    def states(self, webhooks: Sequence[Webhook]) -> list[GateState]:
        """Those of several, in order, in two round trips."""
        with broker_errors():
            try:
                found = self._read(webhooks)
            except redis.exceptions.NoScriptError:  # not a pipeline of Script: that needs one right more
                self._show_pauses(keys=self._keys.gate_parts(webhooks[0].id), args=self._arguments(webhooks[0]))
                found = self._read(webhooks)
            pauses, fields = found[::2], found[1::2]
            since = microseconds(CONFIGURED_WINDOW_SECONDS)
            pipeline = self._redis.pipeline(transaction=False)
            for webhook, (now, *_) in zip(webhooks, pauses, strict=True):
                pipeline.zcount(self._keys.gate_parts(webhook.id)[2], now - since, "+inf")
            sent = pipeline.execute()
        rows = zip(webhooks, pauses, fields, sent, strict=True)
        return [state_of(*row, self._settings.rate_limit_per_minute) for row in rows]

    def _read(self, webhooks: Sequence[Webhook]) -> list[Any]:
        pipeline: Any = self._redis.pipeline(transaction=False)
        for webhook in webhooks:
            parts = self._keys.gate_parts(webhook.id)
            pipeline.evalsha(self._show_pauses.sha, len(parts), *parts, *self._arguments(webhook))
            pipeline.hmget(parts[0], [*SHOWN_FIELDS])
        return list(pipeline.execute())

    def quarantine_reason(self, webhook_id: str, fingerprint: str) -> str | None:
        """What Discord said of this URL of a webhook; None if it is in use."""
        with broker_errors():
            found = cast("str | None", self._redis.hget(self._keys.gate(webhook_id), QUARANTINES))
        return reason_in(found, fingerprint)

    def banned(self) -> bool:
        """Whether this address is banned at Discord's edge, as far as is known; also while a probe is under way."""
        with broker_errors():
            return bool(self._redis.hexists(self._keys.edge, "breaker"))

    def banned_seconds(self) -> float | None:
        """Seconds until the next probe of a ban may go: 0 if one may go or is under way, None without a ban."""
        now = self.now()
        with broker_errors():
            breaker, open_until, open_for = cast(
                "list[str | None]", self._redis.hmget(self._keys.edge, ["breaker", "open_until", "open_for"])
            )
        left = min(float(open_until or 0) - now, float(open_for or 0))
        return None if breaker is None else max(0.0, left / MICROSECONDS)

    def reset_edge(self) -> None:
        """Forget a ban, a global limit, and which requests this address has made."""
        with broker_errors():
            self._redis.delete(self._keys.edge, self._keys.edge_pause, self._keys.edge_sent)

    def close(self, webhook: Webhook, by: str, why: str = "") -> None:
        """Let nothing go to a webhook until somebody opens or resets its gate; 30 days at most."""
        state = self._keys.gate(webhook.id)
        with broker_errors():
            closed = Closed(iso(clock(self._redis)), by, why)
            pipeline = self._redis.pipeline()
            pipeline.hset(state, CLOSED, json.dumps(asdict(closed)))
            pipeline.expire(state, CLOSED_SECONDS)
            pipeline.execute()

    def open(self, webhook: Webhook) -> None:
        """End what somebody has closed, and close its breaker; what Discord said of the webhook stays."""
        state = self._keys.gate(webhook.id)
        with broker_errors():
            known = cast("list[str]", self._redis.hkeys(state))
            if ended := [each for each in known if each in (CLOSED, *OF_BREAKER) or each.startswith("probe")]:
                self._redis.hdel(state, *ended)

    def reset(self, webhook: Webhook) -> None:
        """Forget breaker, quarantine, pauses, buckets and windows, its channel's too, and who has closed it.

        Get Webhook is asked anew.
        """
        state, *sets = self._keys.gate_parts(webhook.id)[:3]
        with broker_errors():
            channel_id = self._redis.hget(state, "channel") or f"of-webhook-{webhook.id}"
            channel = f"{self._keys.channel_prefix}{channel_id}"
            forgotten = set(cast("list[str]", self._redis.hkeys(state))) - set(WEBHOOK_FIELDS)
            pipeline = self._redis.pipeline()
            pipeline.delete(*sets, channel, f"{channel}:blocked", f"{channel}:pause")
            pipeline.delete(*(self._keys.gate(webhook.id, part) for part in ("pause", "read", "read_in_flight")))
            if forgotten:
                pipeline.hdel(state, *forgotten)
            pipeline.execute()
