"""An alert posted by the application itself while Redis is away, for the types that DISCORD_DIRECT_FALLBACK names.

Without Redis no process knows of the others, so each keeps to a part of what Discord takes, and never waits: what does
not go now is left to the caller.
"""

import math
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from notifier.gate.gate import (
    BUCKET_LIMIT,
    BUCKET_WINDOW_SECONDS,
    CHANNEL_LIMIT,
    CHANNEL_WINDOW_SECONDS,
    CONFIGURED_WINDOW_SECONDS,
)
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.disposition import REPAIRABLE
from notifier.outbox.quiet import SILENT, is_silent
from notifier.outcome import QUARANTINING, Answer, Deferred, Delivered, Reason, Rejected
from notifier.producer.straight import Posted
from notifier.producer.submitted import SENT_DIRECTLY_NOTE
from notifier.render.batch import compose
from notifier.render.incident import as_resolution
from notifier.render.notes import SEPARATOR, note
from notifier.render.ornaments import ornaments, refused_by_form
from notifier.routing import ROUTES
from notifier.settings import Settings
from notifier.webhook import Webhook

if TYPE_CHECKING:
    from notifier.discord import DiscordClient

SHARE = 3
"""Ours: a process takes a third of each limit at most, for others may post as well."""
Rule = tuple[int, float]
"""So many requests in so many seconds."""


def third(limit: int, seconds: float) -> Rule:
    """The part of a limit that one process takes: never more than a third, in any time."""
    return (limit // SHARE, seconds) if limit >= SHARE else (1, seconds * SHARE / limit)


BUCKET = third(BUCKET_LIMIT, BUCKET_WINDOW_SECONDS)
CHANNEL = third(CHANNEL_LIMIT, CHANNEL_WINDOW_SECONDS)


class _Sent:
    """When requests went, by the monotonic clock, as far back as these rules look."""

    def __init__(self, *rules: Rule) -> None:
        self._rules = rules
        self._times: deque[float] = deque(maxlen=max(requests for requests, _ in rules))

    def wait(self, now: float) -> float:
        """Seconds until the next may go; 0 or less: now."""
        waits = [
            self._times[-requests] + seconds - now for requests, seconds in self._rules if len(self._times) >= requests
        ]
        return max(waits, default=0.0)

    def add(self, now: float) -> None:
        """One goes now."""
        self._times.append(now)


@dataclass(slots=True)
class _Budget:
    """What this process has sent to one webhook, and until when it must not; times are of the monotonic clock."""

    sent: _Sent
    blocked_until: float = 0.0

    def learn(self, answer: Answer, now: float) -> None:
        """Wait as long as this answer asks for: for ever if the webhook is gone."""
        wait = 0.0
        if isinstance(answer.outcome, Deferred):
            wait = answer.outcome.wait_seconds
        elif isinstance(answer.outcome, Rejected) and answer.outcome.reason in QUARANTINING:
            wait = float("inf")
        elif answer.rate_limit is not None and answer.rate_limit.remaining == 0:
            wait = answer.rate_limit.reset_after_seconds
        self.blocked_until = max(self.blocked_until, now + wait)


class Direct:
    """Posts single alerts, marked as such. May be shared by threads."""

    def __init__(self, client: "DiscordClient", settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._lock = threading.Lock()
        per_minute = third(settings.rate_limit_per_minute, CONFIGURED_WINDOW_SECONDS)
        self._budgets = defaultdict[str, _Budget](lambda: _Budget(_Sent(BUCKET, per_minute)))
        self._pinged: dict[AlertType, float] = {}
        self._all_sent = _Sent(CHANNEL)  # without Redis, nobody knows which webhooks share a channel

    def post(self, message: NotificationMessage, *, maybe_admitted: bool = False) -> Posted:
        """Make one request, and another one without ornaments if Discord refuses it; never waits for its turn.

        Args:
            maybe_admitted: Redis may have the alert as well, and a worker post it; the footer says so.

        Returns:
            Its outcome is ``Deferred`` if this process has used up its part, ``Rejected`` if the type has no webhook.
        """
        webhook = self._webhook(message.alert_type)
        if webhook is None:
            unset = f"{ROUTES[message.alert_type].webhook_variables[0]} is not set"
            detail = self._settings.wrong_webhooks.get(message.alert_type, unset)
            return Posted(Rejected(Reason.WEBHOOK_NOT_CONFIGURED, detail))
        if (wait := self._take(webhook)) > 0:
            return Posted(Deferred(wait, Reason.CONFIGURED_LIMIT))
        is_change = message.update or message.resolved  # nobody need look at once
        silent = is_change or is_silent([message], datetime.now(UTC), self._settings)
        message = as_resolution(message) if message.resolved else message
        message = message.model_copy(update=SILENT) if silent else self._pinging(message)
        times = f"× {message.count}" if message.count and message.count > 1 else ""
        notes = SEPARATOR.join(filter(None, (times, SENT_DIRECTLY_NOTE, note(maybe_posted=maybe_admitted))))
        left_out = refused_by_form(message)
        answer = self._request(webhook, message, notes, left_out)
        if _goes_again_bare(answer):
            left_out |= frozenset(ornaments(message))
            answer = self._request(webhook, message, notes, left_out)
        if isinstance(answer.outcome, Delivered) and not silent:
            self._pinged.setdefault(message.alert_type, time.monotonic())
        return Posted(answer.outcome, left_out)

    def _webhook(self, alert_type: AlertType) -> Webhook | None:
        """The first that is not gone, as far as this process knows; the first if all are."""
        webhooks = self._settings.webhooks_of(alert_type)
        with self._lock:
            left = [each for each in webhooks if self._budgets[each.fingerprint].blocked_until < math.inf]
        return next(iter((*left, *webhooks)), None)

    def _pinging(self, message: NotificationMessage) -> NotificationMessage:
        """With whom its type pings, unless this process has pinged them lately: it knows of no other."""
        kind, now = message.alert_type, time.monotonic()
        if now - self._pinged.get(kind, -math.inf) < self._settings.mention_quiet_seconds:
            return message
        self._pinged.pop(kind, None)
        mentions = dict.fromkeys((*message.mentions, *self._settings.mentions_by_type.get(kind, ())))
        return message.model_copy(update={"mentions": tuple(mentions)})

    def _take(self, webhook: Webhook) -> float:
        """Seconds until a request may go; 0 or less: it goes now and is counted."""
        with self._lock:
            budget, now = self._budgets[webhook.fingerprint], time.monotonic()
            wait = max(budget.blocked_until - now, budget.sent.wait(now), self._all_sent.wait(now))
            if wait <= 0:
                budget.sent.add(now)
                self._all_sent.add(now)
            return wait

    def _request(self, webhook: Webhook, message: NotificationMessage, notes: str, left_out: frozenset[str]) -> Answer:
        payload = compose([message], [notes], [left_out])
        answer = self._client.execute(webhook, payload)
        with self._lock:
            self._budgets[webhook.fingerprint].learn(answer, time.monotonic())
        return answer


def _goes_again_bare(answer: Answer) -> bool:
    """Whether what was refused may go at once without ornaments: only if Discord says that there is room."""
    outcome, bucket = answer.outcome, answer.rate_limit
    has_room = bucket is not None and bucket.remaining > 0
    return isinstance(outcome, Rejected) and outcome.reason in REPAIRABLE and has_room
