"""An alert that a later version has stored is left to its workers; what nobody can read keeps every byte."""

import json
from typing import Any

import pytest

from notifier.cli.output import print_records
from notifier.errors import InvalidMessage
from notifier.models import AlertType, NotificationMessage
from notifier.operations import dead_letters as dead_letters_module
from notifier.operations.dead_letters import DeadLetters
from notifier.operations.history import NotificationHistory
from notifier.outbox import admission as admission_module
from notifier.outbox import payload
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import LEAVE_SECONDS, ClaimRequest, Throttled
from notifier.outbox.step_arguments import StepArguments
from notifier.outcome import Answer, Deferred, Delivered, Reason
from notifier.worker.delivery import DeliveryWorker
from tests.integration.conftest import ROOMY, START, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names

GENERAL = AlertType.GENERAL
LATER = payload.PAYLOAD_VERSION + 1


class Discord:
    """Takes everything."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def execute(self, _: object, request: Any) -> Answer:
        """Delivered."""
        self.requests.append(request)
        return Answer(Delivered("900", "2000000000000000001"), ROOMY, 200)


class Pulse:
    """A heartbeat."""

    known = True

    def worker(self) -> str:
        """Its name."""
        return WORKER


def worker_of(bench: Bench) -> DeliveryWorker:
    """One of this version."""
    discord: Any = Discord()
    pulse: Any = Pulse()
    return DeliveryWorker(bench.outbox, pulse, bench.gate, discord, bench.settings, lambda *_: None)


def deliver(bench: Bench, times: int = 1) -> list[object]:
    """What a worker of this version does."""
    worker = worker_of(bench)
    ends: list[object] = []
    for _ in range(times):
        ends.append(worker.deliver(ClaimRequest(GENERAL)))
        bench.tick(1)
    return ends


@pytest.fixture
def here(make_bench: MakeBench) -> Bench:
    """Workers that have a webhook, whose channel is known."""
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, history_days=1)
    bench.admit("first")
    bench.commit(bench.batch())
    bench.tick(1)
    return bench


def from_the_future(bench: Bench, *ids: str, version: int = LATER, text: str | None = None) -> None:
    """Alerts as a later version stores them."""
    bench.admit(*ids)
    for each in ids:
        stored = text or json.dumps({"id": each, "title": each, "from_the_future": "🔥" * 4_000})
        bench.redis.hset(names.notification(each), mapping={"version": version, "message": stored})


def upgrade(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """From here on the workers are of the later version."""

    class Later(NotificationMessage):
        from_the_future: str = ""

    monkeypatch.setattr(payload, "NotificationMessage", Later)
    for module in (payload, admission_module):
        monkeypatch.setattr(module, "PAYLOAD_VERSION", LATER)
    monkeypatch.setattr(bench.outbox, "_arguments", StepArguments(bench.settings, version=LATER))


def waiting(bench: Bench) -> list[str]:
    """The ids that wait, in order."""
    return list(bench.redis.zrange(names.outbox(GENERAL, "waiting"), 0, -1))


@pytest.mark.parametrize("newer", [1, 25])
def test_what_is_newer_keeps_its_place_and_holds_up_nothing_behind_it(
    here: Bench, newer: int, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [f"newer-{number:02}" for number in range(newer)]
    from_the_future(here, *ids)
    here.admit("a", "b")
    worker = worker_of(here)
    end = worker.deliver(ClaimRequest(GENERAL))
    assert [each for each in caplog.messages if "later version" in each], (
        "said at once, not only when nothing else waits"
    )
    here.tick(1)
    after = worker.deliver(ClaimRequest(GENERAL))
    assert len([each for each in caplog.messages if "later version" in each]) == 1, "and once"
    assert isinstance(end, BatchResult)
    assert [record["id"] for record in end.records] == ["a", "b"]
    assert isinstance(after, Throttled)
    assert (after.reason, after.wait_seconds) == (Reason.NEWER_VERSION, 1)
    assert here.redis.get(names.outbox(GENERAL, "wake_up")), "somebody looks again"
    assert waiting(here) == ids
    assert here.redis.hget(names.troubles, "newer|general|") == str(newer), "told once of each"
    events = json.loads(here.redis.hget(names.notification(ids[0]), "trail") or "")
    assert [(event["step"], event["reason"]) for event in events] == [("requeue", "newer_version")]


def test_of_many_behind_what_is_newer_the_first_go_first(here: Bench) -> None:
    from_the_future(here, *(f"newer-{number:02}" for number in range(12)))
    ids = [f"{number:02}" for number in range(15)]
    here.admit(*ids)
    assert [each.id for each in here.batch().messages] == ids[:10]


def test_a_worker_that_can_read_it_takes_it_in_its_order(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    here.admit("a")
    from_the_future(here, "b")
    here.admit("c")
    (first,) = deliver(here)
    assert isinstance(first, BatchResult)
    assert [record["id"] for record in first.records] == ["a", "c"]
    here.admit("d")
    upgrade(monkeypatch, here)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    assert [record["id"] for record in end.records] == ["b", "d"]
    assert {record["status"] for record in end.records} == {"delivered"}


def test_what_is_newer_without_saying_so_is_left_as_well(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that this version does not know: nothing is sent with it, and only it stays behind."""
    here.admit("a")
    from_the_future(here, "odd", version=1)
    here.admit("b")
    first, end, after = deliver(here, 3)
    assert isinstance(first, BatchResult)
    assert first.records == (), "nothing was sent"
    assert isinstance(end, BatchResult)
    assert [record["id"] for record in end.records] == ["a", "b"]
    assert isinstance(after, Throttled)
    assert here.redis.hget(names.troubles, "newer|general|") == "1"
    upgrade(monkeypatch, here)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    assert [(record["id"], record["attempts"]) for record in end.records] == [("odd", 1)], "no attempt was spent"


@pytest.mark.parametrize("text", ['{"title": "cut o', "[1]", ""])
def test_what_is_no_message_of_any_version_is_a_dead_letter_at_once_and_whole(here: Bench, text: str) -> None:
    here.admit("broken", "a")
    here.redis.hset(names.notification("broken"), "message", text)
    first, end = deliver(here, 2)
    assert isinstance(first, BatchResult)
    assert [(record["id"], record["status"], record["reason"]) for record in first.records] == [
        ("broken", "rejected", "invalid_message")
    ]
    assert isinstance(end, BatchResult)
    assert [record["id"] for record in end.records] == ["a"]
    assert here.redis.hget(names.notification("broken"), "original") == text


def test_what_nobody_can_read_is_a_dead_letter_in_the_end_keeps_every_byte_and_replays_once_a_worker_can(
    here: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_the_future(here, "b")
    stored = here.redis.hget(names.notification("b"), "message")
    deliver(here)
    here.tick(LEAVE_SECONDS - 2)
    assert isinstance(deliver(here)[0], Throttled)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    (dead,) = end.records
    assert (dead["status"], dead["reason"], dead["success"]) == ("rejected", "newer_version", False)
    assert here.redis.hget(names.notification("b"), "original") == stored
    assert here.redis.hget(names.notification("b"), "message") is None
    assert here.redis.ttl(names.notification("b")) > 29 * 86_400

    letters = dead_letters(here)
    assert [each["id"] for each in letters.list()] == ["b"]
    with pytest.raises(InvalidMessage, match="from_the_future"):
        letters.replay("b")
    assert [each["id"] for each in letters.list()] == ["b"], "it stays"
    upgrade(monkeypatch, here)
    monkeypatch.setattr(dead_letters_module, "NotificationMessage", payload.NotificationMessage)
    new_id = letters.replay("b")
    here.tick(1)
    (sent,) = deliver(here)
    assert isinstance(sent, BatchResult)
    (record,) = sent.records
    assert (record["id"], record["message"]["title"]) == (new_id, "b")
    assert record["message"]["from_the_future"] == "🔥" * 4_000


def test_without_the_field_that_is_not_known_it_replays_here_as_well(here: Bench) -> None:
    from_the_future(here, "b")
    deliver(here)
    here.tick(LEAVE_SECONDS)
    deliver(here)
    new_id = dead_letters(here).replay("b", {"from_the_future": None})
    (sent,) = deliver(here)
    assert isinstance(sent, BatchResult)
    assert [(record["id"], record["message"]["title"]) for record in sent.records] == [(new_id, "b")]


def test_an_older_worker_that_takes_over_a_batch_marks_what_it_cannot_read(
    here: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker, of the later version, died with the request under way."""
    here.admit("a")
    from_the_future(here, "b")
    from_the_future(here, "c", text='{"title": "means something else by now"}')
    with monkeypatch.context() as later:
        upgrade(later, here)
        here.batch()
    here.tick(60)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    assert {d.item.message.id: d.action for d in end.dispositions} == {"a": "retry_later", "b": "leave", "c": "leave"}
    assert {here.redis.hget(names.notification(each), "unknown") for each in ("a", "b", "c")} == {"worker_lost"}
    assert waiting(here) == ["b", "c"]


@pytest.mark.parametrize("blocked", ["expired", "webhook_not_configured"])
def test_whatever_else_ends_it_here_every_byte_is_kept(make_bench: MakeBench, here: Bench, blocked: str) -> None:
    from_the_future(here, "b", version=1)
    stored = here.redis.hget(names.notification("b"), "message")
    if blocked == "expired":
        here.tick(here.settings.expire_seconds + 1)
    else:
        here = make_bench(webhooks={}, undeliverable_seconds=0)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    assert [record["reason"] for record in end.records] == [blocked]
    assert here.redis.hget(names.notification("b"), "original") == stored


def test_the_hour_begins_anew_once_a_worker_could_read_it(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from_the_future(here, "b")
    deliver(here)
    here.tick(LEAVE_SECONDS)
    with monkeypatch.context() as later:
        upgrade(later, here)
        here.commit(here.batch(), Deferred(0, Reason.RATE_LIMITED))
    (end,) = deliver(here)
    assert isinstance(end, Throttled)


def test_the_hour_is_no_longer_if_the_clock_steps_back(here: Bench) -> None:
    from_the_future(here, "b")
    deliver(here)
    here.tick(-10 * LEAVE_SECONDS)
    assert isinstance(deliver(here)[0], Throttled)
    here.tick(LEAVE_SECONDS)
    (end,) = deliver(here)
    assert isinstance(end, BatchResult)
    assert [record["reason"] for record in end.records] == ["newer_version"]


def test_a_new_field_makes_newer_only_the_alerts_that_have_it(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "SINCE", {"username": 7, "silent": 7})
    monkeypatch.setattr(payload, "PAYLOAD_VERSION", 7)
    here.admit("plain")
    here.admit("same", silent=False)
    here.admit("new", username="s")
    versions = [here.redis.hget(names.notification(each), "version") for each in ("plain", "same", "new")]
    assert versions == [None, None, "7"]


def test_an_alert_is_stored_with_the_version_that_its_readers_need(here: Bench) -> None:
    here.admit("a")
    assert here.redis.hget(names.notification("a"), "version") is None, "the first: 0.2 can read it"
    here.admit("long", message="x" * 1_000_001)
    here.admit("many", fields={str(number): "v" for number in range(201)})
    assert {here.redis.hget(names.notification(each), "version") for each in ("long", "many")} == {"2"}
    assert "version" not in json.loads(here.redis.hget(names.notification("a"), "message") or ""), (
        "0.2 takes no field more"
    )


def dead_letters(bench: Bench) -> DeadLetters:
    """Those of this bench; a replay is admitted, and its task is not sent."""
    again = {
        "submit_again": lambda _, message, progress, **more: bench.outbox.admit(message, progress=progress, **more)
    }
    publisher: Any = type("Publisher", (), again)()
    return DeadLetters(bench.redis, bench.settings, bench.records, publisher)


def test_the_history_shows_what_it_knows_of_a_record_of_a_later_version(here: Bench) -> None:
    later = {"id": "later", "alert_type": "general", "status": "parked", "admitted_at": "2027-01-15T08:00:00+00:00"}
    later |= {"finished_at": "2027-01-15T08:00:00+00:00", "text": {"title": "elsewhere"}}
    meta = {"status": "SUCCESS", "result": later, "task_id": "later", "children": [], "traceback": None}
    here.redis.set(names.result("later"), json.dumps(meta), ex=600)
    here.redis.zadd(names.history(GENERAL), {"later": START})
    here.redis.expire(names.history(GENERAL), 600)
    history = NotificationHistory(here.redis, here.records, here.settings)
    assert {each["id"] for each in history.query()} == {"first", "later"}
    assert [each["id"] for each in history.query(search="first")] == ["first"]
    print_records("History", history.query())
    here.records.prune()
    assert {each["id"] for each in history.query()} == {"first", "later"}, "and leaves it there"
