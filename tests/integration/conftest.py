"""An outbox and a gate on a real Redis, with a clock that the test moves."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
import redis
from pydantic import SecretStr

from notifier.gate import admin as admin_module
from notifier.gate.admin import Gate
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import admission as admission_module
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox import overlooked as overlooked_module
from notifier.outbox import recent_steps as recent_steps_module
from notifier.outbox import records as records_module
from notifier.outbox import server_run as server_run_module
from notifier.outbox import withdrawals as withdrawals_module
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Batch, Claim, ClaimRequest, FetchWebhook
from notifier.outbox.disposition import decide
from notifier.outbox.outbox import Outbox
from notifier.outbox.record import Record
from notifier.outbox.records import Records
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outbox.withdrawals import Withdrawals
from notifier.outcome import Answer, Delivered, Outcome, RateLimitInfo
from notifier.settings import Settings
from notifier.storage import scripts as scripts_module
from notifier.storage.connection import connect
from notifier.storage.scripts import script
from notifier.webhook import Webhook
from tests.conftest import SETTINGS
from tests.names import names

CLOCK = "test:clock"
ASKED = "redis.call('TIME')"
SECOND = 1_000_000
START = 1_800_000_000 * SECOND

MODULES = (admission_module, outbox_module, overlooked_module, recent_steps_module, heartbeat_module, server_run_module)

WEBHOOK = Webhook("1000000000000000001", SecretStr("fake-token-one"))
OTHER_WEBHOOK = Webhook("1000000000000000002", SecretStr("fake-token-two"))
WORKER = "worker-1"
ROOMY = RateLimitInfo(limit=1000, remaining=999, reset_after_seconds=0.001)


text_of = cache(scripts_module._text_of)  # each bench asks for a hundred


@cache
def by_test_clock(*files: str) -> str:
    """The scripts, with the test's clock instead of Redis' own."""
    text = script(*files)
    assert ASKED in text, files
    return text.replace(ASKED, f"{{ 0, tonumber(redis.call('GET', '{CLOCK}')) }}")


@cache
def _settings(environment: frozenset[tuple[str, str]], folder: str) -> Settings:
    return Settings.load()


def loaded_settings() -> Settings:
    """The settings, read once for each environment: reading them costs more than most tests of a step."""
    ours = frozenset(item for item in os.environ.items() if item[0].upper().startswith(SETTINGS))
    return _settings(ours, os.getcwd())


@dataclass
class Bench:
    """Drives claims and commits as workers would."""

    redis: "redis.Redis"
    settings: Settings
    outbox: Outbox
    gate: Gate
    records: Records
    withdrawals: Withdrawals

    def record(self, notification_id: str) -> Record:
        """The record of a notification."""
        found = self.records.get(notification_id)
        assert found is not None, f"{notification_id} is not final"
        return found

    def tick(self, seconds: float) -> None:
        """Let time pass."""
        self.redis.incrby(CLOCK, round(seconds * SECOND))

    def admit(
        self, *names: str, alert_type: AlertType = AlertType.GENERAL, terms: Terms = NO_TERMS, **more: object
    ) -> None:
        """Admit notifications whose id and title are these."""
        for name in names:
            self.outbox.admit(NotificationMessage(id=name, title=name, alert_type=alert_type, **more), terms)

    def claim(
        self,
        notification_id: str = "",
        webhook: Webhook | None = WEBHOOK,
        *,
        wake_up: str = "",
        alert_type: AlertType = AlertType.GENERAL,
    ) -> Claim:
        """Claim as a worker does, and answer a webhook's info."""
        dispatch = ClaimRequest(alert_type, notification_id, wake_up)
        claim = self.outbox.claim(dispatch, webhook, WORKER)
        if isinstance(claim, FetchWebhook):
            assert webhook is not None
            self.fetch_webhook(webhook, claim)
            claim = self.outbox.claim(dispatch, webhook, WORKER)
        return claim

    def fetch_webhook(self, webhook: Webhook, claim: FetchWebhook, channel_id: str | None = None) -> None:
        """Answer GET webhook."""
        from notifier.outcome import WebhookInfo

        answer = Answer(Delivered(None, None), ROOMY, 200)
        found = WebhookInfo(answer, channel_id or f"2{webhook.id[1:]}", "3000000000000000001", "Fake")
        self.gate.webhook_fetched(webhook, claim.token, claim.claimed_at, found)

    def open_gate(self) -> None:
        """Fetch the webhook and deliver a batch: its channel and its bucket are known, and nothing holds it."""
        asked = self.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
        assert isinstance(asked, FetchWebhook)
        self.fetch_webhook(WEBHOOK, asked)
        self.tick(10)
        self.commit(self.batch())
        self.tick(10)

    def batch(self, webhook: Webhook | None = WEBHOOK, alert_type: AlertType = AlertType.GENERAL) -> Batch:
        """Claim, and have got one."""
        claim = self.claim(webhook=webhook, alert_type=alert_type)
        assert isinstance(claim, Batch), claim
        return claim

    def commit(
        self,
        batch: Batch,
        outcome: Outcome | None = None,
        rate_limit: RateLimitInfo | None = ROOMY,
        retry_wait_seconds: float = 2,
    ) -> BatchResult:
        """Commit a batch: delivered, unless another outcome is given."""
        outcome = outcome or Delivered("900", "2000000000000000001")
        dispositions = decide(outcome, batch.items, self.settings.retry_attempts, sent=batch.blocked is None)
        return self.outbox.commit(batch, dispositions, Answer(outcome, rate_limit, 200), retry_wait_seconds)


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeBench]:
    """Builds benches on one Redis; settings by name."""
    for module in (*MODULES, records_module, withdrawals_module):
        monkeypatch.setattr(module, "script", by_test_clock)
    monkeypatch.setattr(admin_module, "script", by_test_clock)
    monkeypatch.setattr(scripts_module, "_text_of", text_of)
    client = connect(redis_url, 5)
    client.set(CLOCK, START)
    client.set(names.worker(WORKER), 1, ex=600)

    def make(**overrides: object) -> Bench:
        settings = loaded_settings().model_copy(update=overrides)
        return Bench(
            *(client, settings, Outbox(client, settings), Gate(client, settings)),
            *(Records(client, settings), Withdrawals(client, settings)),
        )

    yield make
    client.close()


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench with the default settings."""
    return make_bench()
