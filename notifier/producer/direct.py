"""An alert posted by the application itself while Redis is away, for the types that DISCORD_DIRECT_FALLBACK names.

Without Redis no process knows of the others, so each keeps to a part of what Discord takes, and never waits: what does
not go now is left to the caller.
"""

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from notifier.models import NotificationMessage
from notifier.outcome import QUARANTINING, Answer, Deferred, Outcome, Reason, Rejected
from notifier.producer.submitted import SENT_DIRECTLY_NOTE
from notifier.render.batch import compose
from notifier.render.notes import SEPARATOR, note
from notifier.routing import ROUTES
from notifier.settings import Settings, Webhook

if TYPE_CHECKING:
    from notifier.discord import DiscordClient

WINDOW_SECONDS = 2.0
WINDOW_REQUESTS = 2
"""Ours: of the 5 that a webhook's bucket holds (Discord staff, discord-api-docs #367), for others may post as well."""
MINUTE_SECONDS = 60.0
MINUTE_SHARE = 3
"""Ours: a third of DISCORD_RATE_LIMIT, for the same reason."""


@dataclass(slots=True)
class _Budget:
    """What this process has sent to one webhook, and until when it must not; times are of the monotonic clock."""

    sent: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0

    def take(self, now: float, per_minute: int) -> float:
        """Seconds until a request may go; 0: it goes now and is counted."""
        while self.sent and self.sent[0] <= now - MINUTE_SECONDS:
            self.sent.popleft()
        waits = [self.blocked_until - now]
        for requests, seconds in (
            (WINDOW_REQUESTS, WINDOW_SECONDS),
            (max(1, per_minute // MINUTE_SHARE), MINUTE_SECONDS),
        ):
            if len(self.sent) >= requests:
                waits.append(self.sent[-requests] + seconds - now)
        if max(waits) > 0:
            return max(waits)
        self.sent.append(now)
        return 0.0

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
        self._budgets: defaultdict[str, _Budget] = defaultdict(_Budget)

    def post(self, message: NotificationMessage, *, maybe_admitted: bool = False) -> Outcome:
        """Make at most one request; never waits for its turn.

        Args:
            maybe_admitted: Redis may have the alert as well, and a worker post it; the footer says so.

        Returns:
            The outcome: ``Deferred`` if this process has used up its part, ``Rejected`` if the type has no webhook.
        """
        webhook = self._settings.webhooks.get(message.alert_type)
        if webhook is None:
            unset = f"{ROUTES[message.alert_type].webhook_variables[0]} is not set"
            detail = self._settings.wrong_webhooks.get(message.alert_type, unset)
            return Rejected(Reason.WEBHOOK_NOT_CONFIGURED, detail)
        with self._lock:
            wait = self._budgets[webhook.fingerprint].take(time.monotonic(), self._settings.rate_limit_per_minute)
        if wait > 0:
            return Deferred(wait, Reason.CONFIGURED_LIMIT)
        notes = SEPARATOR.join(filter(None, (SENT_DIRECTLY_NOTE, note(maybe_posted=maybe_admitted))))
        return self._request(webhook, message, notes)

    def _request(self, webhook: Webhook, message: NotificationMessage, notes: str) -> Outcome:
        answer = self._client.execute(webhook, compose([message], [notes]))
        with self._lock:
            self._budgets[webhook.fingerprint].learn(answer, time.monotonic())
        return answer.outcome
