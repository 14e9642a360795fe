"""Redis' clock steps: nothing is held for longer than if it had not, and nothing breaks."""

from collections.abc import Callable

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import AlertType
from notifier.outbox.claim import Batch, ClaimRequest, FetchWebhook, Throttled
from notifier.outcome import Deferred, Failed, RateLimitInfo, Reason, Scope
from tests.integration.conftest import ROOMY, WEBHOOK, WORKER, Bench, MakeBench

STEP_SECONDS = 600
TYPES = list(AlertType)
SLACK_SECONDS = 1

Hold = Callable[[Bench], float]
"""Makes something hold the gate, and returns for how many seconds at most."""


def configured_window(bench: Bench) -> float:
    for _ in range(bench.settings.rate_limit_per_minute):
        bench.commit(bench.batch())
    return 60


def window_with_one_under_way(bench: Bench) -> float:
    for _ in range(bench.settings.rate_limit_per_minute - 1):
        bench.commit(bench.batch())
    bench.batch(alert_type=AlertType.ERROR)
    return lease_seconds(bench.settings) + 60


def channel_window(bench: Bench) -> float:
    bench.settings = bench.settings.model_copy(update={"rate_limit_per_minute": 1_000})
    bench.outbox.__init__(bench.redis, bench.settings)  # type: ignore[misc]
    for _ in range(30):
        bench.commit(bench.batch())
    return 60


def bucket(bench: Bench) -> float:
    bench.commit(bench.batch(), rate_limit=RateLimitInfo(5, 0, 7))
    return 7


def bucket_of_requests_under_way(bench: Bench) -> float:
    bench.commit(bench.batch(), rate_limit=RateLimitInfo(2, 2, 2))
    for kind in (AlertType.ERROR, AlertType.TRACKLIST):
        bench.batch(alert_type=kind)
    bench.tick(3)
    return lease_seconds(bench.settings)


def pause(scope: Scope, reason: Reason) -> Hold:
    def hold(bench: Bench) -> float:
        bench.commit(bench.batch(), Deferred(40, reason, scope), rate_limit=None)
        return 60

    return hold


def breaker(bench: Bench) -> float:
    for _ in range(bench.settings.breaker_failures):
        bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
        bench.tick(0.1)
    return bench.settings.breaker_open_seconds


def probe(bench: Bench) -> float:
    bench.tick(breaker(bench) + 1)
    bench.batch(alert_type=AlertType.ERROR)
    return lease_seconds(bench.settings)


def fetch(bench: Bench) -> float:
    bench.gate.reset(WEBHOOK)
    bench.redis.hdel("notifier:gate:webhook:1000000000000000001:state", "introduce_at")
    asked = bench.outbox.claim(ClaimRequest(AlertType.ERROR), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    return lease_seconds(bench.settings)


HOLDS: dict[str, Hold] = {
    "configured window": configured_window,
    "one under way": window_with_one_under_way,
    "channel window": channel_window,
    "bucket": bucket,
    "bucket under way": bucket_of_requests_under_way,
    "429": pause(Scope.WEBHOOK, Reason.RATE_LIMITED),
    "channel 429": pause(Scope.CHANNEL, Reason.CHANNEL_RATE_LIMITED),
    "global 429": pause(Scope.GLOBAL, Reason.GLOBAL_RATE_LIMITED),
    "ban": pause(Scope.EDGE, Reason.EDGE_BANNED),
    "breaker": breaker,
    "probe": probe,
    "fetch": fetch,
}


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A gate that is open, and outboxes in which much waits."""
    bench = make_bench(queue_size=100, rate_limit_per_minute=6)
    for kind in TYPES:
        bench.admit(*(f"{kind}{number}" for number in range(35 if kind is AlertType.GENERAL else 2)),
                    alert_type=kind, message="x" * 5_000)  # fmt: skip
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    bench.fetch_webhook(WEBHOOK, asked)
    bench.tick(100)
    return bench


@pytest.mark.parametrize("name", HOLDS)
def test_after_a_step_back_the_gate_opens_as_soon_as_it_would_have(bench: Bench, name: str) -> None:
    seconds = HOLDS[name](bench)
    held = bench.outbox.claim(ClaimRequest(AlertType.CRITICAL), WEBHOOK, WORKER)
    assert isinstance(held, Throttled)
    bench.tick(-STEP_SECONDS)
    left = seconds
    while left > 0:  # as wake-ups do: each looks, and waits as it is told
        claim = bench.outbox.claim(ClaimRequest(AlertType.CRITICAL), WEBHOOK, WORKER)
        if not isinstance(claim, Throttled):
            return
        wait = min(claim.wait_seconds, left)
        assert wait > 0
        bench.tick(wait)
        left -= wait
    bench.tick(SLACK_SECONDS)
    assert not isinstance(bench.outbox.claim(ClaimRequest(AlertType.CRITICAL), WEBHOOK, WORKER), Throttled)


@pytest.mark.parametrize("name", HOLDS)
def test_a_step_forward_breaks_nothing(bench: Bench, name: str) -> None:
    HOLDS[name](bench)
    bench.tick(2 * STEP_SECONDS)
    claim = bench.claim(alert_type=AlertType.CRITICAL)
    assert isinstance(claim, Batch)
    bench.commit(claim)
    bench.tick(-2 * STEP_SECONDS)
    bench.tick(61)
    bench.commit(bench.batch(alert_type=AlertType.MONITORING))


def test_an_answer_to_a_request_from_before_a_step_back_is_understood(bench: Bench) -> None:
    claimed = bench.batch()
    bench.tick(-STEP_SECONDS)
    bench.commit(claimed, rate_limit=RateLimitInfo(5, 0, 3))
    assert isinstance(bench.claim(), Throttled)
    bench.tick(3.1)
    bench.batch()


def test_after_a_step_back_headers_are_believed_as_before(bench: Bench) -> None:
    bench.commit(bench.batch(), rate_limit=RateLimitInfo(5, 0, 3))
    bench.tick(-STEP_SECONDS)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(3.1)
    bench.commit(bench.batch(), rate_limit=RateLimitInfo(5, 0, 60))
    bench.tick(60.1)
    bench.commit(bench.batch(), rate_limit=ROOMY)
    bench.tick(0.1)
    for _ in range(3):
        bench.commit(bench.batch(), rate_limit=ROOMY)


def test_a_webhook_is_fetched_again_after_a_day_though_the_clock_stepped_back(bench: Bench) -> None:
    bench.tick(-10 * 86_400)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER), Batch)
    bench.tick(86_401)
    assert isinstance(bench.outbox.claim(ClaimRequest(AlertType.ERROR), WEBHOOK, WORKER), FetchWebhook)
    assert bench.gate.state(WEBHOOK).webhook_fetched_seconds_ago > 0, "no answer of the future counts as fresh"
