"""What one answer says holds nothing for longer than is believed, and ends when Discord lets a request through."""

from dataclasses import dataclass

import pytest

from notifier.gate.gate import BUCKET_LIMIT, lease_seconds
from notifier.models import AlertType
from notifier.outbox.claim import Batch, Claim, Throttled
from notifier.outcome import Deferred, Delivered, Failed, Outcome, RateLimitInfo, Reason, Scope
from tests.integration.conftest import CLOCK, OTHER_WEBHOOK, ROOMY, SECOND, WEBHOOK, Bench, MakeBench
from tests.names import names

DAY = 86_400
HOUR = 3_600
MINUTE = 60
TYPES = list(AlertType)
CHANNEL = f"{names.channel_prefix}2{WEBHOOK.id[1:]}"
STATE = names.gate(WEBHOOK.id)
REASONS = {
    Scope.WEBHOOK: Reason.RATE_LIMITED,
    Scope.CHANNEL: Reason.CHANNEL_RATE_LIMITED,
    Scope.GLOBAL: Reason.GLOBAL_RATE_LIMITED,
    Scope.EDGE: Reason.EDGE_BANNED,
}
each_scope = pytest.mark.parametrize("scope", list(REASONS))
each_scope_of_a_429 = pytest.mark.parametrize("scope", [Scope.WEBHOOK, Scope.CHANNEL, Scope.GLOBAL])


@dataclass
class Paused:
    """Six outboxes of one webhook, which meet a 429 or a ban."""

    bench: Bench

    def claims(self) -> list[Claim]:
        """What each outbox gets now."""
        return [self.bench.claim(alert_type=kind) for kind in TYPES]

    def answer(self, batch: Batch, scope: Scope, seconds: float) -> None:
        """Discord's answer: not before so many seconds."""
        self.commit(batch, Deferred(seconds, REASONS[scope], scope))

    def commit(self, batch: Batch, outcome: Outcome | None = None, headers: RateLimitInfo | None = None) -> None:
        self.bench.commit(batch, outcome, rate_limit=headers)

    def one(self) -> Batch:
        """The one request that may go: there is one, and it is the only one."""
        batches = [claim for claim in self.claims() if isinstance(claim, Batch) and not claim.abandoned]
        assert len(batches) == 1, self.claims()
        return batches[0]

    def holds(self, seconds: float) -> None:
        """Nothing goes until then; and it has come now."""
        self.bench.tick(seconds - 0.5)
        assert {type(claim) for claim in self.claims()} == {Throttled}
        self.bench.tick(0.6)

    def flows(self) -> None:
        """Nothing holds any outbox."""
        assert {type(claim) for claim in self.claims()} == {Batch}


@pytest.fixture
def paused(make_bench: MakeBench) -> Paused:
    """Nothing holds them yet."""
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=1_000)
    for kind in TYPES:
        bench.admit(*(f"{kind}{number}" for number in range(6)), alert_type=kind, message="x" * 5_000)
    bench.open_gate()
    return Paused(bench)


@each_scope
def test_after_a_minute_of_a_long_pause_one_request_goes_and_its_delivery_ends_the_pause(
    paused: Paused, scope: Scope
) -> None:
    paused.answer(paused.bench.batch(), scope, DAY)
    redis = paused.bench.redis
    assert [key for key in redis.scan_iter() if redis.ttl(key) > 31 * DAY] == [], "none stays for ever, or nearly"
    paused.holds(MINUTE)
    paused.commit(paused.one(), headers=ROOMY)
    paused.bench.tick(0.1)
    paused.flows()


@each_scope
def test_each_time_it_is_told_the_same_again_the_pause_doubles_up_to_an_hour(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, DAY)
    for pause in (60, 120, 240, 480, 960, 1_920, 3_600, 3_600):
        paused.holds(pause)
        paused.answer(paused.one(), scope, DAY)
    shown = paused.bench.gate.state(WEBHOOK).pauses
    assert all(each.probe_seconds and each.probe_seconds <= HOUR for each in shown), "what is shown as well"


@each_scope_of_a_429
@pytest.mark.parametrize("told", [45, MINUTE])
def test_a_429_of_up_to_a_minute_is_obeyed_to_its_end_and_then_all_may_go(
    paused: Paused, scope: Scope, told: float
) -> None:
    paused.answer(paused.bench.batch(), scope, told)
    paused.holds(told)
    paused.flows()


@each_scope_of_a_429
def test_a_longer_one_that_is_honest_costs_one_probe(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, 90)
    paused.holds(MINUTE)
    paused.answer(paused.one(), scope, 30)
    paused.holds(30)
    paused.flows()


@each_scope
def test_a_probe_that_is_lost_makes_way_for_one_other(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, 90)
    paused.holds(MINUTE)
    paused.one()
    paused.holds(lease_seconds(paused.bench.settings))
    paused.one()


@each_scope_of_a_429
def test_when_a_long_pause_is_over_one_request_goes_first_all_the_same(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, 90)
    paused.bench.tick(100)
    paused.commit(paused.one(), headers=ROOMY)
    paused.bench.tick(0.1)
    paused.flows()


@each_scope_of_a_429
def test_no_probe_waits_longer_than_it_was_told(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, 70)
    paused.holds(MINUTE)
    paused.answer(paused.one(), scope, 70)
    paused.holds(70)
    paused.one()


@pytest.mark.parametrize("scope", [Scope.CHANNEL, Scope.GLOBAL])
def test_a_probe_without_an_answer_proves_nothing(paused: Paused, scope: Scope) -> None:
    paused.answer(paused.bench.batch(), scope, DAY)
    paused.holds(MINUTE)
    batch = paused.one()
    dispositions_of_no_answer(paused, batch)
    paused.one()


def dispositions_of_no_answer(paused: Paused, batch: Batch) -> None:
    """Commit a request that met no connection."""
    from notifier.outbox.disposition import decide
    from notifier.outcome import Answer

    outcome = Failed(Reason.CONNECTION_FAILED)
    dispositions = decide(outcome, batch.items, paused.bench.settings.retry_attempts, sent=True)
    paused.bench.outbox.commit(batch, dispositions, Answer(outcome, None, None), 2)


def test_an_older_answer_does_not_shorten_a_pause(paused: Paused) -> None:
    for scope in (Scope.WEBHOOK, Scope.CHANNEL, Scope.GLOBAL):
        late, first = paused.bench.batch(), paused.bench.batch(alert_type=AlertType.ERROR)
        paused.answer(first, scope, 30)
        paused.answer(late, scope, 3)
        paused.holds(30)


def test_a_request_that_was_not_made_after_all_empties_no_bucket(paused: Paused) -> None:
    paused.commit(paused.bench.batch(), headers=RateLimitInfo(50, 40, HOUR))
    paused.commit(paused.bench.batch(), Deferred(0, Reason.WORKER_LOST))
    paused.flows()


def test_headers_that_say_empty_for_a_day_hold_no_longer(paused: Paused) -> None:
    lie = RateLimitInfo(5, 0, DAY)
    paused.commit(paused.bench.batch(), headers=lie)
    paused.holds(MINUTE)
    paused.commit(paused.one(), headers=lie)
    paused.holds(2 * MINUTE)
    paused.commit(paused.one(), headers=ROOMY)
    paused.bench.tick(0.1)
    paused.flows()


def test_a_bucket_that_requests_without_headers_use_up_is_probed_as_well(paused: Paused) -> None:
    paused.commit(paused.bench.batch(), headers=RateLimitInfo(50, 1, DAY))
    paused.commit(paused.bench.batch())
    paused.holds(MINUTE)
    paused.commit(paused.one())
    paused.bench.tick(0.1)
    paused.flows()


WRITTEN_BY_0_2 = {
    Scope.WEBHOOK: (STATE, {"bucket_remaining": 0, "bucket_reset_at": DAY}),
    Scope.CHANNEL: (f"{CHANNEL}:blocked", DAY),
    Scope.GLOBAL: (names.edge, {"pause_until": DAY, "pause_reason": "global_rate_limited"}),
    Scope.EDGE: (names.edge, {"breaker": "open", "open_for": MINUTE, "open_until": DAY}),
}


def written_by_0_2(bench: Bench, scope: Scope) -> None:
    """A pause of a day as version 0.2 stores it."""
    now = int(bench.redis.get(CLOCK) or 0)
    key, value = WRITTEN_BY_0_2[scope]

    def stored(field: str, each: object) -> object:
        return each if isinstance(each, str) or each == 0 else each * SECOND + (0 if field == "open_for" else now)  # type: ignore[operator]

    if isinstance(value, dict):
        bench.redis.hset(key, mapping={field: stored(field, each) for field, each in value.items()})  # type: ignore[arg-type]
        bench.redis.expire(key, DAY)
    else:
        bench.redis.set(key, now + value * SECOND, ex=DAY)


@each_scope
def test_a_pause_of_a_day_that_version_0_2_stored_is_probed_after_a_minute(paused: Paused, scope: Scope) -> None:
    written_by_0_2(paused.bench, scope)
    assert [pause.seconds <= HOUR for pause in paused.bench.gate.state(WEBHOOK).pauses] == [True] * (
        scope in (Scope.CHANNEL, Scope.GLOBAL)
    ), "it is not known of the bucket who emptied it"
    assert {type(claim) for claim in paused.claims()} == {Throttled}
    paused.holds(MINUTE)
    paused.commit(paused.one(), headers=ROOMY)
    paused.bench.tick(0.1)
    paused.flows()


@each_scope
def test_a_reset_ends_a_pause_for_real(paused: Paused, scope: Scope) -> None:
    for wait in (0, MINUTE):  # before the first probe, and while one is under way
        paused.answer(paused.bench.batch(), scope, DAY)
        if wait:
            paused.holds(wait)
            paused.one()
        if scope in (Scope.GLOBAL, Scope.EDGE):
            paused.bench.gate.reset_edge()
        else:
            paused.bench.gate.reset(WEBHOOK)
        batches = [claim for claim in paused.claims() if isinstance(claim, Batch)]
        assert len(batches) >= BUCKET_LIMIT - 1, "all but the probe, or what an unknown bucket and a fetch leave"
        for batch in batches:
            paused.commit(batch, headers=ROOMY)
        paused.bench.tick(10)


def test_a_reset_empties_the_windows(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=2)
    bench.admit(*map(str, range(5)), message="x" * 5_000)
    for _ in range(2):
        bench.commit(bench.batch())
    assert isinstance(bench.claim(), Throttled)
    bench.gate.reset(WEBHOOK)
    bench.batch()


@each_scope
def test_a_pause_is_shown_as_long_as_it_lasts(paused: Paused, scope: Scope) -> None:
    assert paused.bench.gate.state(WEBHOOK).pauses == ()
    paused.answer(paused.bench.batch(), scope, 2 * HOUR)
    paused.bench.tick(10)
    if scope is not Scope.EDGE:
        (shown,) = paused.bench.gate.state(WEBHOOK).pauses
        assert (shown.reason, round(shown.seconds)) == (REASONS[scope], HOUR - 10)
        assert shown.probe_seconds is not None
        assert round(shown.probe_seconds) == MINUTE - 10
        others = paused.bench.gate.state(OTHER_WEBHOOK).pauses
        assert len(others) == (1 if scope is Scope.GLOBAL else 0)
    else:
        assert paused.bench.gate.banned()
    paused.bench.tick(MINUTE)
    paused.commit(paused.one(), Delivered("1", "2"), headers=ROOMY)
    assert paused.bench.gate.state(WEBHOOK).pauses == ()


def test_a_short_pause_is_shown_too_and_an_empty_bucket_is_none(paused: Paused) -> None:
    paused.commit(paused.bench.batch(), headers=RateLimitInfo(5, 0, 2))
    assert paused.bench.gate.state(WEBHOOK).pauses == ()
    paused.bench.tick(3)
    paused.answer(paused.bench.batch(), Scope.WEBHOOK, 30)
    (shown,) = paused.bench.gate.state(WEBHOOK).pauses
    assert (shown.reason, round(shown.seconds), shown.probe_seconds) == (Reason.RATE_LIMITED, 30, None)


@pytest.mark.parametrize(
    ("paused_scope", "told_scope"), [(Scope.WEBHOOK, Scope.CHANNEL), (Scope.CHANNEL, Scope.WEBHOOK)]
)
def test_a_probe_that_meets_a_429_of_another_scope_tells_nothing_of_its_own(
    paused: Paused, paused_scope: Scope, told_scope: Scope
) -> None:
    paused.answer(paused.bench.batch(), paused_scope, DAY)
    paused.holds(MINUTE)
    paused.answer(paused.one(), told_scope, 5)
    paused.bench.tick(5.1)
    paused.commit(paused.one(), headers=ROOMY)
    paused.bench.tick(0.1)
    paused.flows()
