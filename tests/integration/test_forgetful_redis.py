"""Whatever key of an outbox is gone, the rest is delivered; what is lost with it is a dead letter, and told."""

from collections.abc import Iterable

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox import digest as digest_module
from notifier.outbox import forgotten as forgotten_module
from notifier.outbox.claim import Batch, Empty, Throttled
from notifier.outbox.digest import Digests
from notifier.outbox.outbox import Outbox
from notifier.outbox.terms import Terms
from notifier.outcome import Deferred, Failed, Outcome, Reason, Status
from notifier.routing import Partition
from tests.integration.conftest import CLOCK, WORKER, Bench, MakeBench, by_test_clock
from tests.names import names

GENERAL = AlertType.GENERAL
ALERTS = ("backs-off", "flies-1", "flies-2", "waits-1", "waits-2", "postponed", "expires")
CALLBACKS = '{"link": []}'
STATE = names.outbox(GENERAL, "state")


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that the bench does not know keep its clock as well."""
    for module in (digest_module, forgotten_module):
        monkeypatch.setattr(module, "script", by_test_clock)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """One whose outbox takes no more than what ``filled`` puts there."""
    return make_bench(queue_size=len(ALERTS))


def filled(bench: Bench) -> Batch:
    """An outbox with alerts in all its places, a digest to come, and one under way that is not answered yet."""
    bench.admit("delivered")
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("backs-off")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=20)
    bench.tick(1)
    bench.admit("flies-1", "flies-2", terms=Terms(callbacks=CALLBACKS))
    batch = bench.batch()
    bench.admit("waits-1", "waits-2")
    bench.admit("postponed", terms=Terms(after_seconds=30))
    bench.admit("expires", terms=Terms(expires_seconds=600))
    digests = Digests(bench.redis, bench.settings)
    digests.fold(NotificationMessage(id="folded", title="folded", alert_type=GENERAL))
    return batch


def keys(bench: Bench) -> list[str]:
    """All that is in Redis, but for the clock of the test."""
    return sorted({str(key) for key in bench.redis.scan_iter("*")} - {CLOCK})


def drain(bench: Bench, own: Iterable[str] = ()) -> None:
    """Sweep and deliver until nothing waits. ``own``: ids whose delivery tasks come once more."""
    digests = Digests(bench.redis, bench.settings)
    for _ in range(60):
        bench.outbox.sweep(GENERAL)
        digests.admit(GENERAL)
        claims = [bench.claim(each) for each in own] + [bench.claim()]
        for claim in claims:
            if isinstance(claim, Batch):
                bench.commit(claim)
        if claims[-1] == Empty() and not bench.outbox.depth(GENERAL):
            return
        bench.tick(5)
    raise AssertionError(f"never empty: {claims[-1]}")


def lost_with(key: str) -> set[str]:
    """The alerts whose text is in this key."""
    return {each for each in ALERTS if key == names.notification(each)}


@pytest.mark.slow
def test_each_key_of_an_outbox_may_be_gone(bench: Bench) -> None:
    """The worker commits; one after the other, each key is gone while its request is under way."""
    filled(bench)
    present = keys(bench)
    assert {names.outbox(GENERAL, part) for part in ("waiting", "delayed", "in_flight", "state")} <= set(present)
    for key in present:
        start_again(bench)
        batch = filled(bench)
        bench.redis.delete(key)
        bench.commit(batch)
        assert_the_rest_is_delivered(bench, key)


@pytest.mark.slow
@pytest.mark.parametrize("outcome", [Failed(Reason.BAD_GATEWAY), None], ids=["it failed", "its worker died"])
def test_each_key_may_be_gone_while_the_request_under_way_comes_to_nothing(
    bench: Bench, outcome: Outcome | None
) -> None:
    filled(bench)
    for key in keys(bench):
        start_again(bench)
        batch = filled(bench)
        bench.redis.delete(key)
        if outcome is None:
            bench.redis.delete(names.worker(WORKER))
        else:
            bench.commit(batch, outcome)
        assert_the_rest_is_delivered(bench, key)


def start_again(bench: Bench) -> None:
    bench.redis.delete(*keys(bench))
    bench.redis.set(names.worker(WORKER), 1, ex=600)


def assert_the_rest_is_delivered(bench: Bench, key: str) -> None:
    lost = lost_with(key)
    index = key in [names.outbox(GENERAL, part) for part in ("waiting", "delayed", "in_flight")]
    drain(bench, ALERTS if index else ())
    statuses = {each: bench.record(each)["status"] for each in ALERTS}
    reasons = {each: bench.record(each)["reason"] for each in ALERTS}
    told = bench.redis.hget(names.troubles, f"dead_letters|{GENERAL}|forgotten")
    gone = {each for each in ALERTS if statuses[each] != "delivered"}
    assert gone <= lost, (key, statuses)
    assert {reasons[each] for each in gone} <= {"forgotten"}, key
    assert int(told or 0) == len(gone), key
    assert bench.redis.zcard(names.dead_letters(GENERAL)) == len(gone), key
    for part in ("waiting", "delayed", "in_flight"):
        assert bench.redis.exists(names.outbox(GENERAL, part)) == 0, key


FIELDS = ("share", "characters", "sequence", "attempts", "admitted_at", "message")


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_of_a_notification_may_be_gone(bench: Bench, field: str) -> None:
    batch = filled(bench)
    for each in ALERTS:
        bench.redis.hdel(names.notification(each), field)
    bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    drain(bench)
    expected = "forgotten" if field == "message" else None
    assert {bench.record(each)["reason"] for each in ALERTS} == {expected}
    if field == "message":
        assert bench.redis.hget(names.troubles, f"dead_letters|{GENERAL}|forgotten") == str(len(ALERTS))


@pytest.mark.parametrize("field", ["batch", "lease_until", "worker", "settled_at", "held", "next_expiry"])
def test_each_field_of_the_state_may_be_gone(bench: Bench, field: str) -> None:
    filled(bench)
    bench.redis.hdel(STATE, field)
    bench.redis.delete(names.worker(WORKER))
    drain(bench)
    assert {bench.record(each)["status"] for each in ALERTS} == {"delivered"}


def test_one_that_has_ended_elsewhere_leaves_the_outbox(bench: Bench) -> None:
    bench.admit("ended", "b")
    bench.redis.hset(names.notification("ended"), "finished_at", 1)
    bench.redis.hdel(names.notification("ended"), "message")
    claim = bench.claim()
    assert isinstance(claim, Batch)
    assert [each.id for each in claim.messages] == ["b"]
    assert bench.redis.zscore(names.outbox(AlertType.GENERAL, "waiting"), "ended") is None


def test_one_whose_set_is_gone_is_put_back_by_its_own_task_unless_it_has_moved(bench: Bench) -> None:
    waiting = names.outbox(AlertType.GENERAL, "waiting")
    bench.admit("a", "moved")
    bench.redis.hset(names.notification("moved"), "rerouted", 1)
    bench.redis.delete(waiting)
    assert isinstance(bench.claim("moved"), Empty)
    claim = bench.claim("a")
    assert isinstance(claim, Batch)
    assert [each.id for each in claim.messages] == ["a"]


def test_one_that_is_forgotten_does_not_hold_up_the_claims_of_its_type(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.batch()
    bench.redis.delete(names.notification("a"), names.worker(WORKER))
    assert isinstance(bench.claim(), Throttled)
    bench.tick(3)
    taken_over = bench.batch()
    assert ([each.message.id for each in taken_over.items], taken_over.abandoned) == (["b"], True)
    lost = bench.record("a")
    assert (lost["status"], lost["reason"], lost["success"]) == ("failed", "forgotten", False)
    assert "maxmemory-policy" in lost["detail"]


def test_one_that_is_forgotten_is_admitted_if_its_id_comes_again(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.redis.delete(names.notification("a"))
    bench.commit(bench.batch())
    assert bench.record("a")["reason"] == "forgotten"
    bench.admit("a")
    bench.tick(1)
    bench.commit(bench.batch())
    assert bench.record("a")["status"] == "delivered"
    assert bench.redis.zcard(names.dead_letters(GENERAL)) == 0


def test_one_whose_hash_is_gone_while_its_request_is_under_way_is_delivered_if_the_answer_says_so(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.redis.delete(names.notification("a"))
    bench.commit(batch)
    assert bench.record("a")["status"] == "delivered"
    assert bench.claim() == Empty()


def test_one_whose_hash_is_gone_is_told_at_once_if_its_request_came_to_nothing(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.redis.delete(names.notification("a"))
    bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=60)
    assert bench.redis.exists(names.notification("a")) == 0, "nothing without a life"
    assert bench.claim() == Empty()
    assert bench.record("a")["reason"] == "forgotten"


def test_a_batch_whose_lease_is_gone_is_committed_all_the_same(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.redis.delete(STATE)
    bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=2)
    bench.tick(2.1)
    again = bench.batch()
    assert ([(each.message.id, each.attempts) for each in again.items], again.abandoned) == ([("a", 1)], False)


@pytest.mark.parametrize("outcome", [Deferred(0, Reason.RATE_LIMITED), Failed(Reason.BAD_GATEWAY)])
def test_a_batch_that_another_has_taken_over_and_ended_is_not_committed_again(bench: Bench, outcome: Outcome) -> None:
    bench.admit("a")
    lost = bench.batch()
    bench.tick(60)
    bench.commit(bench.batch(), outcome, retry_wait_seconds=60)
    attempts = bench.redis.hget(names.notification("a"), "attempts")
    bench.commit(lost, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=2)
    assert bench.redis.hget(names.notification("a"), "attempts") == attempts
    assert bench.outbox.depth(GENERAL) == 1


def test_many_that_are_forgotten_are_told_within_one_claim(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1_000)
    ids = [f"n{number}" for number in range(45)]
    bench.admit(*ids, "last")
    bench.redis.delete(*map(names.notification, ids))
    assert [each.message.id for each in bench.batch().items] == ["last"]
    assert bench.redis.hget(names.troubles, f"dead_letters|{GENERAL}|forgotten") == "45"
    assert bench.outbox.depth(GENERAL) == 1


def test_an_order_of_admission_that_is_lost_goes_on_behind_what_waits(bench: Bench) -> None:
    bench.admit("first", "second")
    bench.redis.delete(names.sequence)
    bench.tick(1)
    bench.admit("third")
    bench.redis.delete(names.sequence)
    bench.tick(1)
    bench.admit("fourth")
    assert [each.message.id for each in bench.batch().items] == ["first", "second", "third", "fourth"]
    assert bench.redis.pttl(names.sequence) > 0


def test_one_that_is_a_dead_letter_already_leaves_the_outbox(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.redis.delete(names.notification("a"))
    forgotten = NotificationMessage(id="a", title="a", alert_type=GENERAL)
    bench.records.bury(forgotten, Status.REJECTED, "invalid_message", "wrong", given="{}", callbacks=CALLBACKS)
    assert [each.message.id for each in bench.batch().items] == ["b"]
    assert bench.record("a")["reason"] == "invalid_message"
    assert bench.redis.zscore(names.callbacks, "a") is not None


def test_two_workers_that_find_the_same_one_forgotten_make_one_dead_letter(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.redis.delete(names.notification("a"))
    other = Outbox(bench.redis, bench.settings)
    bench.batch()
    other._forgotten.bury(Partition(GENERAL), ["a"])
    assert bench.redis.hget(names.troubles, f"dead_letters|{GENERAL}|forgotten") == "1"
