"""Flower tells the truth of each alert: which state, why, by which worker, and each event once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations.dead_letters import DeadLetters
from notifier.outbox.admission import Admitted
from notifier.outbox.claim import Batch, ClaimRequest, Completed, Throttled
from notifier.outbox.preparation import prepare
from notifier.outbox.terms import Terms
from notifier.outbox.unannounced import Unannounced
from notifier.outcome import Deferred, Failed, Reason, Rejected, Scope
from notifier.worker.delivery import Detached
from notifier.worker.offload import Offload
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench
from tests.integration.fleet_of_two import Discord, Flower, Worker
from tests.names import names

JOINED_SECONDS = 0.05
"""So long the first of several waits for more to fill its request."""
ONCE = {"received": 1, "started": 1, "succeeded": 1}
FAILED_ONCE = {"received": 1, "started": 1, "failed": 1}
REJECTED = Rejected(Reason.INVALID_PAYLOAD, "400: scripted")


@dataclass
class Fleet:
    """Two workers of one Redis and one Discord, and Flower."""

    bench: Bench
    one: Worker
    two: Worker
    discord: Discord
    flower: Flower


MakeFleet = Callable[..., Fleet]


@pytest.fixture
def make_fleet(make_bench: MakeBench) -> MakeFleet:
    def make(**more: object) -> Fleet:
        bench, discord, flower = make_bench(**{"webhooks": {AlertType.GENERAL: WEBHOOK}} | more), Discord(), Flower()
        one, two = (Worker(name, bench, discord, flower) for name in ("one", "two"))
        return Fleet(bench, one, two, discord, flower)

    return make


@pytest.fixture
def fleet(make_fleet: MakeFleet) -> Fleet:
    return make_fleet()


def test_each_alert_of_a_batch_has_its_own_events_once_whoevers_task_carried_it(fleet: Fleet) -> None:
    ids = [f"a{number}" for number in range(12)]
    fleet.bench.admit(*ids)
    fleet.one.runs("a3")  # carries the first ten
    fleet.bench.tick(1)
    for each in ids:
        fleet.two.runs(each)  # the second batch; of the others it finds the record
        fleet.bench.tick(1)
    assert {each: fleet.flower.kinds(each) for each in ids} == dict.fromkeys(ids, ONCE)
    workers = {each: fleet.flower.task(each).worker for each in ids}
    assert workers == dict.fromkeys(ids[:10], fleet.one.name) | dict.fromkeys(ids[10:], fleet.two.name)
    shown = fleet.flower.task("a7")
    assert (shown.state, shown.name, shown.kwargs) == ("SUCCESS", "send_notification.general", "title='a7'")
    assert shown.result == "delivered 900"
    for kind in ONCE:
        assert (fleet.flower.counted(kind, fleet.one.name), fleet.flower.counted(kind, fleet.two.name)) == (10, 2)
    assert fleet.flower.prefetched(fleet.one.name, fleet.two.name) == {0}


def test_of_a_burst_of_hundreds_with_one_task_each_alert_is_shown_whole_and_once(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(queue_size=300, rate_limit_per_minute=1_000)
    ids = [f"a{number:03}" for number in range(300)]
    fleet.bench.admit(*ids)
    fleet.one.runs(ids[0])
    workers = (fleet.two, fleet.one)
    for turn in range(35):
        fleet.bench.tick(3)
        workers[turn % 2].wakes()
    shown = {each: fleet.flower.task(each) for each in ids}
    whole = {each: ("send_notification.general", f"title='{each}'", "SUCCESS") for each in ids}
    assert {each: (found.name, found.kwargs, found.state) for each, found in shown.items()} == whole
    assert {found.worker for found in shown.values()} == {fleet.one.name, fleet.two.name}
    assert {each: fleet.flower.kinds(each) for each in ids} == dict.fromkeys(ids, ONCE)


def test_an_alert_that_waits_is_received_and_says_for_what_until_another_worker_carries_it(fleet: Fleet) -> None:
    fleet.bench.admit("first")
    fleet.discord.answers.append(Deferred(30, Reason.RATE_LIMITED, Scope.WEBHOOK))
    fleet.one.runs("first")
    fleet.bench.admit("second")
    assert isinstance(fleet.two.runs("second"), Throttled)
    fleet.two.runs("second")  # its message is delivered again
    for each, worker in (("first", fleet.one), ("second", fleet.two)):
        shown = fleet.flower.task(each)
        assert (shown.state, shown.kwargs, shown.result) == ("RECEIVED", f"title='{each}'", "waits: rate limited")
        assert (shown.worker, shown.eta is None) == (worker.name, False)
    fleet.bench.tick(31)
    fleet.one.wakes()
    for each in ("first", "second"):
        shown = fleet.flower.task(each)
        assert (shown.state, shown.result, shown.worker) == ("SUCCESS", "delivered 900", fleet.one.name)
        assert fleet.flower.kinds(each) == ONCE
    assert fleet.flower.prefetched(fleet.one.name, fleet.two.name) <= {0}


def test_a_dead_alert_is_a_failure_with_its_reason(fleet: Fleet) -> None:
    fleet.bench.admit("refused")
    fleet.discord.answers.append(REJECTED)
    fleet.one.runs("refused")
    shown = fleet.flower.task("refused")
    assert (shown.state, shown.result) == ("FAILURE", "rejected: invalid payload")
    assert shown.exception == "NotDelivered('rejected: invalid_payload (400: scripted)')"
    assert fleet.flower.kinds("refused") == FAILED_ONCE


def test_a_failure_is_a_retry_with_its_reason_and_then_forgotten_or_the_end(fleet: Fleet) -> None:
    fleet.bench.admit("again")
    fleet.discord.answers.append(Failed(Reason.BAD_GATEWAY, "HTTP 502"))
    fleet.one.runs("again")
    shown = fleet.flower.task("again")
    assert (shown.state, shown.exception) == ("RETRY", "bad_gateway (HTTP 502)")
    assert shown.result == "waits: to be tried again: bad gateway"
    fleet.bench.tick(600)
    fleet.two.runs("again")
    shown = fleet.flower.task("again")
    assert (shown.state, shown.exception, shown.result) == ("SUCCESS", None, "delivered 900; attempt 2")
    assert (shown.worker, shown.retries) == (fleet.two.name, 1)
    assert fleet.flower.kinds("again") == {**ONCE, "retried": 1}


def test_one_whose_attempts_are_used_up_is_a_failure(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(retry_attempts=1)
    fleet.bench.admit("never")
    fleet.discord.answers.append(Failed(Reason.SERVER_ERROR, "HTTP 500"))
    fleet.one.runs("never")
    fleet.bench.tick(1)
    fleet.bench.admit("other")
    fleet.one.runs("other")  # so the webhook is not what is at fault
    fleet.bench.tick(600)
    fleet.discord.answers.append(Failed(Reason.SERVER_ERROR, "HTTP 500"))
    fleet.two.wakes()
    shown = fleet.flower.task("never")
    assert (shown.state, shown.exception) == ("FAILURE", "NotDelivered('failed: server_error (HTTP 500)')")
    assert fleet.flower.kinds("never") == {**FAILED_ONCE, "retried": 1}


def test_an_expired_alert_is_a_failure_and_one_that_is_withdrawn_is_revoked(fleet: Fleet) -> None:
    fleet.bench.admit("expires", terms=Terms(expires_seconds=60))
    fleet.bench.admit("withdrawn", "unseen", terms=Terms(after_seconds=3600))
    fleet.one.runs("withdrawn")
    assert (fleet.flower.task("withdrawn").state, fleet.flower.task("withdrawn").result[:6]) == ("RECEIVED", "waits:")
    for each in ("withdrawn", "unseen"):
        fleet.bench.withdrawals.withdraw(each)
    for _ in range(2):
        fleet.one.announcer.ended_elsewhere()
        fleet.two.announcer.ended_elsewhere()
    assert isinstance(fleet.two.runs("unseen"), Completed)
    for each, kinds in (("withdrawn", {"received": 1, "revoked": 1}), ("unseen", {"revoked": 1})):
        shown = fleet.flower.task(each)
        assert (shown.state, shown.kwargs, shown.worker) == ("REVOKED", f"title='{each}'", fleet.one.name)
        assert (fleet.flower.kinds(each), shown.result) == (kinds, "withdrawn")


def test_an_end_that_two_workers_see_at_once_is_told_by_one(fleet: Fleet) -> None:
    fleet.bench.admit("a", terms=Terms(after_seconds=60))
    fleet.bench.withdrawals.withdraw("a")
    seen_by_both = SimpleNamespace(zrange=lambda *_: ["a"], pipeline=fleet.bench.redis.pipeline)
    unannounced = Unannounced(fleet.bench.redis, names, fleet.bench.records)
    unannounced._redis = cast("Any", seen_by_both)
    assert [len(unannounced.ended()) for _ in range(2)] == [1, 0]


def test_one_that_redis_has_forgotten_is_a_failure(fleet: Fleet) -> None:
    fleet.bench.admit("gone", terms=Terms(after_seconds=60))
    fleet.one.runs("gone")
    fleet.bench.redis.delete(names.notification("gone"))
    fleet.bench.tick(61)
    fleet.one.wakes()
    fleet.two.announcer.ended_elsewhere()
    shown = fleet.flower.task("gone")
    assert (shown.state, "forgotten" in shown.exception) == ("FAILURE", True)
    assert fleet.flower.kinds("gone") == {"received": 1, "failed": 1}


def test_the_batch_of_a_worker_that_died_is_taken_over_as_a_retry(fleet: Fleet) -> None:
    ids = ["a", "b"]
    fleet.bench.admit("first")
    fleet.one.runs("first")
    fleet.bench.tick(1)
    fleet.bench.admit(*ids)
    fleet.bench.tick(JOINED_SECONDS)
    claim = fleet.bench.outbox.claim(ClaimRequest(AlertType.GENERAL, "a"), WEBHOOK, fleet.one.name)
    assert isinstance(claim, Batch)
    fleet.bench.redis.delete(names.worker(fleet.one.name))  # kill -9
    fleet.two.runs("b")  # its task was under way; the one of the first died with the worker
    assert fleet.flower.kinds("b") == {}, "another worker has it, and tells"
    fleet.bench.tick(5)
    fleet.two.wakes()
    assert {(fleet.flower.task(each).state, fleet.flower.task(each).exception) for each in ids} == {
        ("RETRY", "worker_lost")
    }
    for _ in ids:  # each goes alone from now on
        fleet.bench.tick(600)
        fleet.two.wakes()
    for each in ids:
        assert (fleet.flower.task(each).state, fleet.flower.task(each).worker) == ("SUCCESS", fleet.two.name)
        assert fleet.flower.kinds(each) == {**ONCE, "retried": 1}


def test_one_whose_request_hangs_is_received(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.bench.admit("first")
    fleet.one.runs("first")
    fleet.bench.tick(1)
    monkeypatch.setattr(fleet.one.delivery_worker, "_offload", Offload(1, 0.01))
    answers, execute = threading.Event(), fleet.discord.execute
    monkeypatch.setattr(fleet.discord, "execute", lambda *given: answers.wait(60) and execute(*given))
    fleet.bench.admit("hangs", "beside")
    fleet.bench.tick(JOINED_SECONDS)
    assert fleet.one.runs("hangs") == Detached()
    for each in ("hangs", "beside"):
        assert (fleet.flower.task(each).state, fleet.flower.task(each).result) == ("RECEIVED", "waits: in flight")
    answers.set()
    fleet.one.delivery_worker.drain()
    for each in ("hangs", "beside"):
        assert (fleet.flower.task(each).state, fleet.flower.kinds(each)) == ("SUCCESS", ONCE)
    assert fleet.flower.prefetched(fleet.one.name) == {0}


def test_one_whose_request_hangs_after_a_wake_up_is_received_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.bench.admit("first")
    fleet.one.runs("first")
    fleet.bench.tick(1)
    worker, offload = fleet.one.delivery_worker, Offload(1, 30)
    monkeypatch.setattr(worker, "_offload", offload)
    answers, asked, execute = threading.Event(), threading.Event(), fleet.discord.execute

    def hangs(*given: Any) -> Any:
        asked.set()
        return answers.wait(60) and execute(*given)

    monkeypatch.setattr(fleet.discord, "execute", hangs)
    fleet.bench.admit("a", "b")
    fleet.bench.tick(JOINED_SECONDS)
    worker.begin(lambda: worker.deliver_here(ClaimRequest(AlertType.GENERAL)))
    assert asked.wait(30)
    worker.tell_hanging()
    assert fleet.flower.kinds("a") == {}, "not at once"
    offload.slot_seconds = 0
    for _ in range(2):
        worker.tell_hanging()
    for each in "ab":
        assert (fleet.flower.task(each).state, fleet.flower.task(each).result) == ("RECEIVED", "waits: in flight")
    answers.set()
    worker.drain()
    worker.tell_hanging()
    for each in "ab":
        assert (fleet.flower.task(each).state, fleet.flower.kinds(each)) == ("SUCCESS", ONCE)


def test_a_repeated_alert_was_never_a_task_and_the_change_of_its_message_is_one(fleet: Fleet) -> None:
    """Nor are silenced, folded and refused ones: a flood of them would push out of the list what is sent."""

    def raised(notification_id: str, **more: Any) -> Admitted:
        given = {"title": notification_id, "dedup_key": "disk", "dedup_seconds": 3_600, **more}
        return fleet.bench.outbox.admit(prepare(NotificationMessage(id=notification_id, **given), fleet.bench.settings))

    assert [raised("opens"), raised("counted")] == [Admitted.NOW, Admitted.COUNTED]
    fleet.one.runs("opens")
    fleet.bench.tick(60)
    assert raised("edits", resolved=True) is Admitted.NOW
    fleet.two.runs("edits")
    assert fleet.discord.edits == 1
    assert {each: fleet.flower.kinds(each) for each in ("opens", "edits")} == dict.fromkeys(("opens", "edits"), ONCE)
    fleet.one.runs("counted")
    assert fleet.flower.kinds("counted") == {}


def test_alerts_that_go_as_one_message_are_a_task_each(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(group_seconds_by_type={AlertType.GENERAL: 60})
    ids = [f"a{number}" for number in range(12)]
    fleet.bench.admit(*ids)
    fleet.one.runs("a0")
    assert fleet.flower.task("a0").state == "RECEIVED"
    fleet.bench.tick(60)
    fleet.two.wakes()
    assert {each: fleet.flower.kinds(each) for each in ids} == dict.fromkeys(ids, ONCE)
    assert {fleet.flower.task(each).result for each in ids} == {"delivered 900"}


def test_one_that_goes_to_the_channel_of_another_type_keeps_its_own(make_fleet: MakeFleet) -> None:
    security = AlertType.SECURITY
    fleet = make_fleet(fallback=AlertType.GENERAL, webhooks={AlertType.GENERAL: WEBHOOK, security: OTHER_WEBHOOK})
    fleet.bench.admit("a", alert_type=security)
    fleet.discord.answers.append(Rejected(Reason.FORBIDDEN, "403: scripted"))
    fleet.one.runs("a", security)
    assert (fleet.flower.task("a").state, fleet.flower.task("a").exception) == ("RETRY", "forbidden (403: scripted)")
    fleet.bench.tick(60)
    fleet.two.wakes()
    shown = fleet.flower.task("a")
    assert (shown.state, shown.name, shown.worker) == ("SUCCESS", "send_notification.security", fleet.two.name)
    assert fleet.flower.kinds("a") == {**ONCE, "retried": 1}


def test_one_of_several_messages_is_one_task(fleet: Fleet) -> None:
    fleet.bench.admit("long", message="line\n" * 2_000, long_text="split")
    fleet.one.runs("long")
    while fleet.flower.task("long").state != "SUCCESS":
        assert fleet.flower.task("long").state == "RECEIVED"
        fleet.bench.tick(60)
        fleet.two.wakes()
    assert fleet.flower.kinds("long") == ONCE


def test_a_replay_is_a_task_of_its_own(fleet: Fleet) -> None:
    bench = fleet.bench
    bench.admit("dead")
    fleet.discord.answers.append(REJECTED)
    fleet.one.runs("dead")
    publisher = SimpleNamespace(submit_again=lambda message, *_, **__: bench.outbox.admit(message))
    again = DeadLetters(bench.redis, bench.settings, bench.records, cast("Any", publisher)).replay("dead")
    bench.tick(1)
    fleet.two.runs(again)
    assert (fleet.flower.task("dead").state, fleet.flower.kinds("dead")) == ("FAILURE", FAILED_ONCE)
    assert (fleet.flower.task(again).state, fleet.flower.kinds(again)) == ("SUCCESS", ONCE)
    assert fleet.flower.task(again).kwargs == "title='dead'"


def test_a_commit_whose_answer_was_lost_is_repeated_and_tells_nothing_twice(fleet: Fleet) -> None:
    fleet.bench.admit("first")
    fleet.one.runs("first")
    fleet.bench.tick(1)
    fleet.bench.admit("a")
    batch = fleet.bench.batch()
    assert fleet.bench.commit(batch).untold == {"a"}
    assert fleet.bench.commit(batch).untold == frozenset()
