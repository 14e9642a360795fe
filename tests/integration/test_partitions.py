"""A type with several webhooks: an outbox for each of them, and what becomes of one whose webhook is gone."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from hashlib import sha1
from itertools import count as count_from
from itertools import islice

import pytest
from pydantic import SecretStr

from notifier.errors import QueueFull
from notifier.models import NotificationMessage
from notifier.outbox import reminders as reminders_module
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch, ClaimRequest, Completed, Empty, Throttled
from notifier.outbox.fleet import holdings
from notifier.outbox.reminders import Reminders
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outcome import Delivered, Reason
from notifier.webhook import Webhook
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.integration.partitions import (
    GENERAL,
    TWO,
    batch,
    beat,
    claim,
    count,
    gone,
    partition_of,
    same_clock,
    spread,
    two,
)
from tests.integration.reminding import HOUR, Watched
from tests.names import names

__all__ = ["same_clock", "two"]
THIRD = Webhook("1000000000000000003", SecretStr("fake-token-three"))
THREAD = "2000000000000000007"
SOON = HOUR / 2


def titles(found: Batch) -> list[str]:
    return [each.title for each in found.messages]


def test_alerts_are_spread_and_each_source_key_and_order_keeps_to_one_partition(two: Bench) -> None:
    where: dict[str, set[int]] = defaultdict(set)
    for number in range(60):
        source = f"host-{number % 20}"
        two.admit(f"n{number}", source=source)
        where[source].add(partition_of(two, f"n{number}"))
    assert all(len(each) == 1 for each in where.values())
    assert {tuple(each) for each in where.values()} == {(0,), (1,)}
    for partition in (0, 1):
        posted = []
        while two.redis.zcard(names.outbox(f"general.{partition}" if partition else GENERAL, "waiting")):
            found = batch(two, partition)
            assert found.webhook == TWO[partition]
            posted += [int(each.removeprefix("n")) for each in titles(found)]
            two.commit(found)
            two.tick(3)
        assert posted == sorted(posted)
        assert {next(iter(where[f"host-{each % 20}"])) for each in posted} == {partition}
    assert two.outbox.depth(GENERAL) == 0


def test_without_a_source_each_goes_by_its_id_and_what_names_a_thread_to_the_first(two: Bench) -> None:
    for number in range(40):
        two.admit(f"n{number}")
        two.admit(f"t{number}", thread_id="3000000000000000001", source=f"host-{number}")
    assert 10 <= sum(partition_of(two, f"n{number}") for number in range(40)) <= 30
    assert not any(partition_of(two, f"t{number}") for number in range(40))


def test_a_type_with_one_webhook_has_one_partition_and_none_of_its_keys(bench: Bench) -> None:
    beat(bench, WEBHOOK)
    spread(bench)
    bench.commit(bench.batch())
    assert not [each for each in bench.redis.keys("*") if "general." in each or "partitions" in each]


def test_the_task_of_an_alert_finds_the_partition_that_has_it(two: Bench) -> None:
    second = spread(two)[1]
    found = claim(two, ClaimRequest(GENERAL, second[0]))
    assert isinstance(found, Batch)
    assert (found.partition, found.webhook, [each.message.id for each in found.items]) == (
        1,
        OTHER_WEBHOOK,
        second[:10],
    )
    while isinstance(found, Batch):  # others rely on this task, for none was sent for them
        assert found.partition == 1
        two.commit(found)
        two.tick(3)
        found = claim(two, ClaimRequest(GENERAL, second[0]))
    assert isinstance(found, Completed)
    assert two.outbox.depth(GENERAL, 1) == 0


def test_a_wake_up_finds_its_partition_and_a_sweep_sends_one_for_each(two: Bench) -> None:
    second = spread(two)[1]
    sent = {number: two.outbox.sweep(GENERAL, number) for number in (0, 1)}
    assert all(sent.values())
    assert two.outbox.sweep(GENERAL, 1) is None, "it is under way"
    assert sent[1]
    request = ClaimRequest.of_wake_up(GENERAL, sent[1].token)
    found = claim(two, request)
    assert isinstance(found, Batch)
    assert [each.message.id for each in found.items] == second[:10]
    result = two.commit(found)
    assert result.wake_up
    assert ClaimRequest.of_wake_up(GENERAL, result.wake_up.token).partition == 1


@pytest.mark.parametrize("webhooks", [TWO[:1], TWO], ids=["one", "two"])
def test_in_a_minute_two_webhooks_carry_twice_as_many_requests(
    make_bench: MakeBench, webhooks: tuple[Webhook, ...]
) -> None:
    bench = make_bench()
    beat(bench, *webhooks)
    for number in range(90):
        bench.admit(f"n{number}", source=f"host-{number}", username=f"each of its own {number}")
    requests = 0
    for _ in range(59):
        for partition in range(len(webhooks)):
            if isinstance(found := claim(bench, ClaimRequest(GENERAL, partition=partition), webhooks), Batch):
                requests += 1
                bench.commit(found)
        bench.tick(1)
    assert requests == 30 * len(webhooks)


def test_each_webhook_has_its_own_gate_and_a_limit_moves_nothing(make_bench: MakeBench) -> None:
    two = make_bench(rate_limit_per_minute=3, queue_size=200)
    beat(two, *TWO)
    spread(two, 160)
    requests: Counter[str] = Counter()
    for _ in range(20):
        for partition in (0, 1):
            if isinstance(found := claim(two, ClaimRequest(GENERAL, partition=partition)), Batch):
                assert found.webhook == TWO[partition]
                requests[found.webhook.id] += 1
                two.commit(found)
        two.tick(1)
    assert requests == {each.id: 3 for each in TWO}, "each has its own limit, and none takes what another is held for"


def test_a_gone_webhook_is_left_out_and_comes_back_when_it_is_reset(two: Bench) -> None:
    first = spread(two)[0]
    gone(two, 0)
    taken = batch(two, 0)
    assert (taken.webhook, taken.partition) == (OTHER_WEBHOOK, 0)
    assert [each.message.id for each in taken.items] == first[:10], "in order, and with all attempts"
    two.commit(taken)
    two.tick(3)
    two.gate.reset(WEBHOOK)
    assert batch(two, 0).webhook == WEBHOOK


def test_a_next_webhook_that_is_gone_too_is_left_out_too(bench: Bench) -> None:
    three = (WEBHOOK, OTHER_WEBHOOK, THIRD)
    beat(bench, *three)
    spread(bench)
    gone(bench, 0, three)
    gone(bench, 0, three)
    assert batch(bench, 0, three).webhook == THIRD


def test_if_all_are_gone_alerts_wait_and_end_as_those_of_one_webhook_do(two: Bench) -> None:
    spread(two)
    gone(two, 0)
    gone(two, 1)
    for partition in (0, 1):
        held = claim(two, ClaimRequest(GENERAL, partition=partition))
        assert isinstance(held, Throttled)
        assert held.reason is Reason.WEBHOOK_QUARANTINED
    for _ in range(310):  # it is looked at again every few seconds
        two.tick(1)
        found = claim(two, ClaimRequest(GENERAL, partition=1))
        if isinstance(found, Batch):
            break
    assert isinstance(found, Batch)
    assert (found.blocked, found.partition) == (Reason.WEBHOOK_QUARANTINED, 1)


def test_what_waits_in_a_partition_beyond_a_shorter_list_goes_by_the_webhooks_that_are_left(two: Bench) -> None:
    second = spread(two)[1]
    found = batch(two, 1, (WEBHOOK,))
    assert (found.webhook, [each.message.id for each in found.items]) == (WEBHOOK, second[:10])
    two.commit(found)
    assert two.outbox.partitions.of(GENERAL) == [(GENERAL, 0), (GENERAL, 1)], "so a sweep looks there"


def test_fewer_webhooks_count_once_no_worker_with_more_was_heard_of(two: Bench) -> None:
    beat(two, WEBHOOK, worker="fewer", most=2)
    assert count(two) == ("2", "2")
    two.tick(601)
    beat(two, WEBHOOK, worker="fewer", most=2)
    assert count(two) == ("1", "2"), "and what waits is still looked for"
    two.admit("now", source="any")
    assert partition_of(two, "now") == 0
    beat(two, WEBHOOK, OTHER_WEBHOOK, THIRD)
    assert count(two) == ("3", "3")


def test_no_alert_is_spread_while_a_worker_lives_that_knows_one_outbox_alone(bench: Bench) -> None:
    bench.redis.zadd(names.workers, {"old 0.2.0": bench.gate.now()})
    bench.redis.set("test:clock", bench.gate.now())  # the bench moves its own clock
    beat(bench, *TWO)
    assert count(bench) == (None, None)
    bench.tick(60)
    beat(bench, *TWO)
    assert count(bench) == ("2", "2")


def test_a_worker_tells_of_each_partition_what_it_holds_and_where_it_runs() -> None:
    held = holdings(GENERAL, "w", TWO, 3, "here")
    told = {each.number: json.loads(text) if text else None for each, text in held.items()}
    assert told == {
        number: {"node": "w", "webhook": each.id, "fingerprint": each.fingerprint, "machine": "here"}
        for number, each in enumerate(TWO)
    } | {2: None}


def incident(bench: Bench, notification_id: str, key: str, terms: Terms = NO_TERMS, **more: object) -> Admitted:
    message = NotificationMessage(id=notification_id, title=notification_id, dedup_key=key, dedup_seconds=3600, **more)
    return bench.outbox.admit(message, terms)


def keys_of(partition: int) -> Iterator[str]:
    """Keys whose incidents that partition takes, and would not take if there were three webhooks."""
    for number in count_from(0):
        place = int(sha1(f"key-{number}".encode(), usedforsecurity=False).hexdigest()[:8], 16)
        if place % 2 == partition != place % 3:
            yield f"key-{number}"


def key_of(bench: Bench, partition: int) -> str:
    """The first of them; opens one, as ``first``."""
    key = next(keys_of(partition))
    incident(bench, "first", key)
    assert partition_of(bench, "first") == partition
    return key


def test_the_task_of_one_that_makes_another_due_earlier_finds_the_partition_of_their_incident(two: Bench) -> None:
    key = next(keys_of(1))
    incident(two, "in an hour", key, terms=Terms(after_seconds=3_600))
    assert incident(two, "now", key) is Admitted.HASTENED
    found = claim(two, ClaimRequest(GENERAL, "now"))
    assert isinstance(found, Batch)
    assert (found.partition, [each.message.id for each in found.items]) == (1, ["in an hour"])


def test_an_incident_stays_with_the_webhook_that_shows_it_whatever_the_list_becomes(two: Bench) -> None:
    key = key_of(two, 1)
    found = batch(two, 1)
    two.commit(found, Delivered("901", "2000000000000000002"))
    two.tick(10)
    other_way = (OTHER_WEBHOOK, THIRD, WEBHOOK)
    beat(two, *other_way)
    incident(two, "again", key)
    assert partition_of(two, "again") == 1, "also if a hash modulo three were another"
    two.tick(1)
    again = batch(two, 1, other_way)
    assert (again.webhook, again.items[0].request) == (OTHER_WEBHOOK, Request.EDIT)


def test_if_that_webhook_is_gone_the_next_one_shows_it_anew(two: Bench) -> None:
    key = key_of(two, 1)
    two.commit(batch(two, 1), Delivered("901", "2000000000000000002"))
    two.tick(10)
    incident(two, "again", key)
    gone(two, 1)
    found = batch(two, 1)
    assert (found.webhook, found.items[0].request) == (WEBHOOK, Request.POST)


def test_a_reminder_goes_the_way_of_its_incident(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders_module, "script", by_test_clock)
    for number, key in enumerate(islice(keys_of(1), 4)):
        incident(two, f"n{number}", key, remind_seconds=SOON)
        two.commit(batch(two, 1), Delivered(f"90{number}", "2000000000000000002"))
        two.tick(10)
    watched = Watched(two, Reminders(two.redis, two.settings))
    assert watched.raised(SOON) == 4
    assert [partition_of(two, each) for each in watched.posted] == [1] * 4


LISTS = {
    "as it was": (TWO, 1, "remind_seconds"),
    "the other way": (TWO[::-1], 0, "remind_seconds"),
    "longer": ((THIRD, *TWO), 2, "escalate_after"),
    "shorter": ((OTHER_WEBHOOK,), 1, "escalate_after"),
}


@pytest.mark.parametrize(("webhooks", "place", "term"), LISTS.values(), ids=LISTS)
def test_an_incident_is_told_again_in_its_thread_by_the_webhook_that_shows_it_whatever_the_list_becomes(
    two: Bench,
    make_bench: MakeBench,
    monkeypatch: pytest.MonkeyPatch,
    webhooks: tuple[Webhook, ...],
    place: int,
    term: str,
) -> None:
    monkeypatch.setattr(reminders_module, "script", by_test_clock)
    incident(two, "first", next(keys_of(1)), thread_name="Disk full", **{term: SOON})
    two.commit(batch(two, 1), Delivered("901", THREAD))
    now = make_bench(webhooks={GENERAL: webhooks[0]}, further_webhooks={GENERAL: webhooks[1:]})
    beat(now, *webhooks)
    assert Watched(now, Reminders(now.redis, now.settings)).raised(SOON) == 1
    found = batch(now, place, webhooks)
    assert (found.webhook, found.messages[0].thread_id) == (OTHER_WEBHOOK, THREAD)


def test_an_incident_whose_webhook_is_in_no_list_any_more_is_told_again_by_another_one_in_its_channel(
    two: Bench, make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reminders_module, "script", by_test_clock)
    incident(two, "first", next(keys_of(1)), thread_name="Disk full", remind_seconds=SOON)
    two.commit(batch(two, 1), Delivered("901", THREAD))
    one = make_bench(webhooks={GENERAL: WEBHOOK})
    assert Watched(one, Reminders(one.redis, one.settings)).raised(SOON) == 1
    found = batch(one, 1, (WEBHOOK,))
    assert (found.webhook, found.messages[0].thread_id) == (WEBHOOK, None)


def test_repeats_of_an_incident_are_counted_in_its_partition(two: Bench) -> None:
    key = key_of(two, 1)
    incident(two, "repeat", key)
    assert two.record("repeat")["status"] == "repeated"
    assert isinstance(claim(two, ClaimRequest(GENERAL, "repeat")), Completed)


def test_one_that_waits_in_any_partition_is_withdrawn(two: Bench) -> None:
    second = spread(two)[1]
    assert two.withdrawals.withdraw(second[0]) == "withdrawn"
    assert [each.message.id for each in batch(two, 1).items] == second[1:11]


def test_a_partition_that_is_full_refuses_and_another_does_not(make_bench: MakeBench) -> None:
    two = make_bench(queue_size=5)
    beat(two, *TWO)
    refused: Counter[int] = Counter()
    for number in range(40):
        try:
            two.admit(f"n{number}", source=f"host-{number}")
        except QueueFull as error:
            refused[error.partition] += 1
    assert two.outbox.depth(GENERAL) == 10, "each webhook has room of its own"
    assert set(refused) == {0, 1}


def test_the_text_of_one_that_redis_forgets_in_another_partition_is_a_dead_letter(two: Bench) -> None:
    second = spread(two)[1]
    two.redis.delete(names.notification(second[0]))
    batch(two, 1)
    assert two.record(second[0])["reason"] == Reason.FORGOTTEN


def test_a_claim_whose_answer_was_lost_takes_its_own_partition_back_alone(two: Bench) -> None:
    spread(two)
    found = batch(two, 1)
    two.outbox._unanswered.add(found.outbox, found.token)
    other = batch(two, 0)
    assert other.partition == 0
    two.tick(3)
    again = batch(two, 1)
    assert [each.message.id for each in again.items] == [each.message.id for each in found.items]


def test_nothing_waits_in_a_partition_that_nobody_has_filled(two: Bench) -> None:
    assert claim(two, ClaimRequest(GENERAL, partition=1)) == Empty()


def test_a_partition_that_was_empty_and_has_an_alert_again_keeps_its_life(two: Bench) -> None:
    own = names.outbox("general.1", "waiting")
    spread(two)
    while two.redis.exists(own):
        two.commit(batch(two, 1))
        two.tick(3)
    assert two.redis.exists(names.outbox(GENERAL, "waiting"))
    spread(two, 80)
    assert two.redis.ttl(own) > 0
