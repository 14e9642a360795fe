"""A worker that was paused for so long that others may have taken over its batch makes no request."""

import gc
import threading
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock

import pytest
import redis
from celery.exceptions import Ignore
from kombu.exceptions import OperationalError

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, FetchWebhook, Throttled, WakeUp
from notifier.outbox.heartbeat import Heartbeat
from notifier.outcome import Answer, Delivered, Reason, Rejected, WebhookInfo
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.worker import delivery as delivery_module
from notifier.worker import offload as offload_module
from notifier.worker.delivery import DeliveryWorker, Detached
from notifier.worker.offload import SLOT_SECONDS
from tests.e2e.conftest import client_app
from tests.integration.conftest import OTHER_WEBHOOK, ROOMY, WEBHOOK, WORKER, MakeBench
from tests.names import names
from tests.servers import until


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
    woken: list[WakeUp] = []
    parts = bench.outbox, heartbeat, bench.gate, client, bench.settings
    worker = DeliveryWorker(*parts, lambda *_: None, wake_up=woken.append)
    first = worker.deliver(request)
    assert isinstance(first, BatchResult)
    assert [disposition.action for disposition in first.dispositions] == ["requeue"], "another may hold a better URL"
    assert woken.pop().alert_type is AlertType.SECURITY
    bench.tick(0.1)
    end = worker.deliver(request)
    assert isinstance(end, BatchResult)
    assert [disposition.action for disposition in end.dispositions] == ["failover"]
    assert end.fallback_wake_up is not None
    assert end.fallback_wake_up.alert_type is AlertType.GENERAL
    assert end.fallback_wake_up in woken


class NamingClient:
    """Discord names the first embed."""

    def execute(self, *_: Any) -> Answer:
        """400."""
        return Answer(Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(0, "description")})), ROOMY, 400)


@pytest.mark.parametrize(("count", "at_fault"), [(2, ["complete", "requeue"]), (11, ["requeue"] * 11)])
def test_an_embed_that_stands_for_all_is_not_the_first_of_them(
    make_bench: MakeBench, count: int, at_fault: list[str]
) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK}, group_seconds_by_type={AlertType.GENERAL: 60})
    bench.admit(*(f"a{number}" for number in range(count)))
    bench.tick(60)
    bench.fetch_webhook(
        WEBHOOK, cast("FetchWebhook", bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "w"))
    )
    client, heartbeat = cast("Any", NamingClient()), cast("Any", Pulse(known=True))
    worker = DeliveryWorker(bench.outbox, heartbeat, bench.gate, client, bench.settings, lambda *_: None)
    end = worker.deliver(ClaimRequest(AlertType.GENERAL))
    assert isinstance(end, BatchResult)
    assert [each.action for each in end.dispositions] == at_fault


class SlowClient:
    """Answers once it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def get_webhook(self, _: Any) -> WebhookInfo:
        """Its channel."""
        assert self.answers.wait(30)
        return WebhookInfo(Answer(Delivered(None, None), ROOMY, 200), "5", "6", "name")

    def execute(self, *_: Any) -> Answer:
        """Delivered."""
        return Answer(Delivered("900", "2"), ROOMY, 200)


def test_a_slow_webhook_detaches_the_delivery_which_is_committed_announced_and_goes_on_by_a_wake_up(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offload_module, "SLOT_SECONDS", 0.01)
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    for number in range(11):
        bench.admit(f"a{number}")
    heartbeat: Any = Pulse(known=True)
    client: Any = SlowClient()
    announced: list[BatchResult] = []
    woken: list[WakeUp] = []
    worker = DeliveryWorker(
        *(bench.outbox, heartbeat, bench.gate, client, bench.settings, lambda result, *_: announced.append(result)),
        wake_up=woken.append,
    )
    assert worker.deliver(ClaimRequest(AlertType.GENERAL, "a0")) == Detached()
    assert worker.deliver(ClaimRequest(AlertType.GENERAL, "a1")).reason is Reason.FETCHING_WEBHOOK  # type: ignore[union-attr]
    (look_again,) = woken
    client.answers.set()
    worker.drain()
    (result,) = announced
    assert [each["status"] for each in result.records] == ["delivered"] * 10
    assert [result.wake_up] == [each for each in woken if each is not look_again] != [None], "for the eleventh"


def test_a_worker_is_offered_the_next_wake_up_of_what_it_served_and_sends_all_others(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offload_module, "SLOT_SECONDS", 0.01)
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit(*(f"a{number}" for number in range(21)))
    heartbeat: Any = Pulse(known=True)
    client: Any = SlowClient()
    offered: list[WakeUp] = []
    sent: list[WakeUp] = []
    worker = DeliveryWorker(
        *(bench.outbox, heartbeat, bench.gate, client, bench.settings, lambda *_: None), wake_up=sent.append
    )
    worker.goes_on = lambda each: offered.append(each) is None
    worker.deliver(ClaimRequest(AlertType.GENERAL, "a0"))
    assert worker.deliver(ClaimRequest(AlertType.GENERAL, "a1")).reason is Reason.FETCHING_WEBHOOK  # type: ignore[union-attr]
    assert (len(offered), len(sent)) == (0, 1), "another worker may be the one that fetches it"
    client.answers.set()
    until(lambda: len(offered) == 1, 30)
    worker.goes_on = lambda _: False
    monkeypatch.setattr(offload_module, "SLOT_SECONDS", 30)
    worker.deliver(ClaimRequest.of_wake_up(AlertType.GENERAL, offered[0].token))
    worker.drain()
    assert (len(offered), len(sent)) == (1, 2), "one that it does not see to is sent"


def test_a_look_up_whose_answer_redis_did_not_take_holds_nothing(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit("a")
    heartbeat: Any = Pulse(known=True)
    client: Any = SlowClient()
    client.answers.set()
    worker = DeliveryWorker(bench.outbox, heartbeat, bench.gate, client, bench.settings, lambda *_: None)
    monkeypatch.setattr(bench.gate, "webhook_fetched", Mock(side_effect=BrokerUnavailable("gone")))
    with pytest.raises(BrokerUnavailable):
        worker.deliver(ClaimRequest(AlertType.GENERAL))
    monkeypatch.undo()
    assert isinstance(worker.deliver(ClaimRequest(AlertType.GENERAL)), BatchResult)


def test_an_alert_that_only_its_task_knows_of_is_never_detached(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    nothing: Any = None
    away: Any = Away()
    worker = DeliveryWorker(bench.outbox, away, bench.gate, nothing, bench.settings, nothing)
    with pytest.raises(BrokerUnavailable):
        worker.deliver(ClaimRequest(AlertType.GENERAL, "by name"))


class Away:
    """A heartbeat that waits for a Redis that is silent."""

    def worker(self) -> str:
        """Longer than a slot waits for a request."""
        threading.Event().wait(SLOT_SECONDS * 1.2)
        raise BrokerUnavailable("silent")


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


def test_a_dispatch_that_fails_leaves_no_connection_behind(redis_url: str) -> None:
    publisher = Pipeline(client_app(redis_url), Settings.load()).publisher
    admin = connect(redis_url, 5)
    gc.disable()  # it would close them, some time
    try:
        before = connections(admin)
        for _ in range(3):
            with publisher.dispatching("a task") as producer:
                producer.channel.queue_declare("notifications.general")
                assert connections(admin) - before
                raise OperationalError
        until(lambda: not connections(admin) - before, "the end of the connections")
    finally:
        gc.enable()
        admin.close()


def connections(admin: "redis.Redis") -> set[str]:
    """Those to this database, by id: the shared worker, which makes some when it likes, has another."""
    own = str(admin.connection_pool.connection_kwargs["db"])
    return {str(each["id"]) for each in admin.client_list() if each["db"] == own}


def told(caplog: pytest.LogCaptureFixture, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


def test_what_cannot_be_delivered_or_used_is_told_once_until_that_is_over(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit("a")
    batch, away = bench.batch(), Throttled(1, Reason.WEBHOOK_QUARANTINED, None)
    others, newer = Throttled(1, Reason.LEFT_TO_OTHERS, None), Throttled(1, Reason.NEWER_VERSION, None)
    first, second = (replace(batch, left_out=(each,)) for each in ("1000", "2000"))
    used = replace(batch, webhook=replace(WEBHOOK, id="1000"))
    claims: Any = []
    outbox: Any = type("Claims", (), {"claim": lambda *_: claims.pop(0)})()
    worker = DeliveryWorker(
        outbox, cast("Any", Pulse(known=True)), bench.gate, cast("Any", None), bench.settings, print
    )
    for text, seen in (
        ("No worker can deliver general", [(away, 1), (away, 1), (others, 1), (away, 2), (batch, 2), (away, 3)]),
        (
            "The webhook 1000 of DISCORD_WEBHOOK_GENERAL is gone",
            [(first, 1), (second, 1), (first, 1), (used, 1), (first, 2)],
        ),
        ("alerts of a later version wait here", [(away, 0), (newer, 1), (newer, 1)]),
    ):
        for claim, times in seen:
            claims.append(claim)
            worker._claim(ClaimRequest(AlertType.GENERAL))
            assert told(caplog, text) == times


def test_an_answer_is_kept_until_redis_takes_it_and_that_is_told_once(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "COMMIT_AGAIN_SECONDS", 0)
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK})
    bench.admit("first")
    bench.open_gate()
    bench.admit("a")
    commit, failures = bench.outbox.commit, ["away"] * 3

    def commit_at_last(*given: Any) -> BatchResult:
        if failures:
            raise BrokerUnavailable(failures.pop())
        return commit(*given)

    monkeypatch.setattr(bench.outbox, "commit", commit_at_last)
    client: Any = Client()
    parts: Any = bench.outbox, Pulse(known=True), bench.gate, client, bench.settings
    assert isinstance(DeliveryWorker(*parts, lambda *_: None).deliver(ClaimRequest(AlertType.GENERAL)), BatchResult)
    assert client.requests == 1
    assert told(caplog, "the outcome of 1 alerts is not stored yet") == 1
