"""The fallback's outbox takes the alerts of a webhook that is out of use, and keeps its bound."""

import pytest

from notifier.errors import QueueFull
from notifier.gate.gate import lease_seconds
from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.outbox.disposition import decide, failed_over
from notifier.outcome import Answer, Reason, Rejected, Unknown
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench
from tests.names import names

GONE = Rejected(Reason.WEBHOOK_UNKNOWN)
WEBHOOKS = {AlertType.SECURITY: OTHER_WEBHOOK, AlertType.GENERAL: WEBHOOK}


def reroute(bench: Bench) -> None:
    """The security webhook answers 404, and no worker has a better one."""
    while (batch := bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)).blocked is None:
        bench.outbox.commit(batch, decide(GONE, batch.items, 3), Answer(GONE, None, 404), 2)
        bench.tick(0.1)
    dispositions = failed_over(decide(Rejected(batch.blocked), batch.items, 3, sent=False))
    bench.outbox.commit(batch, dispositions, Answer(Rejected(batch.blocked)), 2)


def test_it_is_bounded_and_what_finds_no_room_waits_for_it(make_bench: MakeBench) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS, queue_size=3)
    bench.admit("g1", "g2")
    bench.admit("s1", "s2", alert_type=AlertType.SECURITY)
    reroute(bench)
    assert [bench.outbox.depth(kind) for kind in (AlertType.GENERAL, AlertType.SECURITY)] == [3, 1]
    first = bench.batch()
    assert [message.id for message in first.messages] == ["g1", "g2", "s1"]
    bench.commit(first)
    bench.tick(3)
    reroute(bench)
    second = bench.batch()
    assert [message.id for message in second.messages] == ["s2"]
    assert [each["alert_type"] for each in bench.commit(second).records] == ["security"]
    assert bench.outbox.depth(AlertType.SECURITY) == 0


def test_what_has_moved_there_takes_its_places(make_bench: MakeBench) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS, queue_size=3)
    bench.admit("s1", "s2", alert_type=AlertType.SECURITY)
    bench.admit("g1")
    reroute(bench)
    with pytest.raises(QueueFull):
        bench.admit("g2")
    assert bench.outbox.depth(AlertType.GENERAL) == 3


def test_a_thread_stays_behind_so_that_it_shares_a_request_with_others(make_bench: MakeBench) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS)
    bench.admit("moved", alert_type=AlertType.SECURITY, thread_id="123")
    reroute(bench)
    bench.admit("its-own")
    assert [message.id for message in bench.batch().messages] == ["moved", "its-own"]


def test_what_failed_at_the_webhook_that_is_gone_is_not_held_against_it_at_the_next(make_bench: MakeBench) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS)
    bench.admit("moved", alert_type=AlertType.SECURITY)
    for _ in range(bench.settings.retry_attempts):
        bench.commit(bench.batch(OTHER_WEBHOOK, AlertType.SECURITY), Unknown(Reason.READ_TIMEOUT), None)
        bench.tick(1_000)
    bench.admit("another")
    bench.commit(bench.batch())
    reroute(bench)
    bench.tick(1)
    assert bench.commit(bench.batch(), Unknown(Reason.READ_TIMEOUT), None).records == ()
    bench.tick(1_000)
    assert [record["status"] for record in bench.commit(bench.batch()).records] == ["delivered"]


def moved_with_an_answer_to_come(make_bench: MakeBench) -> tuple[Bench, Batch]:
    """One moves to the fallback, and the worker that has lost its lease is to commit its answer yet."""
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS)
    bench.admit("moved", alert_type=AlertType.SECURITY)
    late = bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)
    bench.tick(lease_seconds(bench.settings) + 1)
    bench.commit(bench.batch(OTHER_WEBHOOK, AlertType.SECURITY), Unknown(Reason.WORKER_LOST), None)
    bench.tick(60)
    reroute(bench)
    return bench, late


def test_a_late_answer_ends_an_alert_that_has_moved_meanwhile_and_the_fallback_goes_on(make_bench: MakeBench) -> None:
    bench, late = moved_with_an_answer_to_come(make_bench)
    assert bench.redis.zrange(names.outbox(AlertType.GENERAL, "waiting"), 0, -1) == ["moved"]
    assert [record["status"] for record in bench.commit(late).records] == ["delivered"]
    assert bench.outbox.depth(AlertType.GENERAL) == 0
    bench.admit("next")
    assert [message.id for message in bench.batch().messages] == ["next"]
    assert bench.outbox.depth(AlertType.GENERAL) == 1


def test_the_record_of_a_late_answer_says_so_where_the_fallback_is_posting_it_too(make_bench: MakeBench) -> None:
    bench, late = moved_with_an_answer_to_come(make_bench)
    bench.tick(1)
    assert [item.maybe_posted for item in bench.batch().items] == [True]
    (record,) = bench.commit(late).records
    assert record.get("maybe_posted", False)
    assert bench.record("moved") == record


@pytest.mark.parametrize("part", ["waiting", "delayed", "in_flight"])
def test_an_answer_that_is_not_final_is_not_believed_of_one_that_has_moved_though_its_lease_is_gone(
    make_bench: MakeBench, part: str
) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS)
    bench.admit("moved", alert_type=AlertType.SECURITY)
    late = bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)
    bench.redis.delete(*names.outbox_parts(AlertType.SECURITY)[2:4])
    bench.redis.zadd(names.outbox(AlertType.GENERAL, part), {"moved": 1})
    bench.redis.expire(names.outbox(AlertType.GENERAL, part), 600)
    assert bench.commit(late, Unknown(Reason.READ_TIMEOUT), None).records == ()
    assert [bench.outbox.depth(kind) for kind in (AlertType.GENERAL, AlertType.SECURITY)] == [1, 0]


@pytest.mark.parametrize("part", ["waiting", "delayed", "in_flight"])
def test_an_id_without_its_alert_holds_up_nobody(make_bench: MakeBench, part: str) -> None:
    bench = make_bench(expire_seconds=1_000)
    bench.admit("gone")
    bench.batch()
    bench.redis.delete(names.notification("gone"), *names.outbox_parts(AlertType.GENERAL)[:3])
    bench.redis.zadd(names.outbox(AlertType.GENERAL, part), {"gone": 1})
    bench.redis.expire(names.outbox(AlertType.GENERAL, part), 600)
    bench.tick(lease_seconds(bench.settings) + 1)
    bench.admit("next")
    assert [message.id for message in bench.batch().messages] == ["next"]
    assert bench.outbox.depth(AlertType.GENERAL) == 1
