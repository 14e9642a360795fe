"""Incidents on a bench, with one who sweeps."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import reminders as reminders_module
from notifier.outbox.claim import Batch
from notifier.outbox.preparation import prepare
from notifier.outbox.reminders import Due, Reminders
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outcome import Delivered
from notifier.worker.reminder_watch import ReminderWatch
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.integration.incidents import CHANNEL
from tests.names import names

GENERAL, CRITICAL = AlertType.GENERAL, AlertType.CRITICAL
MINUTE, HOUR, DAY = 60, 3_600, 86_400
LONG: dict[str, Any] = {"dedup_seconds": 30 * DAY}
HOURLY: dict[str, Any] = {"remind_seconds": HOUR, **LONG}


@dataclass
class Watched:
    """A bench with one who sweeps. ``posted``: what was raised, by id; ``times``: how often it was."""

    bench: Bench
    reminders: Reminders
    posted: dict[str, NotificationMessage] = field(default_factory=dict)
    times: int = 0
    full: frozenset[AlertType] = frozenset()

    def submit(self, message: NotificationMessage, terms: Terms = NO_TERMS) -> None:
        """Take an alert as a client does; of types that are full, none."""
        if message.alert_type in self.full:
            raise QueueFull("full")
        self.times += 1
        self.bench.outbox.admit(prepare(message, self.bench.settings), terms)
        self.posted.setdefault(message.id, message)

    def sweep(self, seconds: float = 0) -> list[str]:
        """Sweep once after so long; returns the titles of all that was raised, those that wait are delivered."""
        self.raised(seconds)
        self.deliver()
        return [each.title for each in self.posted.values()]

    def raised(self, seconds: float = 0) -> int:
        """The same; nothing is delivered. Returns how many were raised."""
        self.bench.tick(seconds)
        client: Any = self
        ReminderWatch(self.reminders, self.bench.withdrawals, client, self.bench.settings).report()
        return len(self.posted)

    def deliver(self) -> None:
        """All that waits."""
        for kind, webhook in ((GENERAL, WEBHOOK), (CRITICAL, OTHER_WEBHOOK)):
            for _ in range(5):
                claim = self.bench.claim(webhook=webhook, alert_type=kind)
                if isinstance(claim, Batch):
                    self.bench.commit(claim, Delivered("950", CHANNEL))
                self.bench.tick(0.1)

    def take(self) -> Due:
        """Take what is due, as a worker does that dies then."""
        (due,) = self.reminders.take()
        return due

    def hours(self, most: int) -> list[int]:
        """Sweep every hour; returns after how many hours each reminder came."""
        came: list[int] = []
        for hour in range(1, most):
            if self.raised(HOUR) > len(came):
                came.append(hour)
                self.deliver()
        return came


@pytest.fixture
def watched(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """An open gate."""
    monkeypatch.setattr(reminders_module, "script", by_test_clock)
    bench = make_bench(webhooks={GENERAL: WEBHOOK, CRITICAL: OTHER_WEBHOOK}, expire_seconds=30 * DAY)
    bench.admit("before")
    bench.open_gate()
    return Watched(bench, Reminders(bench.redis, bench.settings))


def is_planned(watched: Watched) -> bool:
    """Whether anything is still to be done for an incident."""
    return watched.bench.redis.zcard(names.reminders) > 0
