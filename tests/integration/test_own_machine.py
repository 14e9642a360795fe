"""A machine that cannot reach Discord holds its own worker back: no attempt is spent, and another one's goes on."""

import json
import logging
from typing import Any

import pytest

from notifier.gate.machines import MachineFault, this_machine
from notifier.models import AlertType
from notifier.operations.explain import explain
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, Throttled
from notifier.outcome import Answer, Deferred, Delivered, Reason, Scope, WebhookInfo
from notifier.worker.delivery import DeliveryWorker
from notifier.worker.own_machine import OwnMachine, backoff_seconds
from tests.integration.conftest import ROOMY, WEBHOOK, Bench, MakeBench
from tests.integration.test_delivery import Pulse
from tests.names import names

REQUEST = ClaimRequest(AlertType.GENERAL)
NO_DNS = Answer(Deferred(0, Reason.NO_NETWORK, Scope.MACHINE, "does DNS work?"))
POSTED = Answer(Delivered("900", "2"), ROOMY, 200)


class Client:
    """Answers what a test says, and counts."""

    def __init__(self, answer: Answer = POSTED) -> None:
        self.answer = answer
        self.posts = self.lookups = 0

    def execute(self, *_: Any) -> Answer:
        """A post."""
        self.posts += 1
        return self.answer

    def get_webhook(self, *_: Any) -> WebhookInfo:
        """A look-up."""
        self.lookups += 1
        return WebhookInfo(self.answer, None if self.answer is NO_DNS else "2", None, None)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """Its backoff outlasts a test."""
    return make_bench(webhooks={AlertType.GENERAL: WEBHOOK}, retry_backoff_seconds=600, retry_backoff_max_seconds=600)


def worker(bench: Bench, client: Client) -> DeliveryWorker:
    """A worker on a machine of its own."""
    parts: Any = (bench.outbox, Pulse(known=True), bench.gate, client, bench.settings, lambda *_: None)
    return DeliveryWorker(*parts)


def waited_for(bench: Bench) -> list[str]:
    """The reasons in the wait log."""
    log = json.loads(str(bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "held")))
    return [reason for _, reason in log]


def test_one_that_cannot_look_the_webhook_up_passes_the_task_on_and_another_machine_delivers(bench: Bench) -> None:
    broken, good = Client(NO_DNS), Client()
    bench.admit("a")
    on_broken, on_good = worker(bench, broken), worker(bench, good)
    for _ in range(3):
        passed_on = on_broken.deliver(REQUEST)
        assert isinstance(passed_on, Throttled)
        assert (passed_on.reason, passed_on.wait_seconds) == (Reason.NO_NETWORK, 1)
    assert (broken.lookups, broken.posts) == (1, 0), "then it holds back"
    assert waited_for(bench)[-1] == "no_network"
    still = explain(bench.redis, names, bench.records, "a")[-1].what
    assert still.endswith(f": no network ({this_machine()}: does DNS work?)"), "what is to be repaired where"
    assert "answered_at" not in bench.redis.hgetall(names.gate(WEBHOOK.id)), "the request was given back, not answered"
    end = on_good.deliver(REQUEST)
    assert isinstance(end, BatchResult)
    assert [record["status"] for record in end.records] == ["delivered"]
    assert (good.lookups, good.posts) == (1, 1), "the look-up is due at once"


def test_one_that_cannot_post_puts_the_alerts_back_and_spends_nothing(bench: Bench) -> None:
    broken, good = Client(), Client()
    on_broken, on_good = worker(bench, broken), worker(bench, good)
    bench.admit("before")
    on_broken.deliver(REQUEST)
    bench.tick(1)
    bench.admit("a", "b")
    broken.answer = NO_DNS
    end = on_broken.deliver(REQUEST)
    assert isinstance(end, BatchResult)
    assert [(each.action, each.attempts) for each in end.dispositions] == [("requeue", 0)] * 2
    assert end.wake_up is not None
    state = bench.redis.hgetall(names.gate(WEBHOOK.id))
    assert not {"breaker", "failures", "quarantined", "failed_at"} & set(state)
    assert bench.redis.zcard(names.gate(WEBHOOK.id, "in_flight")) == 0
    told = [step.what for step in explain(bench.redis, names, bench.records, "a")]
    assert "no network (does DNS work?); again as soon as the gate lets it" in told
    bench.tick(1)
    held = on_broken.deliver(REQUEST)
    assert isinstance(held, Throttled)
    assert held.reason is Reason.NO_NETWORK, "it makes no request for a while"
    delivered = on_good.deliver(REQUEST)
    assert isinstance(delivered, BatchResult)
    assert [(record["id"], record["attempts"]) for record in delivered.records] == [("a", 1), ("b", 1)]


def test_the_breakers_probe_is_left_to_another_machine(bench: Bench) -> None:
    bench.redis.hset(
        names.gate(WEBHOOK.id),
        mapping={"breaker": "open", "open_until": 0, "open_for": 60_000_000, "introduce_at": 2**60},
    )
    bench.admit("a")
    worker(bench, Client(NO_DNS)).deliver(REQUEST)
    bench.tick(1)
    end = worker(bench, Client()).deliver(REQUEST)
    assert isinstance(end, BatchResult)
    assert [record["status"] for record in end.records] == ["delivered"]


def test_it_expires_all_the_same(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={AlertType.GENERAL: WEBHOOK}, expire_seconds=60)
    bench.admit("a")
    broken = worker(bench, Client(NO_DNS))
    broken.deliver(REQUEST)
    bench.tick(61)
    end = broken.deliver(REQUEST)
    assert isinstance(end, BatchResult)
    assert [record["status"] for record in end.records] == ["expired"]


def test_a_fault_is_told_once_and_forgotten_once_anything_answers(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    machines = [OwnMachine(bench.gate.machines, bench.settings) for _ in range(2)]  # two processes of one machine
    for machine in machines:
        for _ in range(3):
            machine.learn(NO_DNS)
    (fault,) = bench.gate.machines.faults()
    assert (fault.reason, fault.detail) == ("no_network", "does DNS work?")
    trouble = f"machine_fault|{fault.machine}|does DNS work?"
    assert bench.redis.hgetall(names.troubles) == {trouble: "1"}
    assert [each.message.count("cannot reach Discord, its alerts wait: does DNS work?") for each in caplog.records] == [
        1,
        1,
    ]
    bench.gate.machines.failing(MachineFault("another", "no_network", "x"), 60)
    machines[0].learn(POSTED)
    assert [each.machine for each in bench.gate.machines.faults()] == ["another"]
    assert machines[0].held_back() is None
    assert caplog.records[-1].message.endswith("reaches Discord again")
    machines[0].learn(NO_DNS)
    assert len(bench.gate.machines.faults()) == 2


def test_a_fault_of_which_nobody_speaks_any_more_is_forgotten(bench: Bench) -> None:
    bench.gate.machines.failing(MachineFault("gone", "no_network", "x"), -3_600)
    assert bench.gate.machines.faults() == []


def test_a_machine_waits_longer_each_time_and_begins_anew_once_anything_has_answered(bench: Bench) -> None:
    settings = bench.settings.model_copy(update={"retry_backoff_seconds": 8, "retry_backoff_max_seconds": 600})
    machine, waits = OwnMachine(bench.gate.machines, settings), []
    for answer in (*[NO_DNS] * 4, POSTED, NO_DNS):
        machine.learn(answer)
        waits.append(held.seconds if (held := machine.held_back()) else 0)
    assert 30 < waits[3] <= 64, "8 s, three times doubled, less up to the half of it"
    assert (waits[4], waits[5] <= 8) == (0, True)


def test_the_backoff_grows_and_has_an_end(bench: Bench) -> None:
    settings = bench.settings.model_copy(update={"retry_backoff_seconds": 2})
    spans = [[backoff_seconds(settings, attempts, 60) for _ in range(50)] for attempts in (1, 2, 5, 50)]
    for full, span in zip((2, 4, 32, 60), spans, strict=True):
        assert all(full / 2 <= each <= full for each in span)
        assert len(set(span)) > 1, "spread"
