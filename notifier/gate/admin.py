"""The gates as seen from outside a claim: their state, to read and to reset, and the answers of Get Webhook."""

import json
from dataclasses import dataclass
from typing import cast

import redis

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
from notifier.outcome import Deferred, Scope, WebhookInfo
from notifier.settings import Settings, Webhook
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import script

QUARANTINE_FIELDS = ("quarantines", "quarantined", "quarantine_reason")
"""The fields of ``quarantine.lua``."""
BREAKER_FIELDS = ("breaker", "failures", "open_for", "open_until", "probe", "probe_until")
"""The fields of ``breaker.lua``."""
WEBHOOK_FETCH_DUE_FIELD = "introduce_at"
"""When Get Webhook is due again (``gate.lua``)."""


@dataclass(frozen=True, slots=True)
class GateState:
    """One webhook's gate, for people to read.

    Attributes:
        webhook_fetched_seconds_ago: since Get Webhook last returned name and channel for this URL; since 1970 if it
            never did.
        breaker: ``closed``, ``open`` or ``half_open``.
        quarantined: the reason, None if the webhook is in use.
        requests_last_minute: requests claimed or answered in the last 60 s.
    """

    webhook_id: str
    name: str | None
    channel_id: str | None
    webhook_fetched_seconds_ago: float
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
        self.machines = Machines(client, self._keys)
        """The machines that cannot reach Discord."""
        self._webhook_info = client.register_script(script(*GATE_SCRIPTS, "gate/webhook_info.lua"))

    def webhook_fetched(self, webhook: Webhook, token: str, claimed_at: int, info: WebhookInfo) -> None:
        """Store what Get Webhook returned: the channel, whose window all its webhooks share; or that it is gone.

        Args:
            webhook: the one that was asked for.
            token: of the request, as it was claimed; any new one if it was not.
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
        }
        with broker_errors():
            self._webhook_info(
                keys=[*self._keys.gate_parts(webhook.id), self._keys.troubles],
                args=[json.dumps(limits(self._settings, webhook)), self._keys.channel_prefix, json.dumps(payload)],
            )

    def now(self) -> int:
        """Redis' clock, in microseconds since 1970."""
        with broker_errors():
            return clock(self._redis)

    def state(self, webhook: Webhook) -> GateState:
        """The state of one gate."""
        state_key, _, sent_key, _, _ = self._keys.gate_parts(webhook.id)
        now = self.now()
        fields = ["name", "channel", "introduced_at", "fetched_for", "breaker", *QUARANTINE_FIELDS]
        with broker_errors():
            found = cast("list[str | None]", self._redis.hmget(state_key, fields))
            since = now - microseconds(CONFIGURED_WINDOW_SECONDS)
            sent = cast("int", self._redis.zcount(sent_key, since, "+inf"))
        name, channel, fetched_at, fetched_for, breaker, *quarantine = found
        if fetched_for not in (None, webhook.fingerprint):
            fetched_at = None  # that was another URL
        return GateState(
            webhook_id=webhook.id,
            name=name,
            channel_id=channel,
            webhook_fetched_seconds_ago=(now - float(fetched_at or 0)) / MICROSECONDS,
            breaker=breaker or "closed",
            quarantined=_quarantine_reason(quarantine, webhook.fingerprint),
            requests_last_minute=sent,
        )

    def quarantine_reason(self, webhook_id: str, fingerprint: str) -> str | None:
        """What Discord said of this URL of a webhook; None if it is in use."""
        with broker_errors():
            found = cast("list[str | None]", self._redis.hmget(self._keys.gate(webhook_id), list(QUARANTINE_FIELDS)))
        return _quarantine_reason(found, fingerprint)

    def banned(self) -> bool:
        """Whether this address is banned at Discord's edge, as far as is known; also while a probe is under way."""
        with broker_errors():
            return bool(self._redis.hexists(self._keys.edge, "breaker"))

    def banned_seconds(self) -> float | None:
        """Seconds until the next probe of a ban may go: 0 if one may go or is under way, None without a ban."""
        now = self.now()
        with broker_errors():
            breaker, open_until = cast(
                "list[str | None]", self._redis.hmget(self._keys.edge, ["breaker", "open_until"])
            )
        return None if breaker is None else max(0.0, (float(open_until or 0) - now) / MICROSECONDS)

    def reset_edge(self) -> None:
        """Forget a ban. A global limit stays: Discord said when it ends."""
        with broker_errors():
            self._redis.hdel(self._keys.edge, *BREAKER_FIELDS)

    def reset(self, webhook: Webhook) -> None:
        """Forget breaker and quarantine, and ask Get Webhook anew. The budget stays: Discord remembers it too."""
        fields = (*BREAKER_FIELDS, *QUARANTINE_FIELDS, WEBHOOK_FETCH_DUE_FIELD)
        with broker_errors():
            self._redis.hdel(self._keys.gate(webhook.id), *fields)


def _quarantine_reason(found: "list[str | None]", fingerprint: str) -> str | None:
    """As ``quarantine_reason`` in quarantine.lua. ``found``: the values of ``QUARANTINE_FIELDS``."""
    listed, alone, reason_alone = found
    reasons: dict[str, str] = dict(json.loads(listed or "[]"))
    return reasons.get(fingerprint, reason_alone if alone == fingerprint else None)
