"""When a delivery task is wanted for an alert, and when one that is under way will look for it."""

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.claim import Batch, Completed, Throttled
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outcome import Deferred, Reason
from notifier.routing import Partition
from tests.integration.conftest import WORKER, Bench
from tests.names import names

WANTED, CARRIED = Admitted.NOW, Admitted.CARRIED


def raise_alert(bench: Bench, name: str, terms: Terms = NO_TERMS, **more: object) -> Admitted:
    return bench.outbox.admit(NotificationMessage(id=name, title=name, **more), terms)


def test_of_a_burst_the_first_alert_alone_wants_a_task(bench: Bench) -> None:
    assert [raise_alert(bench, f"n{number}") for number in range(200 // 10)] == [WANTED] + [CARRIED] * 19


def test_a_task_that_has_not_come_within_a_second_may_be_lost(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.tick(1)
    assert raise_alert(bench, "b") is CARRIED
    bench.tick(0.1)
    assert [raise_alert(bench, "c"), raise_alert(bench, "d")] == [WANTED, CARRIED]


def test_an_empty_outbox_always_wants_one(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.withdrawals.withdraw("a")
    assert raise_alert(bench, "b") is WANTED, "no worker of the version before takes back what is noted"


def test_none_is_wanted_while_a_batch_is_under_way_whose_commit_looks_on(bench: Bench) -> None:
    raise_alert(bench, "a")
    batch = bench.batch()
    bench.tick(5)
    assert raise_alert(bench, "b") is CARRIED
    assert bench.commit(batch).wake_up is not None
    assert raise_alert(bench, "c") is CARRIED, "the wake-up of the commit looks for it too"


def test_none_is_wanted_until_a_wake_up_is_due_that_a_claim_has_armed(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.commit(bench.batch(), Deferred(30, Reason.RATE_LIMITED))
    claim = bench.claim()
    assert isinstance(claim, Throttled)
    assert claim.wait_seconds > 20
    bench.tick(25)
    assert raise_alert(bench, "b") is CARRIED
    bench.tick(claim.wait_seconds - 25 + 1.1)
    assert raise_alert(bench, "c") is WANTED


def test_a_wake_up_for_what_backs_off_holds_no_new_alert_up(bench: Bench) -> None:
    raise_alert(bench, "later", Terms(after_seconds=50))
    assert isinstance(bench.claim("later"), Throttled)
    assert raise_alert(bench, "now") is WANTED
    batch = bench.batch()
    assert [each.message.id for each in batch.items] == ["now"]


def test_a_postponed_alert_wants_one_that_arms_its_wake_up(bench: Bench) -> None:
    raise_alert(bench, "a")
    assert raise_alert(bench, "later", Terms(after_seconds=50)) is WANTED
    assert raise_alert(bench, "b") is CARRIED


def test_a_batch_takes_back_what_was_noted(bench: Bench) -> None:
    raise_alert(bench, "a")
    assert isinstance(bench.claim(), Batch)
    assert not bench.redis.hget(names.outbox("general", "state"), "look_at")


@pytest.mark.parametrize(("count", "waits"), [(1, False), (2, True), (9, True), (10, False)])
def test_the_task_of_the_first_of_several_waits_a_moment_for_more_to_fill_its_request(
    bench: Bench, count: int, waits: bool
) -> None:
    raise_alert(bench, "before")
    bench.open_gate()
    for number in range(count):
        raise_alert(bench, f"n{number}")
    found = bench.claim("n0")
    if waits:
        assert isinstance(found, Throttled)
        assert (found.reason, found.wait_seconds) == (Reason.BATCHING, 0.05)
        assert raise_alert(bench, "more") is CARRIED
        bench.tick(0.05)
        found = bench.claim()
    assert isinstance(found, Batch)
    assert len(found.items) == count + waits


def test_of_what_has_waited_longer_the_task_waits_for_nothing(bench: Bench) -> None:
    raise_alert(bench, "before")
    bench.open_gate()
    raise_alert(bench, "a")
    raise_alert(bench, "b")
    bench.tick(0.05)
    assert isinstance(bench.claim("a"), Batch)


def test_the_task_of_an_alert_that_has_ended_looks_for_those_that_rely_on_it(bench: Bench) -> None:
    raise_alert(bench, "a")
    assert raise_alert(bench, "b") is CARRIED
    bench.withdrawals.withdraw("a")
    batch = bench.claim("a")
    assert isinstance(batch, Batch)
    assert [each.message.id for each in batch.items] == ["b"]
    bench.commit(batch)
    assert isinstance(bench.claim("a"), Completed)


def test_alerts_that_nobody_can_deliver_are_looked_for_by_one_wake_up(bench: Bench) -> None:
    raise_alert(bench, "a")
    assert isinstance(bench.claim("a", webhook=None), Throttled)
    assert [raise_alert(bench, each) for each in "bc"] == [CARRIED, CARRIED]


def test_once_redis_clock_has_stepped_back_a_task_is_wanted(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.tick(-3_600)
    assert raise_alert(bench, "b") is WANTED


def test_a_sweep_notes_its_wake_up(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.tick(3)
    assert bench.outbox.sweep(AlertType.GENERAL) is not None
    assert raise_alert(bench, "b") is CARRIED


def overlooked(bench: Bench) -> list[str]:
    return [str(each) for each in bench.outbox.overlooked([Partition(kind) for kind in AlertType])]


def test_a_trigger_that_is_lost_is_noticed_a_second_after_it_was_due(bench: Bench) -> None:
    raise_alert(bench, "a", alert_type=AlertType.ERROR)
    bench.tick(1)
    assert overlooked(bench) == [], "it may yet come"
    bench.tick(0.1)
    assert overlooked(bench) == ["error"]
    assert bench.outbox.sweep(AlertType.ERROR) is not None
    assert overlooked(bench) == [], "a wake-up is under way"


def test_a_wake_up_that_is_lost_is_noticed_too(bench: Bench) -> None:
    raise_alert(bench, "later", Terms(after_seconds=30))
    assert isinstance(bench.claim("later"), Throttled)
    bench.tick(30.5)
    assert overlooked(bench) == []
    bench.tick(1)
    assert overlooked(bench) == ["general"]


def test_a_batch_is_looked_for_by_its_worker_while_that_lives(bench: Bench) -> None:
    raise_alert(bench, "a")
    bench.batch()
    raise_alert(bench, "b")
    bench.tick(5)
    assert overlooked(bench) == []
    bench.redis.delete(names.worker(WORKER))
    assert overlooked(bench) == ["general"]


def test_what_is_postponed_is_overlooked_by_nobody(bench: Bench) -> None:
    raise_alert(bench, "later", Terms(after_seconds=3_600))
    bench.tick(60)
    assert overlooked(bench) == []
