"""A worker that was paused for so long that others may have taken over its batch makes no request."""

from typing import Any

import pytest
from celery.exceptions import Ignore

from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, FetchWebhook
from notifier.outbox.heartbeat import Heartbeat
from notifier.outcome import Answer, Delivered, Reason, Rejected
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.worker.delivery import DeliveryWorker
from tests.e2e.conftest import client_app
from tests.integration.conftest import OTHER_WEBHOOK, ROOMY, WEBHOOK, WORKER, MakeBench
from tests.names import names


class Client:
    """Counts the requests."""

    requests = 0

    def execute(self, *_: Any) -> Answer:
        """Delivered."""
        self.requests += 1
        return Answer(Delivered("900", "2"), ROOMY, 200)


class Pulse:
    """A heartbeat whose key is there, or not."""

    def __init__(self, known: bool) -> None:
        self.known = known

    def worker(self) -> str:
        """Its name."""
        return WORKER


@pytest.mark.parametrize("known", [True, False])
def test_it_posts_only_while_it_is_known_to_be_alive(make_bench: MakeBench, known: bool) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit("a")
    claim = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "worker")
    assert isinstance(claim, FetchWebhook)
    bench.fetch_webhook(WEBHOOK, claim)
    client = Client()
    pulse: Any = Pulse(known)
    delivery_worker = DeliveryWorker(bench.outbox, pulse, bench.gate, client, bench.settings, lambda *_: None)  # type: ignore[arg-type]
    end = delivery_worker.deliver(ClaimRequest(AlertType.GENERAL))
    assert isinstance(end, BatchResult)
    assert client.requests == int(known)
    assert [disposition.action for disposition in end.dispositions] == ["complete" if known else "requeue"]
    assert [disposition.attempts for disposition in end.dispositions] == [int(known)]


class GoneClient:
    """Discord does not know the webhook."""

    def execute(self, *_: Any) -> Answer:
        """404."""
        return Answer(Rejected(Reason.WEBHOOK_UNKNOWN), None, 404)


def test_what_moves_to_the_fallback_comes_with_a_wake_up_for_it(make_bench: MakeBench) -> None:
    webhooks = {AlertType.SECURITY: OTHER_WEBHOOK, AlertType.GENERAL: WEBHOOK}
    bench = make_bench(webhooks=webhooks, fallback=AlertType.GENERAL)
    bench.admit("a", alert_type=AlertType.SECURITY)
    request = ClaimRequest(AlertType.SECURITY)
    claim = bench.outbox.claim(request, OTHER_WEBHOOK, WORKER)
    assert isinstance(claim, FetchWebhook)
    bench.fetch_webhook(OTHER_WEBHOOK, claim)
    client: Any = GoneClient()
    heartbeat: Any = Pulse(known=True)
    worker = DeliveryWorker(bench.outbox, heartbeat, bench.gate, client, bench.settings, lambda *_: None)
    first = worker.deliver(request)
    assert isinstance(first, BatchResult)
    assert [disposition.action for disposition in first.dispositions] == ["requeue"], "another may hold a better URL"
    assert first.wake_up is not None
    bench.tick(0.1)
    end = worker.deliver(request)
    assert isinstance(end, BatchResult)
    assert [disposition.action for disposition in end.dispositions] == ["failover"]
    assert end.fallback_wake_up is not None
    assert end.fallback_wake_up.alert_type is AlertType.GENERAL


def test_a_beat_that_redis_took_is_known_for_its_life_and_no_longer(make_bench: MakeBench) -> None:
    heartbeat = Heartbeat(make_bench().redis, names)
    assert not heartbeat.known
    heartbeat._beat("somebody")
    assert heartbeat.known
    heartbeat._known_until -= 10
    assert not heartbeat.known


def test_a_dispatch_leaves_its_connection_for_the_next(redis_url: str) -> None:
    publisher = Pipeline(client_app(redis_url), Settings.load()).publisher
    for _ in range(3):
        with pytest.raises(Ignore), publisher.dispatching("a task"):
            raise Ignore
    assert len(publisher._idle) == 1
