"""The headers of a GET speak of the bucket that they name; what a GET uses up is reserved before it is made."""

from dataclasses import replace

import pytest

from notifier.gate.gate import BUCKET_LIMIT, GLOBAL_LIMIT
from notifier.models import AlertType
from notifier.outbox.claim import Batch, ClaimRequest, FetchWebhook, Throttled
from notifier.outcome import Answer, Deferred, Delivered, RateLimitInfo, Reason, Scope, WebhookInfo
from notifier.webhook import Webhook
from tests.integration.conftest import CLOCK, WEBHOOK, WORKER, Bench, MakeBench

POSTS, READS = "posts-bucket", "reads-bucket"
FULL = RateLimitInfo(5, 4, 0.4)
EMPTY = RateLimitInfo(5, 0, 30)


def told(bench: Bench, rate_limit: RateLimitInfo | None, bucket: str | None, answer: Answer | None = None) -> None:
    """A GET as `notifier check` makes it, and what its headers say."""
    named = replace(rate_limit, bucket=bucket) if rate_limit else None
    info = WebhookInfo(answer or Answer(Delivered(None, None), named, 200), "2000000000000000001", None, "Fake")
    asked_at = int(bench.redis.get(CLOCK) or 0)
    bench.tick(0.1)
    bench.gate.webhook_fetched(WEBHOOK, "a GET", asked_at, info)
    bench.tick(0.1)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A webhook that was fetched, and alerts that wait for it."""
    bench = make_bench(queue_size=100)
    for kind in (AlertType.GENERAL, AlertType.ERROR):
        bench.admit(*(f"{kind}{number}" for number in range(20)), alert_type=kind, message="x" * 5_000)
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    bench.fetch_webhook(WEBHOOK, asked)
    bench.tick(10)
    return bench


@pytest.mark.parametrize("bucket", [READS, None])
def test_the_headers_of_a_get_do_not_open_an_exhausted_bucket(bench: Bench, bucket: str | None) -> None:
    bench.commit(bench.batch(), rate_limit=replace(EMPTY, bucket=POSTS))
    bench.tick(1)
    told(bench, FULL, bucket)
    assert isinstance(bench.claim(), Throttled)


def test_an_exhausted_bucket_of_reads_holds_no_alert(bench: Bench) -> None:
    bench.commit(bench.batch(), rate_limit=replace(FULL, bucket=POSTS))
    bench.tick(1)
    told(bench, EMPTY, READS)
    bench.batch()


def test_a_get_that_names_the_bucket_of_posts_teaches_it(bench: Bench) -> None:
    bench.commit(bench.batch(), rate_limit=replace(FULL, bucket=POSTS))
    bench.tick(1)
    told(bench, EMPTY, POSTS)
    assert isinstance(bench.claim(), Throttled)


def test_a_429_to_a_get_pauses_reads_alone(bench: Bench) -> None:
    limited = Answer(Deferred(30, Reason.RATE_LIMITED, Scope.WEBHOOK), replace(EMPTY, bucket=READS), 429)
    told(bench, None, None, limited)
    bench.batch()


def test_the_fetch_before_a_first_request_teaches_nothing_of_posts(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.admit("a")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    answer = Answer(Delivered(None, None), RateLimitInfo(1, 0, 30, bucket=READS), 200)
    bench.gate.webhook_fetched(WEBHOOK, asked.token, asked.claimed_at, WebhookInfo(answer, "2", None, "Fake"))
    bench.batch()


def test_checks_use_no_more_than_the_address_may_and_alerts_count_them(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1_000)
    bench.admit("a")
    webhooks = [Webhook(f"10000000000000001{number:02}", WEBHOOK.token) for number in range(GLOBAL_LIMIT + 5)]
    reserved = [bench.gate.reserve_fetch(webhook, f"check {number}") for number, webhook in enumerate(webhooks)]
    assert [each.reason for each in reserved] == [None] * GLOBAL_LIMIT + [Reason.GLOBAL_RATE_LIMITED] * 5
    claim = bench.claim()
    assert isinstance(claim, Throttled)
    assert claim.reason is Reason.GLOBAL_RATE_LIMITED
    assert 0 < reserved[-1].wait_seconds <= 1


def test_checks_of_one_webhook_use_no_more_than_its_bucket_of_reads(bench: Bench) -> None:
    bench.commit(bench.batch(), rate_limit=replace(FULL, bucket=POSTS))
    told(bench, FULL, READS)
    bench.tick(10)
    reserved = [bench.gate.reserve_fetch(WEBHOOK, f"check {number}") for number in range(BUCKET_LIMIT + 1)]
    assert [each.reason for each in reserved] == [None] * BUCKET_LIMIT + [Reason.RATE_LIMITED]
    assert isinstance(bench.claim(), Batch), "posts have a bucket of their own"


def test_while_it_is_not_known_that_they_differ_a_check_counts_among_posts(bench: Bench) -> None:
    bench.commit(bench.batch(), rate_limit=RateLimitInfo(1, 0, 30))
    assert bench.gate.reserve_fetch(WEBHOOK, "check").reason is Reason.RATE_LIMITED


@pytest.mark.parametrize("scope", [Scope.GLOBAL, Scope.EDGE])
def test_no_check_is_made_while_the_address_is_paused(bench: Bench, scope: Scope) -> None:
    reason = Reason.GLOBAL_RATE_LIMITED if scope is Scope.GLOBAL else Reason.EDGE_BANNED
    bench.commit(bench.batch(), Deferred(90, reason, scope), rate_limit=None)
    assert bench.gate.reserve_fetch(WEBHOOK, "check").reason is reason
    bench.tick(61)  # a probe may go: it is a real request
    assert bench.gate.reserve_fetch(WEBHOOK, "check").reason is reason
