"""Alerts that are collected until a time: one message for all of a group, and none of them is lost on the way."""

import random
from collections import Counter

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.operations import explain as explain_module
from notifier.operations.explain import explain
from notifier.outbox.claim import Batch, Throttled
from notifier.outbox.disposition import decide, failed_over
from notifier.outbox.step_arguments import StepArguments
from notifier.outbox.terms import Terms
from notifier.outcome import Answer, Deferred, Delivered, Failed, Reason, Rejected, Status, Unknown
from tests.integration.conftest import CLOCK, OTHER_WEBHOOK, ROOMY, SECOND, WEBHOOK, Bench, MakeBench
from tests.names import names

SECONDS = 300
COLLECTED = ": collected with others for one message"


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench whose general alerts are grouped, with an open gate."""
    bench = make_bench(group_seconds_by_type={AlertType.GENERAL: SECONDS})
    bench.admit("before", username="of its own")
    bench.open_gate()
    return bench


def ids(batch: Batch) -> list[str]:
    return [each.message.id for each in batch.items]


def waits(bench: Bench) -> float:
    claim = bench.claim()
    assert isinstance(claim, Throttled), claim
    assert claim.reason == Reason.POSTPONED
    return claim.wait_seconds


def test_the_first_sets_the_end_and_all_of_a_group_go_as_one_message(bench: Bench) -> None:
    alerts = [f"a{number}" for number in range(25)]
    for each in alerts:
        bench.admit(each)
        bench.tick(10)
    assert waits(bench) == SECONDS - 250
    places = bench.redis.zrange(names.outbox("general", "delayed"), 0, -1, withscores=True)
    assert len({due_at for _, due_at in places}) == 1
    bench.tick(SECONDS - 250 - 1)
    waits(bench)
    bench.tick(1)
    batch = bench.batch()
    assert ids(batch) == alerts
    bench.commit(batch, Delivered("901", "2000000000000000001"))
    ended = [bench.record(each) for each in alerts]
    assert {each["message_id"] for each in ended} == {"901"}
    assert {(each["status"], each["carried_with"]) for each in ended} == {(Status.DELIVERED, 24)}
    assert bench.outbox.depth(AlertType.GENERAL) == 0


def test_those_that_come_within_a_second_wait_for_the_same_end(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(0.5)
    bench.admit("b")
    places = bench.redis.zrange(names.outbox("general", "delayed"), 0, -1, withscores=True)
    assert len({due_at for _, due_at in places}) == 1


def test_a_group_that_is_due_waits_for_no_company(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(SECONDS - 1)
    bench.admit("now", severity="critical")
    alone = bench.batch()
    bench.tick(1)
    bench.commit(alone)
    assert ids(bench.batch()) == ["a"]


def test_the_next_alert_begins_another_group(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(SECONDS)
    bench.admit("b")
    assert ids(bench.batch()) == ["a"]
    assert "b" in bench.redis.zrange(names.outbox("general", "delayed"), 0, -1)


def test_what_is_of_its_own_or_critical_goes_at_once_and_alone(bench: Bench) -> None:
    bench.admit("collected")
    bench.admit("urgent", severity=Severity.CRITICAL)
    bench.admit("named", username="of its own")
    bench.admit("late", terms=Terms(after_seconds=30))
    bench.admit("in parts", long_text="split")
    bench.admit("with a file", files=({"name": "a.txt", "content": b"x"},))
    first = bench.batch()
    assert ids(first) == ["urgent"]
    bench.commit(first)
    bench.tick(1)
    second = bench.batch()
    assert ids(second) == ["named"]
    bench.commit(second)
    for own in ("in parts", "with a file"):
        bench.tick(1)
        batch = bench.batch()
        assert ids(batch) == [own]
        bench.commit(batch)
    bench.tick(30)
    assert ids(bench.batch()) == ["late"], "its own time counts"


def test_what_rides_in_one_message_is_of_one_group(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.admit("plain", severity=Severity.CRITICAL)
    bench.tick(SECONDS)
    bench.admit("plain too", severity=Severity.CRITICAL)
    for together in (["a", "b"], ["plain", "plain too"]):
        batch = bench.batch()
        assert ids(batch) == together
        bench.commit(batch)
        bench.tick(1)


def test_what_was_there_first_goes_first_and_takes_none_of_a_group_along(bench: Bench) -> None:
    bench.admit("plain", severity=Severity.CRITICAL)
    bench.admit("a", "b")
    bench.tick(SECONDS)
    assert ids(bench.batch()) == ["plain"]


def test_one_that_a_worker_cannot_read_stays_and_the_others_go(bench: Bench) -> None:
    bench.admit("a", "b", "c")
    bench.redis.hset(names.notification("b"), "version", 99)
    bench.tick(SECONDS)
    batch = bench.batch()
    assert (ids(batch), batch.left_behind) == (["a", "c"], 1)
    bench.commit(batch)
    assert bench.outbox.depth(AlertType.GENERAL) == 1


def test_an_alert_that_would_expire_ends_its_group_at_once(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(5)
    bench.admit("short", terms=Terms(expires_seconds=60))
    batch = bench.batch()
    assert ids(batch) == ["a", "short"]
    assert batch.collected
    assert batch.collected.until - batch.collected.since == 5, "it tells no longer time"


def test_one_that_expires_later_waits(bench: Bench) -> None:
    bench.admit("a", terms=Terms(expires_seconds=SECONDS + 60))
    bench.tick(SECONDS)
    assert ids(bench.batch()) == ["a"]


def test_a_group_that_fills_its_outbox_goes_early_and_none_is_refused(make_bench: MakeBench) -> None:
    bench = make_bench(group_seconds_by_type={AlertType.GENERAL: SECONDS}, queue_size=8)
    bench.admit("before", username="of its own")
    bench.open_gate()
    bench.admit(*(f"a{number}" for number in range(6)))
    batch = bench.batch()
    assert len(batch.items) == 6, "three quarters of it"
    bench.admit("next")
    bench.commit(batch)
    assert waits(bench) == SECONDS


def test_an_outbox_that_others_fill_ends_the_group(make_bench: MakeBench) -> None:
    bench = make_bench(group_seconds_by_type={AlertType.GENERAL: SECONDS}, queue_size=4)
    bench.admit("before", username="of its own")
    bench.open_gate()
    bench.admit("a", "b")
    bench.admit("c", "d", terms=Terms(after_seconds=3_000))
    batch = bench.batch()
    assert ids(batch) == ["a", "b"]
    bench.commit(batch)
    bench.admit("e")
    assert waits(bench) == SECONDS, "it is of the next one"


def test_one_more_byte_than_a_message_may_have_begins_another_group(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.outbox.collecting.MESSAGE_BYTES_MAX", 2_000)
    bench.admit("a", "b", message="x" * 800)
    bench.tick(1)
    bench.admit("c", message="x" * 800)
    assert ids(bench.batch()) == ["a", "b"]


def test_more_than_one_message_may_have_go_as_several(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.outbox, "_arguments", StepArguments(bench.settings, collected_max=3))
    bench.admit(*"abcde")
    bench.tick(SECONDS)
    for together in (["a", "b", "c"], ["d", "e"]):
        batch = bench.batch()
        assert ids(batch) == together
        bench.commit(batch)
        bench.tick(1)


def test_what_hangs_on_each_is_called(bench: Bench) -> None:
    bench.admit("a", "b", terms=Terms(callbacks='{"link": []}'))
    bench.tick(SECONDS)
    assert set(bench.commit(bench.batch()).callbacks) == {"a", "b"}


def test_a_group_moves_to_the_fallback_whole(make_bench: MakeBench) -> None:
    webhooks = {AlertType.TRACKLIST: OTHER_WEBHOOK, AlertType.GENERAL: WEBHOOK}
    more = {"fallback": AlertType.GENERAL, "group_seconds_by_type": {AlertType.TRACKLIST: SECONDS}}
    bench = make_bench(webhooks=webhooks, **more)
    alerts = [f"a{number}" for number in range(12)]
    bench.admit(*alerts, alert_type=AlertType.TRACKLIST)
    bench.tick(SECONDS)
    batch = bench.batch(OTHER_WEBHOOK, AlertType.TRACKLIST)
    forbidden = Rejected(Reason.FORBIDDEN)
    moved = failed_over(decide(forbidden, batch.items, 3))
    bench.outbox.commit(batch, moved, Answer(forbidden, ROOMY, 403), 2)
    there = bench.batch()
    assert ids(there) == alerts
    assert there.collected


def test_a_withdrawn_one_is_not_in_the_message(bench: Bench) -> None:
    bench.admit("a", "b", "c")
    bench.withdrawals.withdraw("b")
    bench.tick(SECONDS)
    assert ids(bench.batch()) == ["a", "c"]
    assert bench.record("b")["status"] == Status.WITHDRAWN


def test_a_group_whose_worker_was_lost_goes_again_whole(bench: Bench) -> None:
    alerts = [f"a{number}" for number in range(12)]
    bench.admit(*alerts)
    bench.tick(SECONDS)
    assert ids(bench.batch()) == alerts
    bench.tick(lease_seconds(bench.settings) + 1)
    lost = bench.batch()
    assert (lost.abandoned, ids(lost)) == (True, alerts)
    assert lost.collected is None, "no request is made"
    bench.commit(lost, Unknown(Reason.WORKER_LOST), None)
    bench.tick(2)
    again = bench.batch()
    assert ids(again) == alerts
    assert again.collected
    assert all(each.maybe_posted for each in again.items)


def test_a_group_that_is_refused_goes_as_others_do_and_then_one_by_one(bench: Bench) -> None:
    alerts = [f"a{number}" for number in range(12)]
    bench.admit(*alerts)
    bench.tick(SECONDS)
    bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD))
    bench.tick(1)
    batch = bench.batch()
    assert (ids(batch), batch.collected) == (alerts[:10], None)
    bench.commit(batch, Rejected(Reason.INVALID_PAYLOAD))
    bench.tick(1)
    assert ids(bench.batch()) == ["a0"]


def test_of_a_small_group_only_the_one_that_is_named_ends(bench: Bench) -> None:
    bench.admit("a", "b", "c")
    bench.tick(SECONDS)
    bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(1, "description")})))
    bench.tick(1)
    batch = bench.batch()
    assert ids(batch) == ["a", "c"]
    assert batch.collected
    assert bench.record("b")["status"] == Status.REJECTED


def test_after_redis_clock_stepped_back_a_group_still_goes_as_one(bench: Bench) -> None:
    bench.admit("a")
    bench.tick(100)
    bench.admit("b")
    bench.tick(-10_000)
    assert waits(bench) == SECONDS - 100
    bench.tick(SECONDS - 100)
    assert ids(bench.batch()) == ["a", "b"], "though the first is dated later now"


def test_a_shorter_time_ends_a_group_earlier_and_a_longer_one_does_not(bench: Bench, make_bench: MakeBench) -> None:
    bench.admit("a")
    shorter, longer = (make_bench(group_seconds_by_type={AlertType.GENERAL: many}) for many in (60, 3_600))
    now = int(bench.redis.get(CLOCK) or 0)
    bench.redis.set(CLOCK, now + 10 * SECOND)
    longer.admit("b")
    assert waits(bench) == SECONDS - 10
    shorter.admit("c")
    assert waits(bench) == 60
    bench.tick(60)
    assert ids(bench.batch()) == ["a", "b", "c"]


def test_what_version_0_3_collects_goes_with_an_earlier_worker_too(bench: Bench) -> None:
    """An earlier version knows nothing of collected_for: the field alone makes a group."""
    bench.admit("a", "b")
    for each in ("a", "b"):
        bench.redis.hdel(names.notification(each), "collected_for")
    bench.tick(SECONDS)
    batch = bench.batch()
    assert (ids(batch), batch.collected) == (["a", "b"], None)


def test_a_replay_and_one_that_may_be_posted_wait_for_nobody(bench: Bench) -> None:
    bench.admit("again", metadata={"replay_of": "some"})
    bench.outbox.admit(NotificationMessage(id="doubtful", title="doubtful"), maybe_posted=True)
    assert ids(bench.batch()) == ["again", "doubtful"]


def test_explain_tells_until_when_and_with_whom(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_module, "clock", lambda client: int(client.get(CLOCK)))
    bench.admit("a", "b", "c")
    told = [each.what for each in explain(bench.redis, names, bench.records, "b")]
    assert any(each.startswith("waits until 2027-01-15 08:0") and each.endswith(COLLECTED) for each in told), told
    assert told[-1] == f"still waiting, for another 5 min{COLLECTED} (2 others so far)"
    bench.tick(SECONDS)
    bench.commit(bench.batch())
    told = [each.what for each in explain(bench.redis, names, bench.records, "b")]
    assert "carried with 2 others" in told


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_alert_ends_and_none_is_delivered_twice(make_bench: MakeBench, seed: int) -> None:
    dice, group_seconds = random.Random(seed), {AlertType.GENERAL: 60.0}
    bench = make_bench(group_seconds_by_type=group_seconds, breaker_failures=1_000_000, retry_attempts=2)
    bench.admit("before", username="of its own")
    bench.open_gate()
    delivered, sizes, alerts = Counter[str](), Counter[int](), [f"a{number}" for number in range(90)]
    for each in alerts:
        bench.admit(each, username=dice.choice([None] * 9 + ["own"]), message="x" * dice.choice([0] * 9 + [5_000]))
        bench.tick(dice.choice([0, 1, 8, 8, 8, -200]))
        if dice.random() < 0.3:
            happen(bench, dice, delivered, sizes)
    for _ in range(1_000):
        wait = happen(bench, dice, delivered, sizes)
        if not bench.outbox.depth(AlertType.GENERAL):
            break
        bench.tick(wait)
    ended = [bench.record(each)["status"] for each in alerts]
    assert [each for each, times in delivered.items() if times > 1] == []
    assert ended.count("delivered") == len(delivered)
    assert max(sizes) > 10, "some were groups"


def happen(bench: Bench, dice: random.Random, delivered: Counter[str], sizes: Counter[int]) -> float:
    """One claim and what comes of it; seconds until the next is of use."""
    claim = bench.claim()
    if not isinstance(claim, Batch):
        return min(claim.wait_seconds, 60) + 0.001 if isinstance(claim, Throttled) else 1
    if claim.abandoned:
        bench.commit(claim, Unknown(Reason.WORKER_LOST), None)
        return 1
    sizes[len(claim.items)] += 1
    named = frozenset({(dice.randrange(len(claim.items)), "description")})
    outcomes = [Failed(Reason.BAD_GATEWAY), Unknown(Reason.READ_TIMEOUT), Deferred(1, Reason.RATE_LIMITED), None]
    rejected = [Rejected(Reason.INVALID_PAYLOAD), Rejected(Reason.INVALID_PAYLOAD, "", named)]
    outcome = dice.choice([*outcomes, *rejected, *[Delivered("901", "2000000000000000001")] * 6])
    if outcome is None:  # its worker is lost
        return lease_seconds(bench.settings) + 1
    bench.commit(claim, outcome, ROOMY if isinstance(outcome, Delivered | Rejected) else None)
    delivered.update(ids(claim) if isinstance(outcome, Delivered) else ())
    return 1
