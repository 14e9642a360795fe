"""A Redis that was restarted, or has taken over, may have forgotten its last second: that is done again."""

import os
import threading
from typing import Any, cast

import pytest

from notifier.models import AlertType
from notifier.operations.explain import explain
from notifier.outbox import recent_steps as recent_steps_module
from notifier.outbox.claim import Batch, Completed, NotFound, Throttled
from notifier.outbox.heartbeat import WITNESS_SECONDS, Heartbeat
from notifier.outbox.recent_steps import Step
from notifier.outbox.server_run import ServerRun
from notifier.outcome import Deferred, Failed, Reason, Status, Unknown
from notifier.storage.connection import connect
from notifier.storage.keys import DEFAULT_KEY_PREFIX, Keys
from notifier.worker.reconciliation import Reconciliation
from tests.integration.conftest import CLOCK, START, WORKER, Bench, MakeBench
from tests.names import names
from tests.servers import until

ALL_OF_IT = 0.0
"""A time before any commit: all that is remembered is committed again."""


class Disk:
    """What a Redis finds again after a crash of its host."""

    def __init__(self, bench: Bench) -> None:
        self._redis = bench.redis
        self._kept = {
            key: (cast("bytes", bench.redis.dump(key)), max(0, bench.redis.pttl(key)))
            for key in bench.redis.scan_iter()
        }

    def crash(self) -> None:
        """Only what was kept is there, and no script."""
        clock = self._redis.get(CLOCK)
        self._redis.flushdb()
        self._redis.script_flush()
        for key, (value, life) in self._kept.items():
            self._redis.restore(key, life, value)
        self._redis.set(CLOCK, str(clock))


def hold_is_over(bench: Bench) -> None:
    """Claims are held back first, then no longer."""
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.RECONCILING
    bench.tick(WITNESS_SECONDS)


def again(bench: Bench) -> None:
    """What a worker does once its heartbeat has noticed."""
    publisher: Any = type("Publisher", (), {"wake_up": lambda *_: None})()
    Reconciliation(bench.outbox, publisher)(ALL_OF_IT)


def beats(heartbeat: Heartbeat, name: str) -> None:
    """A beat, and what it leads to."""
    heartbeat._beat(name)
    for each in threading.enumerate():
        if each.name == "new-run":
            each.join()


def committed(bench: Bench) -> None:
    """An alert is delivered."""
    bench.commit(bench.batch())


@pytest.mark.parametrize("forgotten", ["the commit", "the claim too", "the admission too"])
def test_an_alert_that_was_posted_is_known_and_not_posted_again(bench: Bench, forgotten: str) -> None:
    bench.admit("first")
    bench.commit(bench.batch())  # so that the channel is known
    bench.tick(1)
    disk = Disk(bench)
    bench.admit("a")
    if forgotten == "the claim too":
        disk = Disk(bench)
    batch = bench.batch()
    if forgotten == "the commit":
        disk = Disk(bench)
    before = bench.commit(batch).records[0]
    disk.crash()
    assert bench.records.get("a") is None
    hold_is_over(bench)
    again(bench)
    assert bench.record("a")["message_id"] == before["message_id"]
    assert bench.record("a")["admitted_at"] == before["admitted_at"]
    assert bench.outbox.depth(AlertType.GENERAL) == 0
    assert isinstance(bench.claim("a"), Completed)
    steps = explain(bench.redis, names, bench.records, "a")
    assert [steps[0].what, steps[-1].what.split(":")[0]] == ['admitted as general: "a"', "delivered"]
    bench.admit("a")  # its caller, who had no answer, raises it again
    assert bench.outbox.depth(AlertType.GENERAL) == 0
    assert bench.redis.ttl(names.notification("a")) > 0
    history = bench.redis.zrange(names.history(AlertType.GENERAL, Status.DELIVERED), 0, -1)
    assert history == ["first", "a"]


def test_without_that_it_would_be_posted_again(bench: Bench) -> None:
    """The crash of these tests is one."""
    bench.admit("a")
    disk = Disk(bench)
    bench.commit(bench.batch())
    disk.crash()
    bench.tick(WITNESS_SECONDS)
    assert [item.message.id for item in bench.batch().items] == ["a"]


def test_a_batch_that_is_under_way_is_no_other_workers_though_its_claim_is_forgotten(bench: Bench) -> None:
    bench.admit("first")
    bench.commit(bench.batch())
    bench.tick(1)
    bench.admit("a", "b")
    disk = Disk(bench)
    batch = bench.batch()
    disk.crash()
    hold_is_over(bench)
    again(bench)
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.IN_FLIGHT
    assert bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "worker") == WORKER
    assert bench.outbox.depth(AlertType.GENERAL) == 2, "each has one place"
    assert [record["id"] for record in bench.commit(batch).records] == ["a", "b"]
    assert bench.outbox.depth(AlertType.GENERAL) == 0


def test_a_batch_waits_until_the_worker_before_has_committed_again(make_bench: MakeBench) -> None:
    bench, other = make_bench(), make_bench()
    bench.admit("a")
    batch = bench.batch()
    disk = Disk(bench)
    bench.commit(batch)
    bench.tick(1)
    bench.admit("b")
    under_way = other.batch()
    disk.crash()
    bench.admit("b")
    assert not other.outbox.recent.resume(), "there, the batch of the first is still under way"
    again(bench)
    assert other.outbox.recent.resume()
    assert other.outbox.recent.resume(), "a repeat changes nothing"
    assert [record["id"] for record in other.commit(under_way).records] == ["b"]


def test_what_is_no_longer_under_way_is_not_leased_again(bench: Bench) -> None:
    bench.admit("a")
    disk = Disk(bench)
    bench.outbox.recent.ended(bench.batch())
    disk.crash()
    again(bench)
    assert bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "batch") is None


def test_what_a_forgotten_commit_had_put_back_is_free_for_the_next_claim(bench: Bench) -> None:
    bench.admit("a")
    disk = Disk(bench)
    bench.commit(bench.batch(), Deferred(0, Reason.RATE_LIMITED))
    disk.crash()
    again(bench)
    bench.tick(WITNESS_SECONDS)
    assert [item.message.id for item in bench.batch().items] == ["a"]


def test_an_answer_that_was_lost_together_with_its_claim_leaves_the_note_that_it_may_be_a_duplicate(
    bench: Bench,
) -> None:
    bench.admit("a")
    disk = Disk(bench)
    batch = bench.batch()
    disk.crash()
    bench.commit(batch, Unknown(Reason.READ_TIMEOUT), None)
    bench.tick(WITNESS_SECONDS)
    (item,) = bench.batch().items
    assert item.maybe_posted


@pytest.mark.parametrize("end", ["came back", "had ended before", "died with it"])
def test_what_a_worker_may_have_posted_that_died_with_redis_carries_the_note(bench: Bench, end: str) -> None:
    here, other, early = (Heartbeat(bench.redis, names) for _ in range(3))
    early._beat("ended long ago")
    bench.admit("first")
    committed(bench)
    bench.tick(10)
    for each, name in ((here, "here"), (other, "other")):
        each._beat(name)
    bench.admit("a")
    if end == "had ended before":
        other._name, other._pid = "other", os.getpid()
        other.leave()
    disk = Disk(bench)
    disk.crash()
    bench.tick(30)
    beats(here, "here")
    if end == "came back":
        beats(other, "other")
    hold_is_over(bench)
    bench.admit("b")
    noted = {item.message.id: item.maybe_posted for item in bench.batch().items}
    assert noted == {"a": end == "died with it", "b": False}


def test_a_worker_that_has_not_done_its_last_steps_again_is_not_back(bench: Bench) -> None:
    """Its beat has come, and the answer to it has not: it knows nothing of a new run."""
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("first")
    committed(bench)
    for each, name in ((here, "here"), (other, "other")):
        each._beat(name)
    bench.tick(1)
    bench.admit("a")
    Disk(bench).crash()
    bench.tick(1)
    beats(here, "here")
    other._reconcile = lambda *_: None  # type: ignore[method-assign]
    beats(other, "other")
    hold_is_over(bench)
    assert [item.maybe_posted for item in bench.batch().items] == [True]


def test_a_second_crash_at_once_hides_no_worker_that_died_in_the_first(bench: Bench) -> None:
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("first")
    committed(bench)
    here._beat("here")
    other._beat("other")
    bench.tick(1)
    bench.admit("a")
    Disk(bench).crash()
    bench.tick(5)
    here._beat("here")  # and no claim before it crashes again
    bench.tick(1)
    Disk(bench).crash()
    bench.tick(1)
    here._beat("here")
    hold_is_over(bench)
    assert [item.maybe_posted for item in bench.batch().items] == [True]


def test_a_worker_that_ended_before_the_clock_stepped_back_hides_none_that_died_with_redis(bench: Bench) -> None:
    here, other, early = (Heartbeat(bench.redis, names) for _ in range(3))
    early._beat("was killed before")
    bench.tick(-600)
    here._beat("here")
    other._beat("other")
    bench.admit("first")
    committed(bench)
    bench.tick(1)
    bench.admit("a")
    Disk(bench).crash()
    bench.tick(30)
    here._beat("here")
    hold_is_over(bench)
    assert [item.maybe_posted for item in bench.batch().items] == [True]


def test_a_repeated_commit_neither_moves_what_has_moved_nor_ends_the_batch_of_another(bench: Bench) -> None:
    bench.admit("a", "b")
    first = bench.batch()
    bench.commit(first)
    bench.tick(1)
    bench.admit("c")
    batch = bench.batch()
    again(bench)
    assert bench.redis.zrange(names.outbox(AlertType.GENERAL, "in_flight"), 0, -1) == ["c"]
    assert [record["id"] for record in bench.commit(batch).records] == ["c"]


def test_what_has_ended_in_the_fallbacks_outbox_meanwhile_leaves_no_place_behind(make_bench: MakeBench) -> None:
    """Another worker has committed that again before this one repeats how it got there."""
    bench = make_bench(fallback=AlertType.ERROR)
    bench.admit("a")
    batch = bench.batch()
    bench.redis.hset(names.notification("a"), "finished_at", START)
    bench.redis.hdel(names.notification("a"), "message")
    assert bench.commit(batch, Failed(Reason.BAD_GATEWAY)).records == ()
    assert bench.outbox.depth(AlertType.GENERAL) == 0


def test_the_first_claim_of_all_may_be_what_is_forgotten(bench: Bench) -> None:
    Heartbeat(bench.redis, names)._beat(WORKER)
    bench.admit("a")
    disk = Disk(bench)
    batch = bench.batch()
    disk.crash()
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.RECONCILING
    bench.commit(batch)
    bench.tick(WITNESS_SECONDS)
    assert isinstance(bench.claim("a"), Completed)


def test_a_new_redis_holds_nothing_back(bench: Bench) -> None:
    bench.redis.script_flush()
    bench.admit("a")
    assert isinstance(bench.claim(), Batch)


def test_what_is_held_back_is_neither_unknown_nor_empty(bench: Bench) -> None:
    """An alert that was sent by the task's name is admitted by the worker that finds it unknown."""
    bench.admit("a")
    committed(bench)
    bench.redis.script_flush()
    assert isinstance(bench.claim("by-name"), NotFound)
    assert isinstance(bench.claim("a"), Completed)
    bench.admit("by-name")
    held = bench.claim("by-name")
    assert isinstance(held, Throttled)
    assert (held.reason, held.wake_up is not None) == (Reason.RECONCILING, True)


def test_a_clock_that_was_set_back_holds_nothing_back(bench: Bench) -> None:
    bench.admit("a")
    committed(bench)
    bench.admit("b")
    bench.redis.script_flush()
    assert isinstance(bench.claim(), Throttled)
    bench.tick(-600)
    after = bench.claim()
    assert not (isinstance(after, Throttled) and after.reason is Reason.RECONCILING)


def test_only_the_latest_commits_are_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_steps_module, "COMMITS_MAX", 3)
    monkeypatch.setattr(recent_steps_module, "BYTES_MAX", 100)
    bench.admit("a")
    memory, batch = bench.outbox.recent, bench.batch()

    def remembered(until: float = 0) -> list[str]:
        return [each.args[0] for each in memory.commits(until)]

    for number in range(5):
        memory.committed(batch, Step(AlertType.GENERAL, [], [str(number)], at=number))
    assert remembered() == ["2", "3", "4"], "in number"
    assert remembered(until=63.5) == ["4"], "in time"
    memory.committed(batch, Step(AlertType.GENERAL, [], ["x" * 99], at=5))
    assert remembered() == ["4", "x" * 99], "in bytes"
    memory.committed(batch, Step(AlertType.GENERAL, [], ["y" * 101], at=6))
    assert remembered() == ["y" * 101], "at least one"
    memory.committed(batch, Step(AlertType.GENERAL, [], ["z"], at=7))
    memory.committed(batch, Step(AlertType.GENERAL, [], ["later"], at=68))
    assert remembered() == ["later"], "and none that would not be committed again"


def test_a_heartbeat_notices_that_the_server_is_another_one(bench: Bench) -> None:
    noticed, told = threading.Event(), []

    def on_new_run(until: float) -> None:
        told.append(until)
        noticed.set()

    heartbeat = Heartbeat(bench.redis, names, on_new_run)
    heartbeat._beat("somebody")
    bench.admit("a")
    committed(bench)
    heartbeat._beat("somebody")
    assert told == []
    known_until = heartbeat._known_until
    bench.redis.script_flush()
    bench.claim()
    heartbeat._beat("somebody")
    assert noticed.wait(10)
    until(lambda: all(each.name != "new-run" for each in threading.enumerate()), "it has told so", poll_seconds=0.01)
    heartbeat._beat("somebody")
    assert told == [pytest.approx(known_until - 2.5)], "once, and when the one before was last there"
    assert bench.redis.ttl(names.run) > 0
    assert bench.redis.ttl(names.workers) > 0
    bench.redis.delete(names.run)
    heartbeat._beat("somebody")
    assert len(told) == 1, "whoever empties the database wants it empty"


def test_each_deployment_on_a_server_notices_its_new_run(make_bench: MakeBench, bench: Bench) -> None:
    other = make_bench(key_prefix="other:")
    for each in (bench, other):
        each.admit("a")
        each.commit(each.batch())
        each.admit("b")
    bench.redis.script_flush()
    for each in (bench, other):
        held = each.claim()
        assert isinstance(held, Throttled)
        assert held.reason is Reason.RECONCILING


def test_a_deployment_is_one_database_and_one_prefix() -> None:
    places = [("redis://nowhere:1/0", ""), ("redis://nowhere:1/1", ""), ("redis://nowhere:1/0", "other:")]
    marked = {ServerRun(connect(url, 1), Keys(prefix or DEFAULT_KEY_PREFIX)).marked("x") for url, prefix in places}
    assert len(marked) == len(places)
