"""A bench on which a type has several webhooks: beats of workers that hold them, claims for their partitions."""

from collections import defaultdict

import pytest

from notifier.models import AlertType
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox.claim import Batch, Claim, ClaimRequest, FetchWebhook
from notifier.outbox.fleet import holdings
from notifier.outbox.heartbeat import Heartbeat
from notifier.outcome import Reason, Rejected
from notifier.webhook import Webhook
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, WORKER, Bench, MakeBench, by_test_clock
from tests.names import names

GENERAL = AlertType.GENERAL
TWO = (WEBHOOK, OTHER_WEBHOOK)


@pytest.fixture(autouse=True)
def same_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A beat takes the clock of the bench."""
    monkeypatch.setattr(heartbeat_module, "script", by_test_clock)


@pytest.fixture
def two(make_bench: MakeBench) -> Bench:
    """A bench on which a worker with two webhooks lives."""
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, further_webhooks={GENERAL: (OTHER_WEBHOOK,)})
    beat(bench, *TWO)
    assert count(bench) == ("2", "2")
    return bench


def beat(bench: Bench, *webhooks: Webhook, worker: str = WORKER, most: int = 1) -> None:
    """One beat of a worker that has these for general alerts."""
    heartbeat = Heartbeat(bench.redis, names)
    told = holdings(GENERAL, f"{worker}@here", webhooks, most)
    heartbeat._holdings = lambda: told
    heartbeat._beat(worker)
    bench.redis.expire(names.worker(worker), 600)
    for each in told:
        bench.redis.expire(names.fleet(each), 600)


def count(bench: Bench) -> tuple[str | None, ...]:
    """How many partitions take alerts, and how many there ever were."""
    return tuple(bench.redis.hmget(names.outbox(GENERAL, "partitions"), "count", "most"))


def claim(bench: Bench, request: ClaimRequest, webhooks: tuple[Webhook, ...] = TWO) -> Claim:
    """As a worker with these webhooks does, which fetches what it must."""
    while isinstance(found := bench.outbox.claim(request, webhooks[0], WORKER, None, webhooks[1:]), FetchWebhook):
        bench.fetch_webhook(found.webhook, found)
    return found


def batch(bench: Bench, partition: int, webhooks: tuple[Webhook, ...] = TWO) -> Batch:
    """Claim for a partition, and have got one."""
    found = claim(bench, ClaimRequest(GENERAL, partition=partition), webhooks)
    assert isinstance(found, Batch), found
    return found


def gone(bench: Bench, partition: int, webhooks: tuple[Webhook, ...] = TWO) -> None:
    """Discord does not know the webhook that this partition asks for."""
    bench.commit(batch(bench, partition, webhooks), Rejected(Reason.WEBHOOK_UNKNOWN))
    bench.tick(3)


def partition_of(bench: Bench, notification_id: str) -> int:
    """Which one took it."""
    return int(bench.redis.hget(names.notification(notification_id), "partition") or 0)


def spread(bench: Bench, most: int = 40) -> dict[int, list[str]]:
    """Alerts of as many sources; returns their ids by partition."""
    found = defaultdict(list)
    for number in range(most):
        bench.admit(f"n{number}", source=f"host-{number}")
        found[partition_of(bench, f"n{number}")].append(f"n{number}")
    return found
