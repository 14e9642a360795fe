"""Self-monitoring: the pipeline's own troubles, raised as alerts, at most one per cause in NOTIFIER_WATCH_SECONDS."""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import cast

import redis

from notifier.errors import NotifierError
from notifier.gate.admin import Gate
from notifier.gate.trouble import count_troubles
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outcome import Reason
from notifier.plain_text import plain
from notifier.producer.publisher import Publisher
from notifier.settings import Settings
from notifier.storage.connection import broker_errors
from notifier.storage.interval import begins_interval
from notifier.storage.keys import Keys

logger = logging.getLogger(__name__)

SOURCE = "notifier"
WORDS = {
    "dead_letters": (
        "Not delivered: {count} × {named}",
        "{listed}. They are kept: `notifier dead list --type {kinds}`, and `notifier dead replay`.",
    ),
    "dead_letters_dropped": (
        "Dead letters dropped: {count} × {named}",
        "There are more than are kept; the oldest were dropped.",
    ),
    "webhook_gone": (
        "The webhook of {named} is gone",
        "Discord does not know it (code 10015 or 50027): it is not asked again until its URL changes, or"
        " `notifier gate reset {kinds}`. Workers that hold another URL go on.",
    ),
    "undeliverable": (
        "No worker can deliver {named}",
        "{reasons}. Its alerts wait DISCORD_UNDELIVERABLE_SECONDS for a worker that can, then they are dead letters. "
        "`notifier check` shows what the workers hold.",
    ),
    "breaker_open": (
        "Discord fails for the webhook of {named}",
        "Its circuit breaker has opened: until it closes its alerts wait, and one probe at a time tries again.",
    ),
    "edge_banned": (
        "Discord's edge has banned this address",
        "While that lasts all webhooks pause, for the whole fleet, until one probe gets through.",
    ),
    "machine_fault": (
        "{named} cannot reach Discord",
        "Its alerts wait until that is repaired; workers on other machines go on. {listed}",
    ),
    "folded": (
        "Too many alerts of {named}: {count} were folded",
        "Its outbox was full. A digest in its channel counts them; the history has each.",
    ),
    "unreadable": (
        "Not a task's message: {count} × in the queue of {named}",
        "{listed}. They are set aside, not run: `notifier dead unreadable` shows them, and why. Who puts them there?",
    ),
    "newer": (
        "Alerts of {named} wait for a newer worker: {count}",
        "A later version wrote them, and a worker that cannot read them leaves them to others. Upgrade the workers: "
        "what none can read within an hour is a dead letter, kept whole, and `notifier dead replay` sends it later.",
    ),
    "redis_unfit": (
        "Redis may lose alerts, or cannot be used",
        "{listed}. docs/redis.md says what it must be.",
    ),
    "stuck": (
        "Alerts of {named} wait and nothing moves",
        "For more than 5 minutes. What they wait for: {reasons}.",
    ),
}
"""Title and text of each cause that the scripts report."""


class SelfMonitor:
    """Reports what the scripts have counted (``report_trouble`` in trouble.lua). ``look_at_redis``: a RedisWatch.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(
        self,
        client: "redis.Redis",
        settings: Settings,
        publisher: Publisher,
        gate: Gate,
        look_at_redis: Callable[[], object] = bool,
    ) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._publisher = publisher
        self._gate = gate
        self._look_at_redis = look_at_redis

    def report(self) -> None:
        """Raise an alert for each cause that was not reported lately. Several workers may do so at once."""
        self._look_at_redis()
        if not self._settings.watch_seconds:
            return
        with broker_errors():
            found = cast("dict[str, str]", self._redis.hgetall(self._keys.troubles))
        causes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for field, count in found.items():
            what, subject, detail = field.split("|", 2)
            if int(count) > 0 and what in WORDS:  # a later version may count others
                causes[what, subject][detail] += int(count)
        for (what, subject), details in causes.items():
            self._report(what, subject, details)

    def _report(self, what: str, subject: str, details: Counter[str]) -> None:
        last_notified = self._keys.last_notified(f"{what}:{subject}")
        if not begins_interval(self._redis, last_notified, self._settings.watch_seconds):
            return
        try:
            self._publisher.submit(self._message(what, subject, details))
        except NotifierError as error:
            logger.error("%s of %s could not be raised as an alert: %s", what, subject, error)
            with broker_errors():
                self._redis.delete(last_notified)
            return
        with broker_errors():
            told = {detail: -count for detail, count in details.items()}
            count_troubles(self._redis, self._keys, what, subject, told)

    def _message(self, what: str, subject: str, details: Counter[str]) -> NotificationMessage:
        kinds = self._kinds(subject)
        words = {
            "count": details.total(),
            "named": " and ".join(f"`{kind}`" for kind in kinds) or _quoted(subject) or "an unknown type",
            "kinds": " ".join(kinds),
            "listed": ", ".join(f"{times} × {_quoted(detail)}" for detail, times in details.most_common() if detail),
            "reasons": ", ".join(_quoted(each.replace("_", " ")) for each in details if each) or "a worker",
        }
        title, text = WORDS[what]
        is_escaped = any(_quoted(each) != each for each in (subject, *details))
        return NotificationMessage(
            alert_type=self._target(kinds),
            title=title.format_map(words),
            message=text.format_map(words),
            severity=Severity.WARNING,
            source=SOURCE,
            metadata={"cause": what, "subject": subject},
            markdown=True if is_escaped else None,  # what is escaped already must not be escaped again
        )

    def _kinds(self, subject: str) -> list[AlertType]:
        if (kind := subject.partition(".")[0]) in set(AlertType):  # or one partition of it
            return [AlertType(kind)]
        known = {kind: self._settings.webhooks_of(kind) for kind in self._settings.webhooks}
        return [kind for kind, webhooks in known.items() if any(each.id == subject for each in webhooks)]

    def _target(self, failing: list[AlertType]) -> AlertType:
        """Monitoring, or general if monitoring itself fails."""
        webhook = self._settings.webhooks.get(AlertType.MONITORING)
        if webhook is None or AlertType.MONITORING in failing:
            return AlertType.GENERAL
        state = self._gate.state(webhook)
        held = state.quarantined or state.breaker != "closed" or state.pauses
        return AlertType.GENERAL if held else AlertType.MONITORING


def _quoted(text: str) -> str:
    """What others wrote, drawn as it stands. A reason word is so already, and stays readable in the history."""
    return text if text in set(Reason) else plain(text)
