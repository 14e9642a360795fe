"""Which worker of a fleet delivers a type, by what its living workers hold, and what becomes of what nobody can."""

import json
from collections.abc import Mapping
from typing import cast

import pytest
from pydantic import SecretStr

from notifier.models import AlertType
from notifier.outbox import fleet as fleet_module
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox.claim import Batch, Claim, Empty, Throttled
from notifier.outbox.fleet import Holding, disagreements, holding_as_json, read_fleet, read_fleet_patiently
from notifier.outbox.heartbeat import LIFE_SECONDS, Heartbeat
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.outbox.terms import Terms
from notifier.outcome import Reason, Rejected
from notifier.pipeline import Pipeline
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.webhook import Webhook
from tests.e2e.conftest import client_app
from tests.integration.conftest import CLOCK, OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.names import names

GENERAL, SECURITY = AlertType.GENERAL, AlertType.SECURITY
NEW = Webhook(WEBHOOK.id, SecretStr("fake-token-new"))
LIMIT = 300  # seconds, the default


LEFT = (Reason.LEFT_TO_OTHERS, True)


@pytest.fixture(autouse=True)
def same_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "script", by_test_clock)


def beat(bench: Bench, worker: str, held: Mapping[AlertType, Webhook | None], machine: str = "") -> None:
    """One beat of a worker that consumes the queues of these types."""
    heartbeat = Heartbeat(bench.redis, names)
    told = {Partition(kind): holding_as_json(f"{worker}@here", each, machine) for kind, each in held.items()}
    heartbeat._holdings = lambda: told
    heartbeat._beat(worker)
    bench.redis.expire(names.worker(worker), 600)
    for kind in held:
        bench.redis.expire(names.fleet(kind), 600)


def fails(bench: Bench, machine: str, until: float = float("inf")) -> None:
    """It cannot reach Discord."""
    bench.redis.zadd(names.machines, {json.dumps([machine, "no_network", "DNS"]): until})
    bench.redis.expire(names.machines, 600)


def dies(bench: Bench, worker: str) -> None:
    bench.redis.delete(names.worker(worker))


def wait_of(claim: Claim) -> tuple[Reason, bool]:
    """Why it waits, and whether the claimer sends a wake-up."""
    assert isinstance(claim, Throttled), claim
    return claim.reason, claim.wake_up is not None


def refuse(bench: Bench, webhook: Webhook, reason: Reason = Reason.WEBHOOK_TOKEN_INVALID) -> None:
    """Discord does not know this URL."""
    bench.commit(bench.batch(webhook), Rejected(reason))
    bench.tick(0.1)


def test_a_worker_without_a_webhook_leaves_the_type_to_one_that_has_it(bench: Bench) -> None:
    beat(bench, "poor", {GENERAL: None})
    beat(bench, "good", {GENERAL: WEBHOOK})
    bench.admit("a")
    claim = bench.claim("a", None)
    assert wait_of(claim) == LEFT
    assert isinstance(claim, Throttled)
    assert claim.wait_seconds <= 0.1, "the next wake-up reaches another worker soon"
    assert [message.id for message in bench.batch(WEBHOOK).messages] == ["a"]


def test_a_worker_that_leaves_a_type_sends_one_wake_up_however_many_dispatches_it_takes(bench: Bench) -> None:
    beat(bench, "good", {GENERAL: WEBHOOK})
    ids = [f"alert {number}" for number in range(5)]
    bench.admit(*ids)
    assert [wait_of(bench.claim(each, None))[1] for each in ids] == [True, False, False, False, False]


def test_a_refused_url_costs_one_request_and_its_batch_goes_back_for_the_other_worker(bench: Bench) -> None:
    beat(bench, "good", {GENERAL: WEBHOOK})
    beat(bench, "bad", {GENERAL: NEW})
    bench.admit("a", "b")
    batch = bench.batch(NEW)
    result = bench.commit(batch, Rejected(Reason.WEBHOOK_TOKEN_INVALID))
    assert (result.records, result.wake_up is not None) == ((), True)
    bench.tick(0.1)
    assert wait_of(bench.claim(webhook=NEW))[0] is Reason.LEFT_TO_OTHERS
    taken = bench.batch(WEBHOOK)
    assert [(item.message.id, item.attempts) for item in taken.items] == [("a", 0), ("b", 0)]
    bench.commit(taken)
    bench.admit("c")
    assert wait_of(bench.claim(webhook=NEW))[0] is Reason.LEFT_TO_OTHERS, "the good one did not end its quarantine"


def test_a_deleted_webhook_leaves_to_one_with_another_id(bench: Bench) -> None:
    beat(bench, "good", {GENERAL: WEBHOOK})
    beat(bench, "bad", {GENERAL: OTHER_WEBHOOK})
    bench.admit("a")
    refuse(bench, OTHER_WEBHOOK, Reason.WEBHOOK_UNKNOWN)
    assert wait_of(bench.claim(webhook=OTHER_WEBHOOK))[0] is Reason.LEFT_TO_OTHERS
    assert bench.batch(WEBHOOK).blocked is None


def test_of_usable_urls_the_newest_wins_for_as_long_as_a_living_worker_holds_it(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.tick(60)
    bench.admit("a")
    bench.commit(bench.batch(WEBHOOK))
    beat(bench, "new", {GENERAL: NEW})
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.tick(1)
    bench.admit("b", "c")
    assert wait_of(bench.claim(webhook=WEBHOOK)) == LEFT
    batch = bench.batch(NEW)
    assert batch.blocked is None
    bench.commit(batch)
    dies(bench, "new")
    bench.tick(1)
    bench.admit("rolled back")
    assert bench.batch(WEBHOOK).blocked is None, "nobody alive holds the newer one"


def test_a_new_url_wins_though_the_clock_has_stepped_back(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.tick(-600)
    beat(bench, "new", {GENERAL: NEW})
    bench.admit("a")
    assert wait_of(bench.claim(webhook=WEBHOOK)) == LEFT
    assert bench.batch(NEW).blocked is None


def test_a_worker_that_is_dead_holds_no_webhook_for_longer_if_the_clock_steps_back(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.tick(1)
    beat(bench, "dies", {GENERAL: NEW})  # its key would live for ten minutes now
    bench.tick(-600)
    beat(bench, "old", {GENERAL: WEBHOOK})
    assert 0 < cast("int", bench.redis.pttl(names.worker("dies"))) <= LIFE_SECONDS * 1_000


def test_what_nobody_can_deliver_waits_no_longer_than_its_time_if_the_clock_steps_back(bench: Bench) -> None:
    bench.admit("a")
    bench.claim(webhook=None)
    bench.tick(-600)
    bench.admit("b")
    bench.claim(webhook=None)
    bench.tick(LIMIT)
    assert [message.id for message in bench.batch(None).messages] == ["a", "b"]


def test_a_quarantined_newest_url_does_not_win(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.tick(60)
    beat(bench, "new", {GENERAL: NEW})
    bench.admit("a")
    refuse(bench, NEW)
    assert bench.batch(WEBHOOK).blocked is None


def test_a_reset_ends_all_quarantines_of_a_webhook(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK})
    bench.admit("a")
    refuse(bench, NEW)
    refuse(bench, WEBHOOK)
    assert wait_of(bench.claim())[0] is Reason.WEBHOOK_QUARANTINED
    bench.gate.reset(WEBHOOK)
    assert bench.gate.state(NEW).quarantined is None
    bench.tick(2)
    assert bench.batch(WEBHOOK).blocked is None


def test_workers_with_the_same_url_all_deliver(bench: Bench) -> None:
    beat(bench, "one", {GENERAL: WEBHOOK})
    bench.tick(60)
    beat(bench, "two", {GENERAL: WEBHOOK})
    bench.admit("a")
    assert bench.batch(WEBHOOK).blocked is None


@pytest.mark.parametrize("how", ["another queue", "dead", "no longer"])
def test_only_a_living_worker_that_consumes_the_queue_serves_a_type(bench: Bench, how: str) -> None:
    beat(bench, "other", {SECURITY: WEBHOOK} if how == "another queue" else {GENERAL: WEBHOOK})
    if how == "dead":
        dies(bench, "other")
    if how == "no longer":
        beat(bench, "other", {})
    bench.admit("a")
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED


def test_what_nobody_can_deliver_waits_with_a_wake_up_under_way_and_is_then_a_dead_letter(bench: Bench) -> None:
    bench.admit("a")
    waited = 0
    while isinstance(claim := bench.claim(webhook=None), Throttled):
        assert (claim.reason, claim.wake_up is not None) == (Reason.WEBHOOK_NOT_CONFIGURED, True)
        assert 0 < claim.wait_seconds <= 2
        bench.tick(2)
        waited += 2
        assert claim.wake_up is not None
        bench.redis.delete(names.outbox(GENERAL, "wake_up"))  # it comes
    assert waited == LIMIT
    assert isinstance(claim, Batch)
    assert claim.blocked is Reason.WEBHOOK_NOT_CONFIGURED
    (record,) = bench.commit(claim, Rejected(claim.blocked)).records
    assert (record["reason"], record["attempts"]) == ("webhook_not_configured", 0)


def test_each_alert_has_its_whole_time(bench: Bench) -> None:
    bench.admit("first")
    bench.claim(webhook=None)
    for _ in range(LIMIT - 30):
        bench.tick(1)
        bench.claim(webhook=None)
    bench.admit("second")
    bench.tick(30)
    over = bench.batch(None)
    assert [message.id for message in over.messages] == ["first"]
    bench.commit(over, Rejected(Reason.WEBHOOK_NOT_CONFIGURED))
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED
    bench.tick(LIMIT - 30)
    assert [message.id for message in bench.batch(None).messages] == ["second"]


def test_an_alert_that_waited_long_for_a_worker_or_its_time_has_its_whole_time_too(bench: Bench) -> None:
    bench.admit("old")
    bench.admit("postponed", terms=Terms(after_seconds=1_000))
    bench.tick(900)
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED
    bench.tick(LIMIT)
    bench.commit(bench.batch(None), Rejected(Reason.WEBHOOK_NOT_CONFIGURED))
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED
    bench.tick(50)
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED


def test_a_time_without_any_worker_does_not_count(bench: Bench) -> None:
    bench.admit("a")
    bench.redis.set("test:before", 1, px=60_000)
    bench.claim(webhook=None)
    life, of_before = (cast("int", bench.redis.pttl(each)) for each in (names.undeliverable(GENERAL), "test:before"))
    assert 0 < of_before <= life <= 60_000
    bench.redis.delete(names.undeliverable(GENERAL))  # a minute without a look
    bench.tick(10 * LIMIT)
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_NOT_CONFIGURED


def test_no_time_to_wait_is_at_once(make_bench: MakeBench) -> None:
    bench = make_bench(undeliverable_seconds=0)
    bench.admit("a")
    assert bench.batch(None).blocked is Reason.WEBHOOK_NOT_CONFIGURED
    assert not bench.redis.exists(names.troubles), "nothing waits, and dead letters are reported as such"


def test_what_waits_goes_as_soon_as_a_worker_can(bench: Bench) -> None:
    bench.admit("a")
    bench.claim(webhook=None)
    assert isinstance(bench.batch(WEBHOOK), Batch)
    assert not bench.redis.exists(names.undeliverable(GENERAL))


def test_nobody_is_named_quarantined_if_anybody_has_a_url_whoever_asks(bench: Bench) -> None:
    beat(bench, "bad", {GENERAL: WEBHOOK})
    bench.admit("a")
    refuse(bench, WEBHOOK)
    assert wait_of(bench.claim(webhook=WEBHOOK))[0] is Reason.WEBHOOK_QUARANTINED
    assert wait_of(bench.claim(webhook=None))[0] is Reason.WEBHOOK_QUARANTINED


def test_it_is_reported_once_and_not_at_all_if_it_is_over_by_then(bench: Bench) -> None:
    bench.admit("a")
    for _ in range(3):
        bench.claim(webhook=None)
        bench.tick(2)
    trouble = "undeliverable|general|webhook_not_configured"
    assert bench.redis.hget(names.troubles, trouble) == "1"
    beat(bench, "good", {GENERAL: WEBHOOK})
    bench.claim(webhook=None)
    assert not bench.redis.hexists(names.troubles, trouble)


def test_a_fallback_takes_at_once_what_nobody_can_deliver_and_nothing_else(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, fallback=GENERAL)
    bench.admit("a", alert_type=SECURITY)
    beat(bench, "good", {SECURITY: OTHER_WEBHOOK})
    assert wait_of(bench.claim(webhook=None, alert_type=SECURITY))[0] is Reason.LEFT_TO_OTHERS
    dies(bench, "good")
    bench.tick(0.1)
    assert bench.batch(None, SECURITY).blocked is Reason.WEBHOOK_NOT_CONFIGURED


def test_a_fallback_to_the_same_webhook_is_none(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK, SECURITY: WEBHOOK}, fallback=GENERAL)
    bench.admit("a", alert_type=SECURITY)
    bench.commit(bench.batch(WEBHOOK, SECURITY), Rejected(Reason.WEBHOOK_UNKNOWN))
    bench.tick(0.1)
    assert wait_of(bench.claim(webhook=WEBHOOK, alert_type=SECURITY))[0] is Reason.WEBHOOK_QUARANTINED


def test_a_worker_that_may_not_deliver_still_ends_what_has_expired(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=10)
    beat(bench, "good", {GENERAL: WEBHOOK})
    bench.admit("a")
    bench.tick(11)
    assert bench.batch(None).blocked is Reason.EXPIRED


def test_the_beat_keeps_the_fleet_bounded_and_alive(bench: Bench) -> None:
    beat(bench, "gone", {GENERAL: WEBHOOK})
    dies(bench, "gone")
    beat(bench, "here", {GENERAL: WEBHOOK})
    assert list(bench.redis.hgetall(names.fleet(GENERAL))) == ["here"]
    for number in range(105):
        bench.tick(1)
        beat(bench, "here", {GENERAL: Webhook("1", SecretStr(f"fake-token-{number}"))})
    seen = bench.redis.zrange(names.first_seen(GENERAL), 0, -1)
    assert len(seen) == 100
    assert WEBHOOK.fingerprint not in seen, "the oldest are forgotten"
    heartbeat = Heartbeat(bench.redis, names)
    heartbeat._holdings = lambda: {Partition(GENERAL): holding_as_json("short@here", WEBHOOK)}
    heartbeat._beat("short")
    assert 0 < bench.redis.pttl(names.worker("short")) <= 2_500
    assert 0 < bench.redis.pttl(names.fleet(GENERAL)) <= 2_500
    assert bench.redis.pttl(names.first_seen(GENERAL)) > 29 * 86_400_000


def test_a_worker_of_a_later_version_is_known_while_it_lives(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "clock", lambda client: int(client.get(CLOCK)))
    heartbeat = Heartbeat(bench.redis, names)
    heartbeat._beat("own")
    assert not heartbeat.newer_lives()
    with monkeypatch.context() as patch:
        patch.setattr(heartbeat_module, "VERSION", "999.0.0")
        Heartbeat(bench.redis, names)._beat("newer")
    assert heartbeat.newer_lives()
    bench.tick(LIFE_SECONDS + 1)
    assert not heartbeat.newer_lives()


def test_a_quarantine_is_known_of_each_url_by_itself(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Rejected(Reason.WEBHOOK_UNKNOWN))
    assert bench.gate.quarantine_reason(WEBHOOK.id, WEBHOOK.fingerprint) == Reason.WEBHOOK_UNKNOWN
    assert bench.gate.quarantine_reason(WEBHOOK.id, OTHER_WEBHOOK.fingerprint) is None


def test_a_url_keeps_the_place_in_which_it_was_first_seen(bench: Bench) -> None:
    beat(bench, "one", {GENERAL: WEBHOOK})
    first = bench.redis.zscore(names.first_seen(GENERAL), WEBHOOK.fingerprint)
    bench.tick(60)
    beat(bench, "one", {GENERAL: WEBHOOK})
    beat(bench, "two", {GENERAL: WEBHOOK})
    assert bench.redis.zscore(names.first_seen(GENERAL), WEBHOOK.fingerprint) == first


def test_the_fleet_is_read_by_type_and_worker_and_its_disagreements_are_named(bench: Bench) -> None:
    beat(bench, "b", {GENERAL: WEBHOOK, SECURITY: OTHER_WEBHOOK})
    beat(bench, "a", {GENERAL: None, SECURITY: OTHER_WEBHOOK})
    beat(bench, "gone", {SECURITY: WEBHOOK})
    dies(bench, "gone")
    found = read_fleet(bench.redis, names)
    assert found == [
        Holding(GENERAL, "a@here", "", ""),
        Holding(GENERAL, "b@here", WEBHOOK.id, WEBHOOK.fingerprint),
        Holding(SECURITY, "a@here", OTHER_WEBHOOK.id, OTHER_WEBHOOK.fingerprint),
        Holding(SECURITY, "b@here", OTHER_WEBHOOK.id, OTHER_WEBHOOK.fingerprint),
    ]
    assert disagreements(found) == [GENERAL]
    assert disagreements([]) == []
    text = json.dumps([bench.redis.hgetall(names.fleet(kind)) for kind in AlertType])
    assert "fake-token" not in text


def test_a_worker_that_was_not_heard_for_a_moment_is_not_missing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "clock", lambda client: int(client.get(CLOCK)))
    beat(bench, "late", {GENERAL: WEBHOOK})
    bench.redis.delete(names.worker("late"), names.fleet(GENERAL))  # their life is over
    bench.tick(LIFE_SECONDS + 1)
    assert read_fleet(bench.redis, names) == []
    looks = iter([None, None, lambda: beat(bench, "late", {GENERAL: WEBHOOK})])
    monkeypatch.setattr(fleet_module.time, "sleep", lambda _: (next(looks) or str)())
    assert [each.worker for each in read_fleet_patiently(bench.redis, names)] == ["late@here"]
    assert next(looks, "none") == "none"
    assert [each.worker for each in read_fleet_patiently(bench.redis, names)] == ["late@here"], "and looks no more"


def test_one_that_is_gone_is_waited_for_for_no_longer_than_a_lease_waits_for_its_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "clock", lambda client: int(client.get(CLOCK)))
    now, slept = [0.0], []
    monkeypatch.setattr(fleet_module.time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds
        slept.append(seconds)

    monkeypatch.setattr(fleet_module.time, "sleep", sleep)
    beat(bench, "lives", {SECURITY: OTHER_WEBHOOK})
    beat(bench, "killed", {GENERAL: WEBHOOK})
    dies(bench, "killed")
    assert [each.worker for each in read_fleet_patiently(bench.redis, names)] == ["lives@here"]
    assert WITNESS_SECONDS <= sum(slept) < WITNESS_SECONDS + 1
    slept.clear()
    bench.tick(fleet_module.LATELY_SECONDS + 1)
    assert [each.worker for each in read_fleet_patiently(bench.redis, names)] == ["lives@here"]
    assert slept == [], "nobody waits for one that is long gone"


def test_notifier_check_waits_for_a_late_worker_and_a_health_check_which_asks_for_none_does_not(
    bench: Bench, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "clock", lambda client: int(client.get(CLOCK)))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        beat(bench, "late", {GENERAL: WEBHOOK})

    monkeypatch.setattr(fleet_module.time, "sleep", sleep)
    monkeypatch.setenv("REDIS_URL", redis_url)
    pipeline = Pipeline(client_app(redis_url), Settings.load())
    beat(bench, "late", {GENERAL: WEBHOOK})
    dies(bench, "late")
    assert (pipeline.check().fleet, slept) == ((), [])
    assert [each.holding.worker for each in pipeline.health().report.fleet] == ["late@here"]
    assert len(slept) == 1
    pipeline.redis.close()


def test_an_empty_outbox_is_empty_for_whoever_asks(bench: Bench) -> None:
    assert isinstance(bench.claim(webhook=None), Empty)


def test_a_newer_url_on_a_machine_that_cannot_reach_discord_stops_no_older_one_that_works(bench: Bench) -> None:
    beat(bench, "old", {GENERAL: WEBHOOK}, "works")
    bench.tick(1)
    beat(bench, "new", {GENERAL: NEW}, "broken")
    bench.admit("a")
    assert wait_of(bench.claim("a", WEBHOOK)) == LEFT
    fails(bench, "broken", until=0)
    assert wait_of(bench.claim("a", WEBHOOK))[0] is Reason.LEFT_TO_OTHERS, "that is over"
    fails(bench, "broken")
    assert [message.id for message in bench.batch(WEBHOOK).messages] == ["a"]


def test_one_without_a_webhook_still_leaves_a_type_to_the_only_one_that_has_it_though_its_machine_fails(
    bench: Bench,
) -> None:
    beat(bench, "poor", {GENERAL: None}, "works")
    beat(bench, "only", {GENERAL: WEBHOOK}, "broken")
    fails(bench, "broken")
    bench.admit("a")
    assert wait_of(bench.claim("a", None))[0] is Reason.LEFT_TO_OTHERS, "and it becomes no dead letter"
    bench.gate.machines.works("broken")
    assert [message.id for message in bench.batch(WEBHOOK).messages] == ["a"]


def test_a_delivery_ends_the_quarantine_that_a_worker_of_version_0_2_has_written(bench: Bench) -> None:
    """It quarantines on any 401, also of a login page, and its workers would post nothing any more."""
    state = names.gate(WEBHOOK.id)
    bench.redis.hset(state, mapping={"quarantined": WEBHOOK.fingerprint, "quarantine_reason": "webhook_unknown"})
    bench.admit("a")
    bench.commit(bench.batch())
    assert bench.redis.hmget(state, "quarantined", "quarantine_reason") == [None, None]
