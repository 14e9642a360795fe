"""What becomes of alerts is counted by the step that does it, once, and can be read as metrics and as plots."""

from typing import Any, cast

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations import statistics as statistics_module
from notifier.operations.counters import counters_of, latency_quantile, read_counters
from notifier.operations.statistics import statistics_of_the_day
from notifier.outbox.claim import ClaimRequest, FetchWebhook, Throttled
from notifier.outbox.digest import Digests
from notifier.outbox.disposition import decide
from notifier.outbox.outbox import Outbox
from notifier.outbox.silences import Silences
from notifier.outbox.terms import Terms
from notifier.outcome import Answer, Deferred, Delivered, Failed, Reason, Rejected, Status, WebhookInfo
from notifier.storage.keys import WAITING_LIFE_SECONDS
from tests.integration.conftest import CLOCK, ROOMY, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names

GONE = Rejected(Reason.UNKNOWN_CHANNEL)


def open_gate(bench: Bench) -> None:
    """Nothing holds a request, and nothing was counted."""
    bench.admit("first")
    bench.open_gate()
    bench.redis.delete(*bench.redis.scan_iter(f"{names.counters}*"))


def counted(bench: Bench) -> dict[str, int]:
    """All counters but those of latencies, by field."""
    found = cast("dict[str, str]", bench.redis.hgetall(names.counters))
    return {name: int(count) for name, count in found.items() if not name.startswith(("latency", "request"))}


def requested(bench: Bench) -> dict[str, int]:
    """Those of requests."""
    found = cast("dict[str, str]", bench.redis.hgetall(names.counters))
    return {name: int(count) for name, count in found.items() if name.startswith("request")}


def test_each_end_is_counted_once_by_type_and_reason(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("a", "b")
    bench.commit(bench.batch())
    bench.tick(10)
    bench.admit("c")
    bench.commit(bench.batch(), GONE)
    bench.admit("d")
    bench.withdrawals.withdraw("d")
    assert counted(bench) == {
        "delivered|general": 2,
        "failed|general|unknown_channel": 1,
        "absorbed|general|withdrawn": 1,
    }


def test_a_commit_that_is_repeated_counts_nothing_more(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("a")
    batch = bench.batch()
    answer = Answer(Delivered("900", "2000000000000000001"), ROOMY, 200)
    dispositions = decide(answer.outcome, batch.items, 3, sent=True)
    bench.outbox.commit(batch, dispositions, answer, 2)
    first = bench.redis.hgetall(names.counters)
    bench.outbox.commit(batch, dispositions, answer, 2)
    assert bench.redis.hgetall(names.counters) == first


def test_a_commit_that_is_repeated_ends_no_batch_of_a_claim_that_came_once_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_gate(bench)
    bench.admit("a")
    claim, asked = bench.outbox._claim, list[Any]()
    monkeypatch.setattr(bench.outbox, "_claim", lambda **given: (asked.append(given), claim(**given))[1])
    batch = bench.batch()
    bench.commit(batch)
    bench.admit("b")
    bench.tick(5)
    claim(**asked[-1])
    first = bench.redis.hgetall(names.counters)
    bench.commit(batch)
    assert bench.redis.hgetall(names.counters) == first
    in_flight = names.outbox(AlertType.GENERAL, "in_flight")
    assert bench.redis.zrange(in_flight, 0, -1) == ["b"]
    assert bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "batch") == batch.token


def test_a_failure_that_is_tried_again_is_no_end(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("a")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
    assert counted(bench) == {"retried|general|bad_gateway": 1}


def test_what_has_to_wait_is_counted_by_its_reason(make_bench: MakeBench) -> None:
    bench = make_bench(rate_limit_per_minute=2)
    open_gate(bench)
    bench.admit("a")
    bench.commit(bench.batch(), Deferred(3, Reason.RATE_LIMITED))
    assert isinstance(bench.claim(), Throttled)
    bench.tick(4)
    assert isinstance(bench.claim(), Throttled)
    assert counted(bench) == {"deferred|general|rate_limited": 1, "deferred|general|configured_limit": 2}


def test_what_is_on_its_way_or_not_due_counts_as_no_wait(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("a")
    batch = bench.batch()
    assert isinstance(bench.claim(), Throttled)
    bench.commit(batch)
    bench.tick(10)
    bench.admit("b", terms=Terms(after_seconds=60))
    assert isinstance(bench.claim(), Throttled)
    assert counted(bench) == {"delivered|general": 1}


def test_requests_are_counted_by_method_and_status_and_by_the_alerts_that_they_carry(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    first = {"requests|general|POST|200": 1, "request_alerts|general|1": 1, "request_alerts_sum|general": 1}
    assert requested(bench) == {"requests||GET|200": 1, **first}
    bench.admit(*(f"n{number}" for number in range(4)))
    bench.commit(bench.batch())
    assert requested(bench) == {
        "requests||GET|200": 1,
        "requests|general|POST|200": 2,
        "request_alerts|general|1": 1,
        "request_alerts|general|5": 1,
        "request_alerts_sum|general": 5,
    }


def test_a_look_up_without_an_answer_is_counted_as_one_without_a_status(bench: Bench) -> None:
    bench.admit("a")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    unanswered = WebhookInfo(Answer(Failed(Reason.CONNECTION_FAILED)), None, None, None)
    for _ in range(2):  # what is told twice is one request
        bench.gate.webhook_fetched(WEBHOOK, asked.token, asked.claimed_at, unanswered)
    assert requested(bench) == {"requests||GET|none": 1}


def test_what_no_request_was_made_for_counts_as_none(bench: Bench) -> None:
    bench.admit("a", terms=Terms(expires_seconds=1))
    bench.tick(2)
    bench.commit(bench.batch(), Rejected(Reason.EXPIRED))
    assert counted(bench) == {"failed|general|expired": 1}
    assert requested(bench) == {}


def test_an_alert_that_no_outbox_took_and_one_that_redis_forgot_have_failed(bench: Bench) -> None:
    message = NotificationMessage(title="full", alert_type=AlertType.ERROR)
    bench.records.refuse(message, Status.QUEUE_FULL, Reason.QUEUE_FULL, "no room")
    bench.admit("a")
    bench.redis.delete(names.notification("a"))
    bench.claim()
    assert counted(bench) == {"failed|error|queue_full": 1, "failed|general|forgotten": 1}


def test_latency_is_counted_from_when_an_alert_was_due(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("at once")
    bench.tick(1.5)
    bench.commit(bench.batch())
    bench.admit("postponed", terms=Terms(after_seconds=3_600))
    bench.tick(3_604)
    bench.commit(bench.batch())
    found = read_counters(bench.redis, names)
    assert dict(found.of("latency")) == {("general", "2500000"): 1, ("general", "5000000"): 1}
    assert found.total("latency_sum", "general") == 5_500_000


def test_counters_live_on_with_the_first_count_of_a_quarter(bench: Bench) -> None:
    open_gate(bench)
    lives = []
    for name in ("a", "b", "c"):
        bench.redis.expire(names.counters, 60)
        bench.admit(name)
        bench.commit(bench.batch())
        bench.tick(10 if name == "a" else 900)
        lives.append(cast("int", bench.redis.ttl(names.counters)) > WAITING_LIFE_SECONDS - 1_000)
    assert lives == [True, False, True]
    assert counted(bench) == {"delivered|general": 3}


def test_counters_that_somebody_deleted_have_a_life_again(bench: Bench) -> None:
    open_gate(bench)
    quarter = f"{names.counters}:{int(bench.redis.get(CLOCK)) // 900_000_000 * 900}"
    for name, deleted in (("a", names.counters), ("b", quarter)):
        bench.admit(name)
        bench.commit(bench.batch())
        bench.redis.delete(deleted)
        bench.tick(10)
        bench.admit(f"{name} again")
        bench.commit(bench.batch())
        bench.tick(10)
        assert min(bench.redis.ttl(names.counters), bench.redis.ttl(quarter)) > 0


def test_the_last_day_is_there_by_quarters_of_an_hour(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics_module, "clock", lambda client: int(client.get(CLOCK)))
    open_gate(bench)
    bench.admit("old")
    bench.commit(bench.batch())
    bench.tick(3 * 900)
    bench.admit("a", "b")
    bench.tick(0.9)
    bench.commit(bench.batch())
    found = statistics_of_the_day(bench.redis, names)
    general = [each["types"]["general"] for each in found["buckets"]]
    assert [each["delivered"] for each in general[-4:]] == [1, 0, 0, 2]
    assert len(general) * found["bucket_seconds"] == 86_400
    assert general[-1] == {"delivered": 2, "failed": 0, "deferred": 0, "p50": 0.75, "p99": 0.995}
    assert general[-2]["p50"] is None
    assert found["latency"]["error"] == {"p50": None, "p99": None}
    assert found["latency"]["general"]["p50"] is not None
    bench.tick(86_400)
    later = statistics_of_the_day(bench.redis, names)
    assert all(each["types"]["general"]["delivered"] == 0 for each in later["buckets"][:-4])
    quarter = next(bench.redis.scan_iter(names.quarter("*")))
    assert 86_400 < cast("int", bench.redis.ttl(quarter)) <= 90_000


def test_a_quantile_is_what_prometheus_would_say() -> None:
    counted = counters_of({"latency|error|100000": "90", "latency|error|1000000": "9", "latency|error|inf": "1"})
    counts = counted.latencies("error")
    assert latency_quantile(counts, 0.5) == pytest.approx(0.056, abs=0.001)
    assert latency_quantile(counts, 0.95) == pytest.approx(0.5 + 0.5 * 5 / 9, abs=0.001)
    assert latency_quantile(counts, 1) == 86_400
    assert latency_quantile([0] * len(counts), 0.5) is None


def test_a_bound_of_another_version_counts_in_the_next_one() -> None:
    counts = counters_of({"latency|error|1500000": "2"}).latencies("error")
    assert latency_quantile(counts, 1) == 2.5


def test_counts_of_a_worker_that_ends_stay(bench: Bench) -> None:
    open_gate(bench)
    bench.admit("a")
    bench.commit(bench.batch())
    another = Outbox(bench.redis, bench.settings)
    bench.outbox = another
    bench.tick(10)
    bench.admit("b")
    bench.commit(bench.batch())
    assert counted(bench)["delivered|general"] == 2


def test_what_ends_without_a_message_of_its_own_is_counted_by_how(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=2)
    silences = Silences(bench.redis, bench.settings)
    bench.admit("shown", dedup_key="disk")
    bench.admit("counted", dedup_key="disk")
    bench.admit("resolved", dedup_key="cpu", resolved=True)
    bench.admit("second")
    Digests(bench.redis, bench.settings).fold(NotificationMessage(title="folded"))
    silences.add({"title": "quiet*"}, 60)
    silences.keep(NotificationMessage(title="quiet please"), Terms())
    assert counted(bench) == {
        f"absorbed|general|{status}": 1 for status in ("repeated", "not_open", "folded", "silenced")
    }
