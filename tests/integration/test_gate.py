"""The gate lets through what Discord would take, and not one request more."""

from collections.abc import Sequence

import pytest

from notifier.gate import gate as gate_module
from notifier.models import AlertType
from notifier.outbox.claim import Batch, ClaimRequest, FetchWebhook, Throttled
from notifier.outcome import Answer, Deferred, Delivered, Failed, RateLimitInfo, Reason, Rejected, Scope, Unknown
from notifier.webhook import Webhook
from tests.integration.conftest import OTHER_WEBHOOK, ROOMY, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names

TYPES = list(AlertType)


def fill(bench: Bench, count: int = 24, types: Sequence[AlertType] = TYPES) -> None:
    """Fill outboxes with alerts that are sent alone."""
    for kind in types:
        bench.admit(*(f"{kind}{number}" for number in range(count)), alert_type=kind, message="x" * 3_100)


def passes(
    bench: Bench, webhook: Webhook = WEBHOOK, rate_limit: RateLimitInfo | None = ROOMY, most: int = 10_000
) -> int:
    """Claim for one type after the other until the gate says wait, commit each at once, and count them."""
    for number in range(most):
        claim = bench.claim(webhook=webhook, alert_type=TYPES[number % len(TYPES)])
        if isinstance(claim, Throttled):
            return number
        assert isinstance(claim, Batch)
        bench.commit(claim, rate_limit=rate_limit)
    return most


def reason(bench: Bench, webhook: Webhook = WEBHOOK, alert_type: AlertType = AlertType.GENERAL) -> Reason:
    claim = bench.claim(webhook=webhook, alert_type=alert_type)
    assert isinstance(claim, Throttled), claim
    return claim.reason


@pytest.fixture
def fetched(make_bench: MakeBench) -> Bench:
    """A bench whose webhook's channel is known, with many general alerts and some of each other type."""
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1_000, undeliverable_seconds=0)
    fill(bench, types=[AlertType.GENERAL])
    fill(bench, 4, [kind for kind in TYPES if kind is not AlertType.GENERAL])
    bench.open_gate()
    return bench


def test_until_the_headers_tell_five_requests_go_in_two_seconds(fetched: Bench) -> None:
    fetched.redis.hdel("notifier:gate:webhook:1000000000000000001:state", "bucket_limit", "bucket_reset_at")
    assert passes(fetched, rate_limit=None) == 5
    assert reason(fetched) is Reason.RATE_LIMITED
    fetched.tick(1.9)
    assert passes(fetched, rate_limit=None) == 0
    fetched.tick(0.2)
    assert passes(fetched, rate_limit=None) == 5


def test_the_budget_is_what_the_headers_say(fetched: Bench) -> None:
    batch = fetched.batch()
    fetched.commit(batch, rate_limit=RateLimitInfo(3, 2, 7))
    assert passes(fetched, rate_limit=None) == 2
    fetched.tick(6.9)
    assert passes(fetched, rate_limit=None) == 0


def test_an_answer_that_others_overtook_may_only_tighten(fetched: Bench) -> None:
    slow, quick = fetched.batch(), fetched.batch(alert_type=AlertType.ERROR)
    fetched.commit(quick, rate_limit=RateLimitInfo(5, 0, 5))
    fetched.commit(slow, rate_limit=RateLimitInfo(5, 4, 0.4))
    assert reason(fetched) is Reason.RATE_LIMITED


def test_requests_under_way_count_against_a_new_period(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), rate_limit=RateLimitInfo(2, 1, 2))
    under_way = fetched.batch()
    fetched.tick(3)
    fetched.commit(fetched.batch(alert_type=AlertType.ERROR), rate_limit=None)
    assert reason(fetched, alert_type=AlertType.CRITICAL) is Reason.RATE_LIMITED
    fetched.commit(under_way)


def test_the_configured_limit_binds_the_whole_fleet(make_bench: MakeBench) -> None:
    fleet = [make_bench(queue_size=1_000, rate_limit_per_minute=7) for _ in range(3)]
    fill(fleet[0])
    passed = 0
    for _ in range(10):
        for bench in fleet:
            passed += passes(bench)
        fleet[0].tick(5)
    assert passed == 7
    fleet[0].tick(15)
    assert passes(fleet[0]) == 7


def test_thirty_requests_a_minute_go_to_a_channel_over_all_its_webhooks(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1_000)
    fill(bench)
    for webhook in (WEBHOOK, OTHER_WEBHOOK):
        asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), webhook, WORKER)
        assert isinstance(asked, FetchWebhook)
        bench.fetch_webhook(webhook, asked, channel_id="2999")
    bench.tick(1)
    first = passes(bench, WEBHOOK, most=20)
    bench.tick(1)
    second = passes(bench, OTHER_WEBHOOK)
    assert (first, second) == (20, 10)
    assert reason(bench, OTHER_WEBHOOK) is Reason.CHANNEL_RATE_LIMITED
    bench.tick(58.5)
    assert passes(bench, WEBHOOK) == 0
    bench.tick(1)
    assert passes(bench, WEBHOOK) == 20


def test_a_request_counts_from_its_answer_however_long_it_travelled(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1)
    bench.admit("slow", "next", message="x" * 5_000)
    slow = bench.batch()
    bench.tick(20)
    bench.commit(slow)
    bench.tick(59)
    assert reason(bench) is Reason.CONFIGURED_LIMIT
    bench.tick(2)
    bench.batch()


def test_what_is_under_way_comes_off_what_the_headers_leave(fetched: Bench) -> None:
    fetched.batch()
    fetched.commit(fetched.batch(alert_type=AlertType.ERROR), rate_limit=RateLimitInfo(5, 1, 5))
    assert reason(fetched, alert_type=AlertType.CRITICAL) is Reason.RATE_LIMITED


@pytest.mark.parametrize(("moves", "back"), [(0.4, 1), (0.0, 0)], ids=["sliding", "fixed window"])
def test_an_exhausted_bucket_gives_back_one_by_one_if_it_slides_and_all_at_once_if_not(
    fetched: Bench, moves: float, back: int
) -> None:
    for used in range(1, 6):
        told = RateLimitInfo(5, 5 - used, 0.4 * used if moves else 2.0, 1_000 + moves * used)
        fetched.commit(fetched.batch(), rate_limit=told)
        fetched.tick(0.001)
    assert reason(fetched) is Reason.RATE_LIMITED
    fetched.tick(0.45)
    assert passes(fetched, rate_limit=None) == back
    fetched.tick(2.1)
    assert passes(fetched, rate_limit=None) == 5


def test_no_webhook_is_fetched_if_a_probe_is_due(bench: Bench) -> None:
    bench.admit("a")
    bench.redis.hset("notifier:gate:edge", mapping={"breaker": "open", "open_until": 1, "open_for": 60_000_000})
    bench.redis.expire("notifier:gate:edge", 60)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER), Batch), (
        "the probe is a real one"
    )


def test_webhooks_of_different_channels_do_not_share(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), Deferred(30, Reason.CHANNEL_RATE_LIMITED, Scope.CHANNEL))
    assert reason(fetched) is Reason.CHANNEL_RATE_LIMITED
    assert isinstance(fetched.claim(webhook=OTHER_WEBHOOK), Batch)


def test_a_429_is_obeyed_to_its_retry_after(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), Deferred(9, Reason.RATE_LIMITED), rate_limit=None)
    fetched.tick(8.9)
    assert reason(fetched) is Reason.RATE_LIMITED
    fetched.tick(0.2)
    fetched.batch()


def test_a_global_limit_stops_every_webhook_for_its_time(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), Deferred(9, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL))
    assert reason(fetched, OTHER_WEBHOOK) is Reason.GLOBAL_RATE_LIMITED
    fetched.tick(9.1)
    assert isinstance(fetched.claim(webhook=OTHER_WEBHOOK), Batch)


def test_fifty_requests_a_second_go_over_all_webhooks(fetched: Bench) -> None:
    fill(fetched)
    fetched.redis.hset("notifier:gate:webhook:1000000000000000001:state", "channel", "1")
    passed = 0
    for number in range(3):  # three webhooks of three channels, or the channel window would bind first
        webhook = Webhook(f"100000000000000001{number}", WEBHOOK.token)
        passed += passes(fetched, webhook)
    assert passed == 50 - 2, "the fetches of two webhooks count as well"
    assert reason(fetched) is Reason.GLOBAL_RATE_LIMITED


def test_an_edge_ban_stops_every_webhook_and_one_probe_ends_it(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), Deferred(0, Reason.EDGE_BANNED, Scope.EDGE), rate_limit=None)
    assert reason(fetched, OTHER_WEBHOOK, AlertType.ERROR) is Reason.EDGE_BANNED
    fetched.tick(gate_module.EDGE_BAN_SECONDS + 1)
    probe = fetched.batch()
    assert reason(fetched, OTHER_WEBHOOK, AlertType.ERROR) is Reason.PROBE_IN_FLIGHT
    fetched.commit(probe, Deferred(0, Reason.EDGE_BANNED, Scope.EDGE), rate_limit=None)
    fetched.tick(gate_module.EDGE_BAN_SECONDS + 1)
    assert reason(fetched) is Reason.EDGE_BANNED, "the pause has doubled"
    fetched.tick(gate_module.EDGE_BAN_SECONDS)
    fetched.commit(fetched.batch())
    assert isinstance(fetched.claim(webhook=OTHER_WEBHOOK, alert_type=AlertType.ERROR), Batch)


@pytest.mark.parametrize("told", [1, 45, 3_000])
def test_whatever_a_ban_says_one_probe_goes_after_a_minute(fetched: Bench, told: float) -> None:
    fetched.commit(fetched.batch(), Deferred(told, Reason.EDGE_BANNED, Scope.EDGE), rate_limit=None)
    fetched.tick(59)
    assert reason(fetched) is Reason.EDGE_BANNED
    fetched.tick(1.1)
    fetched.batch()
    assert reason(fetched, alert_type=AlertType.ERROR) is Reason.PROBE_IN_FLIGHT


@pytest.mark.parametrize("rejection", [Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID])
def test_a_webhook_that_is_gone_is_not_asked_again_until_its_url_changes(fetched: Bench, rejection: Reason) -> None:
    fetched.commit(fetched.batch(), Rejected(rejection))
    blocked = fetched.batch()
    assert blocked.blocked is Reason.WEBHOOK_QUARANTINED
    fetched.commit(blocked, Rejected(Reason.WEBHOOK_QUARANTINED))
    assert fetched.gate.state(WEBHOOK).quarantined == rejection
    changed = Webhook(WEBHOOK.id, OTHER_WEBHOOK.token)
    assert fetched.batch(changed).blocked is None


def test_reset_ends_a_quarantine_and_an_open_breaker(fetched: Bench) -> None:
    fetched.commit(fetched.batch(), Rejected(Reason.WEBHOOK_UNKNOWN))
    fetched.gate.reset(WEBHOOK)
    assert fetched.batch().blocked is None


def fail_until_open(bench: Bench) -> None:
    for _ in range(bench.settings.breaker_failures):
        bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
        bench.tick(0.1)


def test_five_failures_in_a_row_open_the_breaker(fetched: Bench) -> None:
    for _ in range(4):
        fetched.commit(fetched.batch(), Unknown(Reason.SERVER_ERROR))
        fetched.tick(0.1)
    fetched.commit(fetched.batch())
    fetched.tick(0.1)
    fail_until_open(fetched)
    assert reason(fetched) is Reason.BREAKER_OPEN
    fetched.tick(fetched.settings.breaker_open_seconds - 1)
    assert reason(fetched) is Reason.BREAKER_OPEN


@pytest.mark.parametrize(
    "neutral", [Deferred(0.01, Reason.RATE_LIMITED), Rejected(Reason.INVALID_PAYLOAD), Rejected(Reason.CLIENT_ERROR)]
)
def test_429_and_4xx_neither_open_the_breaker_nor_hide_failures(fetched: Bench, neutral: Deferred | Rejected) -> None:
    for _ in range(10):
        fetched.commit(fetched.batch(), neutral)
        fetched.tick(0.1)
    for _ in range(5):
        fetched.commit(fetched.batch(), Failed(Reason.BAD_GATEWAY))
        fetched.tick(0.1)
        if fetched.gate.state(WEBHOOK).breaker != "open":
            fetched.commit(fetched.batch(), neutral)
            fetched.tick(0.1)
    assert reason(fetched) is Reason.BREAKER_OPEN


def test_each_probe_that_fails_doubles_the_pause_up_to_ten_minutes(fetched: Bench) -> None:
    fail_until_open(fetched)
    for pause in (60, 120, 240, 480, 600, 600):
        fetched.tick(pause - 1)
        assert reason(fetched) is Reason.BREAKER_OPEN, f"it is open for {pause} s"
        fetched.tick(1.1)
        fetched.commit(fetched.batch(), Failed(Reason.BAD_GATEWAY))
    fetched.tick(601)
    fetched.commit(fetched.batch())
    fetched.tick(0.1)
    assert fetched.gate.state(WEBHOOK).breaker == "closed"
    fetched.batch()


def test_half_open_lets_one_probe_through_and_a_lost_prober_does_not_wedge_it(fetched: Bench) -> None:
    fail_until_open(fetched)
    fetched.tick(61)
    fetched.batch()
    assert {reason(fetched, alert_type=kind) for kind in TYPES[1:]} == {Reason.PROBE_IN_FLIGHT}
    fetched.tick(gate_module.lease_seconds(fetched.settings) + 1)
    fetched.batch(alert_type=AlertType.ERROR)


def test_a_probe_that_proves_nothing_lets_the_next_go(fetched: Bench) -> None:
    fail_until_open(fetched)
    fetched.tick(61)
    fetched.commit(fetched.batch(), Rejected(Reason.INVALID_PAYLOAD))
    fetched.tick(1)
    fetched.commit(fetched.batch())
    assert fetched.gate.state(WEBHOOK).breaker == "closed"


def test_an_answer_from_before_the_breaker_opened_changes_nothing(fetched: Bench) -> None:
    old = fetched.batch(alert_type=AlertType.ERROR)
    fail_until_open(fetched)
    fetched.commit(old)
    assert reason(fetched) is Reason.BREAKER_OPEN


def test_one_asker_fetches_a_webhook_and_the_others_wait_for_it(bench: Bench) -> None:
    bench.admit("a")
    bench.admit("b", alert_type=AlertType.ERROR)
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    waiting = bench.outbox.claim(ClaimRequest(AlertType.ERROR), WEBHOOK, WORKER)
    assert isinstance(waiting, Throttled)
    assert waiting.reason is Reason.FETCHING_WEBHOOK
    bench.fetch_webhook(WEBHOOK, asked)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.ERROR), WEBHOOK, WORKER), Batch)


def test_if_the_fetch_fails_alerts_go_all_the_same(bench: Bench) -> None:
    from notifier.outcome import WebhookInfo

    bench.admit("a")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    failed = WebhookInfo(Answer(Failed(Reason.BAD_GATEWAY), None, 502), None, None, None)
    bench.gate.webhook_fetched(WEBHOOK, asked.token, asked.claimed_at, failed)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER), Batch)


def test_a_fetch_that_meets_a_dead_webhook_quarantines_it(make_bench: MakeBench) -> None:
    from notifier.outcome import WebhookInfo

    bench = make_bench(undeliverable_seconds=0)
    bench.admit("a")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    gone = WebhookInfo(Answer(Rejected(Reason.WEBHOOK_UNKNOWN), None, 404), None, None, None)
    bench.gate.webhook_fetched(WEBHOOK, asked.token, asked.claimed_at, gone)
    assert bench.batch().blocked is Reason.WEBHOOK_QUARANTINED


def test_delivered_counts_as_success_for_the_breaker(fetched: Bench) -> None:
    for _ in range(3):
        for _ in range(4):
            fetched.commit(fetched.batch(), Failed(Reason.BAD_GATEWAY))
            fetched.tick(0.1)
        fetched.commit(fetched.batch(), Delivered("1", "2"))
        fetched.tick(0.1)
    assert fetched.gate.state(WEBHOOK).breaker == "closed"


def test_a_request_counts_for_as_long_as_it_is_under_way(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1, timeout_seconds=30)
    for kind in (AlertType.GENERAL, AlertType.ERROR):
        bench.admit(f"{kind}", alert_type=kind)
    slow = bench.batch()
    bench.tick(65)
    assert reason(bench, alert_type=AlertType.ERROR) is Reason.CONFIGURED_LIMIT
    bench.tick(20)
    bench.commit(slow)
    bench.tick(59)
    assert reason(bench, alert_type=AlertType.ERROR) is Reason.CONFIGURED_LIMIT
    bench.tick(2)
    bench.batch(alert_type=AlertType.ERROR)


def test_a_request_whose_worker_died_counts_no_longer_than_if_it_had_been_answered_then(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1, timeout_seconds=30)
    bench.admit("lost")
    bench.batch()
    bench.redis.delete(names.worker(WORKER))
    assert reason(bench) is Reason.IN_FLIGHT
    bench.tick(2.1)
    bench.redis.set(names.worker("second"), 1, ex=600)
    abandoned = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, "second")
    assert isinstance(abandoned, Batch)
    assert abandoned.abandoned
    bench.commit(abandoned, Unknown(Reason.WORKER_LOST), rate_limit=None)
    bench.tick(61)
    bench.batch()


def test_what_one_url_was_answered_is_no_answer_for_another(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch())
    assert bench.gate.state(WEBHOOK).webhook_fetched_seconds_ago < 1
    assert bench.gate.state(Webhook(WEBHOOK.id, OTHER_WEBHOOK.token)).webhook_fetched_seconds_ago > 1_000_000


def test_a_url_is_asked_for_once_even_if_the_answer_says_nothing(bench: Bench) -> None:
    from notifier.outcome import WebhookInfo

    changed = Webhook(WEBHOOK.id, OTHER_WEBHOOK.token)
    bench.admit("a", "b")
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("c")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), changed, WORKER)
    assert isinstance(asked, FetchWebhook), "another URL"
    failed = WebhookInfo(Answer(Failed(Reason.BAD_GATEWAY), None, 502), None, None, None)
    bench.gate.webhook_fetched(changed, asked.token, asked.claimed_at, failed)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.GENERAL), changed, WORKER), Batch)


def test_a_url_that_version_0_2_has_quarantined_is_used_and_free_for_it_once_a_post_succeeds(bench: Bench) -> None:
    """It took the answer of a login page for Discord's."""
    false = {"quarantined": WEBHOOK.fingerprint, "quarantine_reason": "webhook_token_invalid"}
    bench.redis.hset(names.gate(WEBHOOK.id), mapping=false)
    bench.admit("a")
    bench.commit(bench.batch())
    assert bench.redis.hmget(names.gate(WEBHOOK.id), *false) == [None, None]
