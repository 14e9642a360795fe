"""One record: the outbox stores what Celery's own backend would store, and every part reads it."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery, states
from celery.app.task import Context
from celery.result import AsyncResult

from notifier.errors import DeliveryFailed, NotDelivered
from notifier.gate.gate import GATE_SCRIPTS, lease_seconds
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import digest as digest_module
from notifier.outbox import records as records_module
from notifier.outbox.batch_result import EVENT_DETAIL_CHARACTERS
from notifier.outbox.digest import Digests
from notifier.outbox.record import Record, as_result, iso, not_delivered
from notifier.outcome import Deferred, Failed, Reason, Rejected, Status, Unknown
from notifier.storage.keys import DEAD_LETTER_LIFE_SECONDS
from notifier.storage.scripts import script
from tests.integration.conftest import CLOCK, START, Bench, MakeBench, by_test_clock
from tests.integration.lua import run_lua
from tests.names import names


@pytest.fixture
def app(redis_url: str) -> Celery:
    """A bare Celery application."""
    return Celery("any", broker=redis_url, backend=redis_url, set_as_current=False)


def end(bench: Bench, how: str) -> Record:
    """An alert that ends in one of the ways in which a record is written; its id is ``how``."""
    message = NotificationMessage(id=how, title="Größe 🔥", metadata={"at": 1.5, "none": None, "list": []})
    match how:
        case "delivered":
            bench.outbox.admit(message)
            bench.commit(bench.batch())
        case "dead":
            bench.outbox.admit(message)
            bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, "embeds.0"))
        case "folded":
            assert Digests(bench.redis, bench.settings.model_copy(update={"queue_size": 0})).fold(message) == "folded"
        case "refused":
            bench.records.refuse(message, Status.QUEUE_FULL, "queue_full", "no room")
    return bench.record(how)


WAYS = ("delivered", "dead", "folded", "refused")


@pytest.mark.parametrize("how", WAYS)
def test_it_says_what_celerys_own_backend_would_store(bench: Bench, app: Celery, how: str) -> None:
    record = end(bench, how)
    ours = bench.redis.get(names.result(how))
    assert ours is not None
    assert names.result(how) == app.backend.get_key_for_task(how).decode()
    bench.redis.delete(names.result(how))
    request = Context(id=how, children=[])  # as inside a task
    if record["status"] in ("delivered", "folded"):
        app.backend.store_result(how, record, states.SUCCESS, request=request)
    else:
        app.backend.store_result(how, not_delivered(record), states.FAILURE, request=request)
    theirs = bench.redis.get(names.result(how))
    assert theirs is not None
    done = json.loads(theirs)["date_done"]
    assert json.loads(ours)["date_done"] == record["finished_at"]
    assert json.loads(ours) == json.loads(theirs.replace(done, record["finished_at"]))
    assert len(ours) < len(theirs), "without spaces"
    assert ours == as_result(record), "the adoption of 0.1's records writes the same"
    assert bench.redis.ttl(names.result(how)) > 0


@pytest.mark.parametrize("how", WAYS)
def test_a_caller_that_waits_for_the_result_gets_it_at_once(bench: Bench, app: Celery, how: str) -> None:
    told: list[object] = []
    result = AsyncResult(how, app=app)
    waiting = threading.Thread(target=lambda: told.append(result.get(timeout=30, propagate=False)))
    waiting.start()
    while not bench.redis.pubsub_numsub(names.result(how))[0][1]:
        pass
    record = end(bench, how)
    waiting.join(30)
    assert [getattr(each, "record", each) for each in told] == [record]
    assert isinstance(told[0], NotDelivered) is (how in ("dead", "refused"))


def test_a_record_that_was_answered_and_one_that_is_read_are_the_same(bench: Bench) -> None:
    bench.admit("a")
    (answered,) = bench.commit(bench.batch()).records
    assert answered == bench.record("a")
    assert not bench.redis.hexists(names.notification("a"), "message"), "stored once"


@pytest.mark.parametrize("attempts", [3, 0], ids=["an attempt is left", "an outage uses up none"])
def test_between_two_attempts_the_result_is_a_retry_that_lives_as_long_as_the_alert(
    make_bench: MakeBench, app: Celery, attempts: int
) -> None:
    bench = make_bench(retry_attempts=attempts)
    bench.admit("a")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), None)
    result = AsyncResult("a", app=app)
    assert (result.state, type(result.result), result.result.args) == ("RETRY", DeliveryFailed, ("bad_gateway", 2))
    assert bench.redis.ttl(names.result("a")) == pytest.approx(bench.redis.ttl(names.notification("a")), abs=5)


def test_each_says_how_many_others_were_in_its_request(bench: Bench) -> None:
    bench.admit("a", "b", "c")
    assert [each["carried_with"] for each in bench.commit(bench.batch()).records] == [2, 2, 2]


def test_each_claim_is_an_event_also_one_whose_worker_was_lost(bench: Bench) -> None:
    bench.admit("a", "b")
    bench.batch()
    bench.tick(lease_seconds(bench.settings) + 1)
    bench.commit(bench.batch(), Unknown(Reason.WORKER_LOST), None)
    bench.tick(3)
    bench.commit(bench.batch(), Deferred(1, Reason.RATE_LIMITED), None)
    bench.tick(3)
    bench.commit(bench.batch())
    events = json.loads(str(bench.redis.hget(names.notification("a"), "trail")))
    first = ["batch", "abandoned", "retry_later"]
    assert [each["step"] for each in events] == [*first, "batch", "requeue", "batch", "complete"]
    assert [each["with"] for each in events if "with" in each] == [1, 1, 1, 1]


def test_an_event_keeps_the_beginning_of_what_discord_said(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, "x" * 5_000))
    *_, event = json.loads(str(bench.redis.hget(names.notification("a"), "trail")))
    assert event["detail"] == "x" * EVENT_DETAIL_CHARACTERS


def test_a_dead_letters_record_lives_as_long_as_the_letter(bench: Bench) -> None:
    end(bench, "delivered")
    bench.tick(1)
    end(bench, "dead")
    lives = [bench.redis.ttl(names.result(each)) for each in ("delivered", "dead")]
    assert lives[0] <= bench.settings.history_days * 86_400 < lives[1]
    assert lives[1] == pytest.approx(bench.redis.ttl(names.dead_letters(AlertType.GENERAL)), abs=5)


def kill(bench: Bench, *ids: str) -> None:
    """Alerts that Discord rejects, a second apart."""
    for each in ids:
        bench.outbox.admit(NotificationMessage(id=each, title=each))
        bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD))
        bench.tick(1)


def test_a_dead_letter_that_is_dropped_for_newer_ones_stays_in_the_history_for_its_time(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "DEAD_LETTERS_MAX", 2)
    bench = make_bench()
    kill(bench, "first", "second", "third")
    assert bench.redis.zrange(names.dead_letters("general"), 0, -1) == ["second", "third"]
    history_life = bench.settings.history_days * 86_400
    for key in (names.result("first"), names.notification("first")):
        assert 0 < bench.redis.ttl(key) <= history_life < bench.redis.ttl(names.result("second"))
    assert bench.redis.hget(names.troubles, "dead_letters_dropped|general|") == "1"


def test_a_dead_letter_older_than_its_life_is_no_longer_listed(bench: Bench) -> None:
    kill(bench, "old")
    bench.tick(DEAD_LETTER_LIFE_SECONDS)
    kill(bench, "young")
    assert bench.redis.zrange(names.dead_letters("general"), 0, -1) == ["young"]


def test_a_dead_letter_outlives_its_celery_result(bench: Bench, app: Celery) -> None:
    kill(bench, "dead")
    record = bench.record("dead")
    AsyncResult("dead", app=app).forget()
    assert bench.redis.exists(names.result("dead")) == 0
    assert bench.record("dead") == record
    assert record["message"]["title"] == "dead"


def test_an_alert_that_was_refused_and_is_folded_then_has_one_record_in_one_index(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "REFUSED_MAX", 2)
    bench = make_bench(queue_size=0)
    message = NotificationMessage(id="x", title="x")
    for status in (Status.REJECTED, Status.QUEUE_FULL):
        bench.records.refuse(message, status, "queue_full", "no room")
        assert bench.redis.zcard(names.history("general")) == 1
    assert Digests(bench.redis, bench.settings).fold(message) == "folded"
    counts = {status: bench.redis.zcard(names.history("general", status)) for status in Status}
    assert {status for status, count in counts.items() if count} == {Status.FOLDED}
    assert bench.redis.exists(names.refused(AlertType.GENERAL)) == 0
    for number in range(3):  # the bound on refusals must not delete it
        bench.records.refuse(NotificationMessage(id=f"r{number}", title="r"), Status.QUEUE_FULL, "queue_full", "")
    assert bench.record("x")["status"] == "folded"


def test_text_that_looks_like_a_pattern_stays_as_it_is(bench: Bench) -> None:
    text = "%1 %% ([a-z]) 00000000000000000000000000000000 \\u0000"
    bench.outbox.admit(NotificationMessage(id="odd", title=text, message=text))
    bench.commit(bench.batch())
    record = bench.record("odd")
    assert (record["message"]["title"], record["message"]["message"]) == (text, text)


def test_a_refused_alert_that_is_admitted_after_all_has_no_record_until_it_ends(bench: Bench) -> None:
    message = NotificationMessage(id="stubborn", title="stubborn")
    bench.records.refuse(message, Status.QUEUE_FULL, "queue_full", "no room")
    assert bench.record("stubborn")["status"] == "queue_full"
    bench.outbox.admit(message)
    assert bench.records.get("stubborn") is None, "whoever waits must not be answered with the refusal"
    for key in (names.history("general"), names.history("general", "queue_full"), names.refused(AlertType.GENERAL)):
        assert bench.redis.zcard(key) == 0
    bench.commit(bench.batch())
    assert bench.record("stubborn")["status"] == "delivered"


def test_a_refusal_never_replaces_what_was_admitted(bench: Bench) -> None:
    bench.admit("waits")
    bench.records.refuse(NotificationMessage(id="waits", title="waits"), Status.QUEUE_FULL, "queue_full", "no room")
    assert bench.records.get("waits") is None
    bench.commit(bench.batch())
    bench.records.refuse(NotificationMessage(id="waits", title="waits"), Status.QUEUE_FULL, "queue_full", "no room")
    assert bench.record("waits")["status"] == "delivered"


def test_one_that_was_refused_and_is_a_dead_letter_then_is_one_only(bench: Bench) -> None:
    message = NotificationMessage(id="a", title="a")
    bench.records.refuse(message, Status.QUEUE_FULL, "queue_full", "no room")
    assert bench.records.bury(message, Status.REJECTED, "invalid_message", "wrong", given="{}")
    assert bench.redis.zrange(names.refused("general"), 0, -1) == []
    assert bench.redis.zrange(names.history("general", "queue_full"), 0, -1) == []
    assert bench.redis.ttl(names.result("a")) == pytest.approx(DEAD_LETTER_LIFE_SECONDS, abs=5)


def test_refusals_are_bounded_and_the_oldest_are_forgotten(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "REFUSED_MAX", 3)
    bench = make_bench()
    for number in range(5):
        bench.records.refuse(NotificationMessage(id=f"r{number}", title="r"), Status.REJECTED, "invalid_message", "")
        bench.tick(1)
    assert [bench.records.get(f"r{number}") is None for number in range(5)] == [True, True, False, False, False]
    for key in (names.history("general"), names.history("general", "rejected"), names.refused(AlertType.GENERAL)):
        assert bench.redis.zrange(key, 0, -1) == ["r2", "r3", "r4"]


def test_what_is_older_than_the_history_leaves_every_index(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(history_days=1)
    monkeypatch.setattr(records_module, "clock", lambda client: int(str(client.get(CLOCK))))
    end(bench, "delivered")
    bench.tick(86_399)
    bench.records.prune()
    assert bench.redis.zcard(names.history("general")) == 1
    bench.tick(2)
    bench.records.prune()
    assert [bench.redis.zcard(names.history("general", each)) for each in ("", "delivered")] == [0, 0]


def test_times_are_written_as_python_writes_them(bench: Bench) -> None:
    moments = [
        0,
        1,
        951_782_399_999_999,
        951_782_400_000_000,
        4_107_542_400_000_000,
        2**53 - 1,
        START,
    ]  # beyond 2^53 Lua has no whole numbers
    chosen = random.Random(7)
    moments += [chosen.randrange(2**53) for _ in range(300)]
    told = run_lua(
        bench.redis,
        script(*GATE_SCRIPTS, "outbox/known.lua", "outbox/record.lua"),
        "local told = {} for _, us in ipairs(ARGV) do table.insert(told, iso_time(tonumber(us))) end return told",
        args=moments,
    )
    expected = [(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)) for us in moments]
    assert told == [each.isoformat(timespec="microseconds") for each in expected]
    assert told == [iso(us) for us in moments]


@pytest.fixture(autouse=True)
def digest_by_test_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folding uses the test's clock as well."""
    monkeypatch.setattr(digest_module, "script", by_test_clock)


@pytest.mark.parametrize(
    "stored", ["pickled", "5", "null", "[]", '"x"', "{}", '{"status": "STARTED"}', "[" * 1_100 + "]" * 1_100]
)
def test_a_result_of_another_task_under_the_same_id_is_no_record_and_in_nobodys_way(bench: Bench, stored: str) -> None:
    bench.redis.set(names.result("a"), stored, ex=60)
    assert bench.records.get("a") is None
    assert bench.withdrawals.withdraw("a") == "not_found"
    bench.admit("a")
    bench.commit(bench.batch())
    assert bench.record("a")["status"] == "delivered"
