"""One trace from the call through the delivery to the request; a batch of several has links to their calls."""

from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.claim import ClaimRequest, FetchWebhook
from notifier.outcome import Answer, Delivered, Outcome, Reason, Rejected
from notifier.tracing import CONTEXT_CHARACTERS_MAX, carried, requesting
from notifier.worker.delivery import DeliveryWorker
from tests.integration.conftest import ROOMY, WEBHOOK, Bench, MakeBench
from tests.integration.test_delivery import Pulse
from tests.names import names
from tests.traces import Spans
from tests.traces import spans as spans


class Client:
    """Answers as it is told."""

    def __init__(self, outcome: Outcome, status: int) -> None:
        self.answer = Answer(outcome, ROOMY, status)

    def execute(self, *_: Any) -> Answer:
        """One request."""
        with requesting("POST", "https://discord.com/***"):
            return self.answer


POSTED = Client(Delivered("900", "2"), 200)


def worker_of(bench: Bench, client: Client = POSTED) -> DeliveryWorker:
    """A worker to whom the webhook is known."""
    claim = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "worker")
    assert isinstance(claim, FetchWebhook)
    bench.fetch_webhook(WEBHOOK, claim)
    parts: Any = bench.outbox, Pulse(known=True), bench.gate, client, bench.settings
    return DeliveryWorker(*parts, lambda *_: None)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench with a webhook."""
    return make_bench(webhooks={AlertType.GENERAL: WEBHOOK})


def admit_within(spans: Spans, bench: Bench, *ids: str) -> None:
    """Each in a call of its own."""
    for each in ids:
        with spans.provider.get_tracer("test").start_as_current_span(f"call {each}"):
            bench.admit(each)


def test_one_alert_is_delivered_within_the_trace_of_its_call(spans: Spans, bench: Bench) -> None:
    admit_within(spans, bench, "a")
    worker_of(bench).deliver(ClaimRequest(AlertType.GENERAL))
    call, delivery, request = spans.one("call a"), spans.one("deliver notifications.general"), spans.one("POST")
    assert delivery.parent is not None
    assert request.parent is not None
    assert delivery.parent.span_id == call.context.span_id
    assert request.parent.span_id == delivery.context.span_id
    assert call.context.trace_id == delivery.context.trace_id == request.context.trace_id
    assert delivery.kind is SpanKind.CONSUMER
    assert dict(delivery.attributes or {}) == {
        "messaging.operation.type": "process",
        "messaging.destination.name": "notifications.general",
        "messaging.batch.message_count": 1,
        "notifier.alert_type": "general",
        "notifier.alert_ids": ("a",),
        "notifier.webhook_id": WEBHOOK.id,
        "notifier.outcome": "delivered",
        "http.response.status_code": 200,
    }
    assert delivery.status.status_code is StatusCode.UNSET


def test_a_batch_has_a_link_to_each_call(spans: Spans, bench: Bench) -> None:
    admit_within(spans, bench, "a", "b")
    bench.admit("c")
    worker_of(bench).deliver(ClaimRequest(AlertType.GENERAL))
    delivery = spans.one("deliver notifications.general")
    assert delivery.parent is None
    assert delivery.attributes is not None
    assert delivery.attributes["notifier.alert_ids"] == ("a", "b", "c")
    linked = {each.context.span_id for each in delivery.links}
    assert linked == {spans.one("call a").context.span_id, spans.one("call b").context.span_id}


def test_the_task_that_carries_an_alert_of_another_call_is_linked(spans: Spans, bench: Bench) -> None:
    admit_within(spans, bench, "a")
    worker = worker_of(bench)
    with spans.provider.get_tracer("test").start_as_current_span("run task") as task:
        worker.deliver(ClaimRequest(AlertType.GENERAL))
    delivery = spans.one("deliver notifications.general")
    assert delivery.context.trace_id == spans.one("call a").context.trace_id
    assert [each.context.span_id for each in delivery.links] == [task.get_span_context().span_id]


def test_a_batch_belongs_to_its_task(spans: Spans, bench: Bench) -> None:
    admit_within(spans, bench, "a", "b")
    worker = worker_of(bench)
    with spans.provider.get_tracer("test").start_as_current_span("run task") as task:
        worker.deliver(ClaimRequest(AlertType.GENERAL))
    delivery = spans.one("deliver notifications.general")
    assert delivery.parent is not None
    assert delivery.parent.span_id == task.get_span_context().span_id
    assert len(delivery.links) == 2


def test_a_failure_says_its_reason(spans: Spans, bench: Bench) -> None:
    bench.admit("a")
    worker_of(bench, Client(Rejected(Reason.FORBIDDEN), 403)).deliver(ClaimRequest(AlertType.GENERAL))
    delivery = spans.one("deliver notifications.general")
    assert delivery.attributes is not None
    assert delivery.attributes["notifier.outcome"] == "rejected"
    assert delivery.attributes["notifier.reason"] == "forbidden"
    assert delivery.status.status_code is StatusCode.ERROR


def test_a_bug_in_a_delivery_is_told_by_its_kind_alone(spans: Spans, bench: Bench) -> None:
    bench.admit("a")
    worker, url = worker_of(bench), "https://discord.com/api/webhooks/1/fake-token-of-a-trace"
    worker._client = SimpleNamespace(execute=lambda *_: (_ for _ in ()).throw(RuntimeError(f"a bug at {url}")))  # type: ignore[assignment]
    with pytest.raises(RuntimeError):
        worker.deliver(ClaimRequest(AlertType.GENERAL))
    delivery = spans.one("deliver notifications.general")  # that its texts hold no token is looked at when it ends
    assert (delivery.status.status_code, delivery.status.description) == (StatusCode.ERROR, "RuntimeError")


def test_without_a_trace_nothing_is_stored(spans: Spans, bench: Bench) -> None:
    bench.admit("a")
    assert not bench.redis.hexists(names.notification("a"), "trace")
    admit_within(spans, bench, "b")
    assert "traceparent" in str(bench.redis.hget(names.notification("b"), "trace"))


@pytest.mark.parametrize("stored", ["{", "[]", "{}", '{"traceparent": "00-zz"}', '{"traceparent": 3}', "null"])
def test_what_cannot_be_read_of_a_trace_stops_no_alert(spans: Spans, bench: Bench, stored: str) -> None:
    bench.admit("a")
    bench.redis.hset(names.notification("a"), "trace", stored)
    worker_of(bench).deliver(ClaimRequest(AlertType.GENERAL))
    assert bench.record("a")["status"] == "delivered"
    assert spans.one("deliver notifications.general").parent is None


def test_a_context_that_is_too_long_is_not_stored(spans: Spans) -> None:
    state = trace.TraceState([(f"vendor{number}", "x" * 200) for number in range(10)])
    context = trace.SpanContext(1, 1, is_remote=False, trace_flags=trace.TraceFlags(1), trace_state=state)
    with trace.use_span(trace.NonRecordingSpan(context)):
        assert carried() == ""
    with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))):
        assert 0 < len(carried()) < CONTEXT_CHARACTERS_MAX


def test_a_message_has_no_new_field_so_earlier_workers_take_it(spans: Spans, bench: Bench) -> None:
    admit_within(spans, bench, "a")
    message, version = bench.redis.hmget(names.notification("a"), ["message", "version"])  # type: ignore[misc]
    assert NotificationMessage.model_validate_json(str(message)).id == "a"
    assert version is None, "the first"
