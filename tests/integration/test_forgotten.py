"""A Redis that was restarted, or has taken over, may have forgotten its last second: that is done again."""

import os
import pickle
import random
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations.explain import explain
from notifier.outbox import digest as digest_module
from notifier.outbox import recent_steps as recent_steps_module
from notifier.outbox.claim import Batch, ClaimRequest, Completed, NotFound, Throttled
from notifier.outbox.digest import Digests
from notifier.outbox.heartbeat import Heartbeat
from notifier.outbox.recent_steps import Step
from notifier.outbox.server_run import ServerRun
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.outcome import Answer, Deferred, Delivered, Failed, Reason, Scope, Status, Unknown, WebhookInfo
from notifier.storage.connection import connect
from notifier.storage.keys import DEFAULT_KEY_PREFIX, Keys
from notifier.webhook import Webhook
from notifier.worker.delivery import DeliveryWorker
from notifier.worker.reconciliation import Reconciliation
from tests.integration.conftest import CLOCK, ROOMY, SECOND, START, WEBHOOK, WORKER, Bench, MakeBench, by_test_clock
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


class Crashing:
    """Discord; the disk has what Redis holds as Get Webhook is asked, and no later step."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.asked = 0

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """Its channel."""
        self.disk = Disk(self._bench)
        self.asked += 1
        return WebhookInfo(Answer(Delivered(None, None), ROOMY, 200), "2" + webhook.id[1:], "3", "Fake")

    def execute(self, *_: Any) -> Answer:
        """A post."""
        return Answer(Delivered("900", "2000000000000000001"), ROOMY, 200)


@pytest.mark.parametrize("next_of", [AlertType.GENERAL, AlertType.ERROR])
def test_a_look_up_of_a_webhook_that_has_ended_holds_nothing_though_redis_has_forgotten_that(
    make_bench: MakeBench, next_of: AlertType
) -> None:
    bench, other = make_bench(), make_bench()
    Heartbeat(bench.redis, names)._beat(WORKER)
    bench.admit("a")
    discord, nothing = Crashing(bench), cast("Any", lambda *_: None)
    pulse = cast("Any", SimpleNamespace(known=True, worker=lambda: WORKER))
    settings = bench.settings.model_copy(update={"webhooks": dict.fromkeys(AlertType, WEBHOOK)})
    worker = DeliveryWorker(bench.outbox, pulse, bench.gate, cast("Any", discord), settings, nothing)
    worker.deliver(ClaimRequest(AlertType.GENERAL))
    discord.disk.crash()
    bench.admit("b", alert_type=next_of)
    hold_is_over(bench)
    again(bench)
    bench.tick(1)
    held = other.claim(alert_type=next_of)
    assert isinstance(held, Throttled)
    assert held.reason is Reason.FETCHING_WEBHOOK, "for all that another worker knows it is under way"
    worker.deliver(ClaimRequest(next_of))
    assert bench.record("b")["status"] == Status.DELIVERED
    assert discord.asked == 2, "what it told is forgotten"


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


def test_a_commit_that_is_repeated_sends_the_wake_up_for_what_waits(bench: Bench) -> None:
    bench.admit("a")
    disk = Disk(bench)
    bench.commit(bench.batch(), Deferred(0, Reason.RATE_LIMITED))
    disk.crash()
    (wake_up,) = bench.outbox.commit_again(ALL_OF_IT)
    bench.tick(WITNESS_SECONDS)
    assert isinstance(bench.claim(wake_up=wake_up.token), Batch)
    assert bench.redis.get(names.outbox(AlertType.GENERAL, "wake_up")) is None, "it is that one, and has come"


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


@pytest.mark.parametrize("end", ["came back", "had ended before", "died with it", "had stood still before"])
def test_what_a_worker_may_have_posted_that_died_with_redis_carries_the_note(bench: Bench, end: str) -> None:
    here, other, early = (Heartbeat(bench.redis, names) for _ in range(3))
    early._beat("ended long ago")
    bench.admit("first")
    committed(bench)
    bench.tick(60)
    other._beat("other")
    if end == "had stood still before":  # what it claimed as it went on is forgotten together with its beat
        bench.tick(10)
    here._beat("here")
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
    assert noted == {"a": end in ("died with it", "had stood still before"), "b": False}


def test_what_a_living_worker_puts_back_afterwards_carries_no_note(bench: Bench) -> None:
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("a")
    other._beat("other")  # it dies with Redis
    here._beat("here")
    batch = bench.batch()
    Disk(bench).crash()
    bench.tick(1)
    beats(here, "here")
    hold_is_over(bench)
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.IN_FLIGHT
    bench.commit(batch, Deferred(0, Reason.RATE_LIMITED))
    bench.tick(1)
    assert [item.maybe_posted for item in bench.batch().items] == [False]


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


def one_dies_with_redis_while_an_alert_waits(bench: Bench) -> Heartbeat:
    """The alert is "a". Returns the heartbeat of the worker that lives; its next beat comes after five seconds."""
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("first")
    committed(bench)
    here._beat("here")
    other._beat("other")
    bench.tick(1)
    bench.admit("a")
    Disk(bench).crash()
    bench.tick(5)
    return here


def test_a_second_crash_at_once_hides_no_worker_that_died_in_the_first(bench: Bench) -> None:
    here = one_dies_with_redis_while_an_alert_waits(bench)
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


@pytest.mark.parametrize("seconds", [0.5, 1, 60])
def test_a_step_back_of_the_clock_hides_none_that_died_with_redis(bench: Bench, seconds: float) -> None:
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("first")
    committed(bench)
    bench.tick(60)
    here._beat("here")
    other._beat("other")
    bench.admit("a")
    disk = Disk(bench)
    bench.tick(-seconds)
    disk.crash()
    beats(here, "here")
    hold_is_over(bench)
    batch = bench.batch()
    assert [item.maybe_posted for item in batch.items] == [True]
    bench.commit(batch)
    bench.tick(1)
    bench.admit("b")
    assert [item.maybe_posted for item in bench.batch().items] == [False]


def one_dies_with_redis(bench: Bench) -> None:
    """Two workers have lived until now; Redis crashes, and one of them is heard of again."""
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    here._beat("here")
    other._beat("other")
    Disk(bench).crash()
    bench.tick(1)
    beats(here, "here")
    hold_is_over(bench)


def test_a_step_back_before_the_last_beats_hides_none_that_died_with_redis(bench: Bench) -> None:
    bench.tick(60)
    bench.admit("first")
    committed(bench)
    bench.admit("a")
    bench.tick(-60)
    one_dies_with_redis(bench)
    assert [item.maybe_posted for item in bench.batch().items] == [True]


def test_a_step_back_that_its_outbox_has_not_seen_hides_none_that_died_with_redis(bench: Bench) -> None:
    bench.admit("first")
    committed(bench)
    bench.tick(120)
    bench.admit("a")
    bench.tick(-60)
    one_dies_with_redis(bench)
    bench.admit("b")
    noted = {item.message.id: item.maybe_posted for item in bench.batch().items}
    assert noted == {"a": True, "b": False}


def test_the_note_makes_no_hash_without_a_life_of_one_whose_text_is_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    bench.admit("first")
    committed(bench)
    bench.tick(60)
    here._beat("here")
    other._beat("other")
    bench.admit("a")
    bench.redis.delete(names.notification("a"))
    disk = Disk(bench)
    bench.tick(-30)
    disk.crash()
    beats(here, "here")
    hold_is_over(bench)
    monkeypatch.setattr(bench.outbox, "_forgotten", None)  # the worker is killed before it buries it
    with pytest.raises(AttributeError):
        bench.claim()
    assert not bench.redis.exists(names.notification("a"))


@pytest.mark.parametrize("forgotten", ["nothing", "the commit", "the claim", "both"])
def test_a_request_whose_claim_redis_forgets_counts_in_the_windows_once(make_bench: MakeBench, forgotten: str) -> None:
    bench = make_bench(rate_limit_per_minute=2)
    bench.admit("first")
    committed(bench)
    bench.tick(61)
    bench.admit("a", "b", "c", message="x" * 5_000)
    disk = Disk(bench)
    batch = bench.batch()
    if forgotten == "the commit":
        disk = Disk(bench)
    if forgotten != "the claim":
        bench.commit(batch)
    if forgotten != "nothing":
        disk.crash()
        hold_is_over(bench)
    again(bench)
    if forgotten == "the claim":
        bench.commit(batch)
        again(bench)
    channel = f"{names.channel_prefix}2{WEBHOOK.id[1:]}"
    assert bench.redis.pttl(channel) > 60_000
    bench.tick(1)
    committed(bench)
    now = int(str(bench.redis.get(CLOCK)))
    assert bench.redis.zcount(channel, now - 60 * SECOND, "+inf") == 2
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.CONFIGURED_LIMIT


def test_a_repeated_commit_counts_its_request_no_longer(make_bench: MakeBench) -> None:
    bench = make_bench(rate_limit_per_minute=1)
    bench.admit("a")
    committed(bench)
    bench.tick(30)
    again(bench)
    bench.tick(30)
    bench.admit("b")
    committed(bench)
    bench.tick(61)
    bench.redis.delete(names.gate(WEBHOOK.id, "sent"))
    again(bench)
    bench.admit("c")
    assert isinstance(bench.claim(), Batch)


@pytest.mark.parametrize("end", ["is committed again", "was posted by one that died with it", "was not posted"])
def test_a_digest_that_may_be_posted_once_more_says_so(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    bench = make_bench(queue_size=1)
    here, other = (Heartbeat(bench.redis, names) for _ in range(2))
    digests = Digests(bench.redis, bench.settings)
    bench.admit("first")
    digests.fold(NotificationMessage(title="folded", alert_type=AlertType.GENERAL))
    committed(bench)
    here._beat("here")
    other._beat("other")
    disk = Disk(bench)
    bench.tick(1)
    assert digests.admit(AlertType.GENERAL)
    if end == "is committed again":
        committed(bench)
    disk.crash()
    bench.tick(1)
    beats(here, "here")
    if end != "was posted by one that died with it":
        beats(other, "other")
    assert not digests.admit(AlertType.GENERAL), "it may be committed again"
    hold_is_over(bench)
    if end == "is committed again":
        again(bench)
    assert digests.admit(AlertType.GENERAL)
    assert [item.maybe_posted for item in bench.batch().items] == [end != "was not posted"]


def test_a_request_that_was_never_made_is_not_counted_by_a_repeated_commit(make_bench: MakeBench) -> None:
    bench = make_bench(rate_limit_per_minute=1)
    bench.admit("first")
    committed(bench)
    bench.tick(61)
    bench.admit("a")
    disk = Disk(bench)
    bench.commit(bench.batch(), Deferred(0, Reason.NO_NETWORK, Scope.MACHINE), None)
    disk.crash()
    hold_is_over(bench)
    again(bench)
    assert isinstance(bench.claim(), Batch)


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


def noise(count: int) -> str:
    """A text that takes ``count`` bytes and some more, as small as it can be made."""
    return random.Random(count).randbytes(count).hex()


def test_only_the_latest_commits_are_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_steps_module, "COMMITS_MAX", 3)
    monkeypatch.setattr(recent_steps_module, "BYTES_MAX", 1_000)
    bench.admit("a")
    memory, batch = bench.outbox.recent, bench.batch()

    def remembered(until: float = 0) -> list[str]:
        return [each.args[0] for each in memory.commits(until)]

    for number in range(5):
        memory.committed(batch, Step(AlertType.GENERAL, [], [str(number)], at=number))
    assert remembered() == ["2", "3", "4"], "in number"
    assert remembered(until=63.5) == ["4"], "in time"
    memory.committed(batch, Step(AlertType.GENERAL, [], [noise(510)], at=5))
    assert remembered() == ["3", "4", noise(510)], "as much as fits"
    memory.committed(batch, Step(AlertType.GENERAL, [], [noise(520)], at=5))
    assert remembered() == [noise(520)], "in bytes"
    memory.committed(batch, Step(AlertType.GENERAL, [], [noise(1_001)], at=6))
    assert remembered() == [noise(1_001)], "at least one"
    memory.committed(batch, Step(AlertType.GENERAL, [], ["z"], at=7))
    memory.committed(batch, Step(AlertType.GENERAL, [], ["later"], at=68))
    assert remembered() == ["later"], "and none that would not be committed again"


def test_what_is_remembered_is_what_was_sent_in_a_part_of_its_size(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, commit = [], bench.outbox._commit

    def noted(keys: list[str], args: list[str]) -> object:
        sent.append((keys, args))
        return commit(keys=keys, args=args)

    monkeypatch.setattr(bench.outbox, "_commit", noted)
    for first in "abc":
        bench.admit(*(f"{first}{number}" for number in range(10)), message="Größe\0\n\N{SNOWMAN} " + "x" * 200)
        committed(bench)
        bench.tick(3)
    memory = bench.outbox.recent
    assert [(each.keys, each.args) for each in memory.commits(0)] == sent
    assert [len(args) for _, args in sent] == [11] * 3
    assert len(pickle.dumps(memory._commits)) < len(pickle.dumps(sent)) / 3


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


def test_a_new_run_is_told_once_however_soon_its_thread_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    heartbeat = Heartbeat(bench.redis, names, told.append)
    heartbeat._beat("somebody")
    bench.redis.script_flush()
    bench.claim()
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.run)
    heartbeat._beat("somebody")
    assert len(told) == 1


def test_what_a_disk_handed_over_since_was_posted_by_nobody(bench: Bench) -> None:
    here = one_dies_with_redis_while_an_alert_waits(bench)
    here._beat("here")
    bench.tick(1)
    bench.outbox.admit(NotificationMessage(id="of-a-disk", title="of a disk"), spooled_seconds=3_600)
    hold_is_over(bench)
    assert {item.message.id: item.maybe_posted for item in bench.batch().items} == {"a": True, "of-a-disk": False}


def test_a_batch_whose_commit_comes_meanwhile_is_not_leased_again(bench: Bench) -> None:
    """Else its outbox stood still until the end of that lease: nobody commits it a second time."""
    bench.admit("a")
    batch, memory = bench.batch(), bench.outbox.recent
    under_way = dict(memory._under_way)
    bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    memory._under_way.update(under_way)  # as they were when it began to ask
    assert memory.resume()
    bench.tick(3)
    assert bench.batch().messages[0].title == "a"
