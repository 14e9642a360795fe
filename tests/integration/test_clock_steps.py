"""Redis' clock steps back, or ahead: no wait gets longer than it was to be, and what came last is the newest."""

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import AlertType, NotificationMessage
from notifier.operations.dead_letters import DeadLetters
from notifier.operations.history import NotificationHistory
from notifier.outbox import callbacks as callbacks_module
from notifier.outbox import digest as digest_module
from notifier.outbox import forgotten as forgotten_module
from notifier.outbox import records as records_module
from notifier.outbox import unreadable as unreadable_module
from notifier.outbox.callbacks import LEASE_SECONDS, LOOK_SECONDS, PendingCallbacks
from notifier.outbox.claim import Batch, Empty, Throttled
from notifier.outbox.digest import DIGEST_SECONDS, Digests
from notifier.outbox.outbox import STUCK_SECONDS
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.outbox.terms import Terms
from notifier.outbox.unreadable import UnreadableEntries, unreadable
from notifier.outcome import Failed, Reason, Rejected, Status
from tests.integration.conftest import WEBHOOK, WORKER, Bench, MakeBench, by_test_clock
from tests.integration.test_forgetful_redis import ALERTS, drain, filled, start_again
from tests.integration.test_self_monitor import STUCK, FakePublisher, self_monitor
from tests.names import names

BACK = -600
GENERAL = AlertType.GENERAL


@pytest.fixture(autouse=True)
def own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that the bench does not know keep its clock as well."""
    for module in (callbacks_module, digest_module, forgotten_module, unreadable_module):
        monkeypatch.setattr(module, "script", by_test_clock)


def step(bench: Bench, seconds: float = BACK) -> None:
    """Let the clock step. The gate starts anew: it has tests of its own."""
    bench.tick(seconds)
    gate = list(bench.redis.scan_iter("notifier:gate:*"))
    if gate:
        bench.redis.delete(*gate)


def settle(bench: Bench) -> None:
    """Let a claim see the step; a batch may wait for others for a moment."""
    bench.claim()
    bench.tick(0.1)


def beat(bench: Bench) -> None:
    bench.redis.set(names.worker(WORKER), 1, ex=600)


def kill_worker(bench: Bench) -> None:
    bench.redis.delete(names.worker(WORKER))


def test_a_lease_ends_when_it_was_to_end(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    bench.tick(1)
    step(bench)
    claim = bench.claim()
    assert isinstance(claim, Throttled)
    assert claim.wait_seconds <= lease_seconds(bench.settings)
    beat(bench)
    bench.tick(lease_seconds(bench.settings) - 0.1)
    assert isinstance(bench.claim(), Throttled), "its worker lives"
    bench.tick(0.2)
    assert bench.batch().abandoned


def test_a_worker_that_is_dead_is_missed_although_its_heartbeat_lives_longer(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    bench.tick(1)
    step(bench)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(WITNESS_SECONDS + 0.1)
    assert bench.batch().abandoned


def test_a_worker_that_was_missed_is_given_up_after_the_same_time(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    kill_worker(bench)
    assert isinstance(bench.claim(), Throttled), "missed now"
    step(bench)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(WITNESS_SECONDS + 0.1)
    assert bench.batch().abandoned


def test_a_backoff_keeps_its_length(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(60)
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=20)
    step(bench)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(20.1)
    assert [each.message.id for each in bench.batch().items] == ["a"]


def test_a_backoff_that_begins_after_the_step_is_no_shorter(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    step(bench)
    bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=20)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(19.9)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(0.2)
    assert [each.message.id for each in bench.batch().items] == ["a"]


def test_one_that_others_join_after_the_step_expires_no_sooner(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=100)
    bench.admit("opens", dedup_key="disk")
    step(bench)
    bench.tick(1)
    bench.admit("joins", dedup_key="disk")
    bench.outbox.sweep(GENERAL)
    bench.tick(99)
    assert bench.batch().blocked is None


@pytest.mark.parametrize("passed", [0, 20])
def test_one_that_is_postponed_goes_not_sooner_and_not_later(bench: Bench, passed: float) -> None:
    bench.admit("a", terms=Terms(after_seconds=60))
    assert isinstance(bench.claim("a"), Throttled)
    bench.tick(passed)
    step(bench)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(60 - passed - 0.1)
    assert isinstance(bench.claim(), Throttled), "it was promised"
    bench.tick(passed + 0.2)
    batch = bench.batch()
    assert [each.message.id for each in batch.items] == ["a"]
    assert batch.items[0].not_before <= batch.claimed_at, "so it counts as late from then on"


@pytest.mark.parametrize("last_looked_at", ["never", "long before"])
def test_one_that_is_postponed_goes_in_time_although_nobody_looked_before_the_step(
    bench: Bench, last_looked_at: str
) -> None:
    """Its worker was killed before it took the trigger."""
    if last_looked_at == "long before":
        ended(bench, "earlier")
        bench.tick(700)
    bench.admit("a", terms=Terms(after_seconds=60))
    step(bench)
    bench.admit("b", terms=Terms(after_seconds=60))  # which tells nothing of the step
    claim = bench.claim()
    assert isinstance(claim, Throttled)
    assert claim.wait_seconds <= 60
    bench.tick(60.1)
    assert [each.message.id for each in bench.batch().items] == ["a", "b"]


def test_those_that_came_before_the_step_wait_for_no_others(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    bench.tick(700)
    bench.admit("a", "b")
    step(bench, -5)
    bench.claim("a")
    bench.tick(0.1)
    claim = bench.claim("a")
    assert isinstance(claim, Batch)
    assert [each.message.id for each in claim.items] == ["a", "b"]


def test_what_a_long_request_came_to_waits_no_longer_by_a_shorter_step(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.tick(30)
    bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=20)
    step(bench, -25)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(20.1)
    assert [each.message.id for each in bench.batch().items] == ["a"]


def test_a_wake_up_that_was_lost_is_sent_again_at_once(bench: Bench) -> None:
    bench.admit("a")
    assert bench.outbox.sweep(GENERAL) is not None
    assert bench.outbox.sweep(GENERAL) is None, "it is under way"
    bench.tick(0.1)
    step(bench)
    assert bench.outbox.sweep(GENERAL) is not None


def test_a_small_batch_waits_no_longer_for_others(bench: Bench) -> None:
    bench.admit("a", "b", username="one")
    bench.commit(bench.batch())
    bench.admit("c")
    step(bench)
    bench.claim()
    bench.tick(0.1)
    assert [each.message.id for each in bench.batch().items] == ["c"]


@pytest.mark.parametrize("place", ["at the front", "behind others"])
def test_an_expiry_of_its_own_comes_when_it_was_to_come(make_bench: MakeBench, place: str) -> None:
    bench = make_bench(queue_size=100)
    before = [f"n{number}" for number in range(20)] if place == "behind others" else []
    bench.admit(*before)
    bench.tick(700)  # those are older than the step is long
    bench.admit("a", terms=Terms(expires_seconds=60))
    bench.outbox.sweep(GENERAL)
    step(bench)
    bench.outbox.sweep(GENERAL)
    bench.tick(61)
    batch = bench.batch()
    assert ([each.message.id for each in batch.items], batch.blocked) == (["a"], Reason.EXPIRED)


def test_the_expiry_of_all_comes_when_it_was_to_come(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=100)
    bench.admit("a")
    bench.outbox.sweep(GENERAL)
    step(bench)
    bench.outbox.sweep(GENERAL)
    bench.tick(101)
    assert bench.batch().blocked is Reason.EXPIRED


def test_an_expiry_of_its_own_comes_in_time_although_nobody_looked_before_the_step(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=100)
    bench.admit(*(f"n{number}" for number in range(20)))
    bench.outbox.sweep(GENERAL)
    bench.tick(700)
    bench.admit("a", terms=Terms(expires_seconds=60))  # no task is to come for it: others wait
    step(bench)
    bench.outbox.sweep(GENERAL)
    bench.tick(61)
    batch = bench.batch()
    assert ([each.message.id for each in batch.items], batch.blocked) == (["a"], Reason.EXPIRED)


def test_the_expiry_of_one_that_others_have_joined_comes_when_it_was_to_come(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=100)
    bench.admit("opens", dedup_key="disk")
    bench.tick(90)
    bench.admit("joins", dedup_key="disk")
    bench.outbox.sweep(GENERAL)
    step(bench)
    bench.outbox.sweep(GENERAL)
    bench.tick(101)
    batch = bench.batch()
    assert ([each.message.id for each in batch.items], batch.blocked) == (["opens"], Reason.EXPIRED)


@pytest.mark.parametrize("first", [None, Failed(Reason.BAD_GATEWAY)], ids=["delivered", "failed"])
def test_an_outbox_that_stands_still_is_reported_in_time(bench: Bench, first: Failed | None) -> None:
    bench.admit("a", "b", username="one")
    if first is None:
        bench.admit("c")
    bench.tick(1)
    bench.commit(bench.batch(), first)
    step(bench)
    bench.outbox.sweep(GENERAL)
    bench.tick(STUCK_SECONDS + 1)
    bench.outbox.sweep(GENERAL)
    assert bench.redis.hget(names.troubles, STUCK) is not None


def test_an_alert_does_not_end_before_it_was_admitted(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    bench.tick(1)
    step(bench)
    bench.claim()
    bench.tick(lease_seconds(bench.settings) + 0.1)
    batch = bench.batch()
    (item,) = batch.items
    assert item.admitted_at <= batch.claimed_at
    (record,) = bench.commit(batch).records
    assert record["admitted_at"] <= record["finished_at"]


def test_a_digest_is_sent_when_it_has_waited_long_enough(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1)
    bench.admit("fits")
    digests = Digests(bench.redis, bench.settings)
    digests.fold(NotificationMessage(title="folded", alert_type=GENERAL))
    step(bench)
    assert not digests.admit(GENERAL)
    bench.tick(DIGEST_SECONDS + 1)
    assert digests.admit(GENERAL)


def test_callbacks_are_called_by_a_sweep_as_soon_as_ever(bench: Bench) -> None:
    pending = PendingCallbacks(bench.redis, bench.settings)
    bench.admit("a", terms=Terms(callbacks="{}"))
    bench.commit(bench.batch())
    step(bench)
    assert pending.take() == {}, "its worker calls them"
    bench.tick(LEASE_SECONDS + LOOK_SECONDS)
    assert pending.take() == {"a": "{}"}


def ended(bench: Bench, *ids: str) -> None:
    for each in ids:
        bench.admit(each)
        bench.tick(1)
        bench.commit(bench.batch())


def test_the_history_has_what_came_last_first(bench: Bench) -> None:
    ended(bench, "a", "b", "c")
    step(bench)
    settle(bench)
    ended(bench, "d", "e")
    history = NotificationHistory(bench.redis, bench.records, bench.settings)
    assert [each["id"] for each in history.query()] == ["e", "d", "c", "b", "a"]
    assert [each["id"] for each in history.query(status=Status.DELIVERED)] == ["e", "d", "c", "b", "a"]
    latest = bench.redis.zrange(names.history(GENERAL), -1, -1, withscores=True)[0][1]
    assert latest <= int(str(bench.redis.get("test:clock"))), "so it is removed in time"


@pytest.mark.parametrize("seconds", [BACK, -BACK])
def test_whatever_ends_after_the_step_is_the_newest(make_bench: MakeBench, seconds: float) -> None:
    bench = make_bench(queue_size=4)
    ended(bench, "delivered")
    bench.admit("w", "x", "forgotten", "y")
    step(bench, seconds)
    bench.withdrawals.withdraw("w")
    bench.tick(1)
    bench.records.refuse(NotificationMessage(id="refused", title="t"), Status.QUEUE_FULL, "queue_full", "no room")
    bench.tick(1)
    bench.records.bury(NotificationMessage(id="buried", title="t"), Status.REJECTED, "invalid", "wrong", given="{}")
    bench.tick(1)
    bench.admit("z")
    Digests(bench.redis, bench.settings).fold(NotificationMessage(id="folded", title="t"))
    bench.tick(1)
    bench.redis.delete(names.notification("forgotten"))
    bench.claim()
    history = NotificationHistory(bench.redis, bench.records, bench.settings)
    expected = ["forgotten", "folded", "buried", "refused", "w", "delivered"]
    assert [each["id"] for each in history.query()] == expected


def test_the_oldest_dead_letters_are_dropped_and_no_new_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "DEAD_LETTERS_MAX", 3)

    def die(*ids: str) -> None:
        for each in ids:
            bench.admit(each)
            bench.tick(1)
            bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD))

    die("a", "b", "c")
    step(bench)
    settle(bench)
    die("d", "e")
    letters = DeadLetters(bench.redis, bench.settings, bench.records, FakePublisher())  # type: ignore[arg-type]
    assert [each["id"] for each in letters.list()] == ["e", "d", "c"]


def test_the_oldest_records_of_what_was_folded_or_refused_are_dropped(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "FOLDED_MAX", 2)
    monkeypatch.setattr(records_module, "REFUSED_MAX", 2)
    bench = make_bench(queue_size=1)
    bench.admit("fits")
    digests = Digests(bench.redis, bench.settings)

    def turn_away(number: int) -> None:
        digests.fold(NotificationMessage(id=f"f{number}", title="t", alert_type=GENERAL))
        refused = NotificationMessage(id=f"r{number}", title="t", alert_type=GENERAL)
        bench.records.refuse(refused, Status.QUEUE_FULL, "queue_full", "no room")
        bench.tick(1)

    turn_away(1)
    turn_away(2)
    step(bench)
    turn_away(3)
    assert bench.redis.zrange(names.folded(GENERAL), 0, -1) == ["f2", "f3"]
    assert bench.redis.zrange(names.refused(GENERAL), 0, -1) == ["r2", "r3"]


def test_the_oldest_unreadable_entry_is_dropped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unreadable_module, "UNREADABLE_MAX", 2)
    kept = UnreadableEntries(bench.redis, bench.settings)
    for each in (b"1", b"2", b"3"):
        kept.set_aside(unreadable("notifications.error", each, "no_envelope", "why"))
        bench.tick(1 if each == b"1" else BACK)
    assert [entry.raw for entry in kept.list()] == [b"3", b"2"]


def test_a_trouble_is_reported_again_after_its_period(make_bench: MakeBench) -> None:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, watch_seconds=900.0)
    publisher = FakePublisher()
    monitor = self_monitor(bench, publisher)
    told = names.last_notified("dead_letters:general")

    def report() -> int:
        bench.redis.hincrby(names.troubles, "dead_letters|general|x", 1)
        bench.redis.expire(names.troubles, 60)
        monitor.report()
        return len(publisher.alerts)

    assert (report(), report()) == (1, 1)
    bench.redis.pexpire(told, 1_500_000)  # as if the clock had stepped back by 10 minutes
    assert report() == 1
    assert bench.redis.pttl(told) <= 900_000


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [-3 * 86_400, BACK, -5, 5, 600])
@pytest.mark.parametrize("worker", ["commits", "fails", "dies"])
def test_a_filled_outbox_is_emptied_in_the_usual_time(make_bench: MakeBench, seconds: float, worker: str) -> None:
    """``drain`` lets five minutes pass at most."""
    bench = make_bench(queue_size=len(ALERTS))
    start_again(bench)
    batch = filled(bench)
    step(bench, seconds)
    if worker == "dies":
        kill_worker(bench)
    else:
        bench.commit(batch, Failed(Reason.BAD_GATEWAY) if worker == "fails" else None)
    drain(bench)
    ends = {each: bench.record(each)["status"] for each in ALERTS}
    late = ends.pop("expires")
    assert set(ends.values()) == {"delivered"}
    assert late == "delivered" or seconds == 600
    assert bench.claim() == Empty()


def test_what_an_alert_has_waited_for_is_told_across_a_step(bench: Bench) -> None:
    bench.admit("first", "second")
    for _ in range(bench.settings.breaker_failures):
        bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=0)
        bench.tick(1)
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason == Reason.BREAKER_OPEN
    step(bench)
    settle(bench)
    bench.tick(30)
    batch = bench.batch()
    assert batch.items[0].delayed_by == "breaker_open"
