"""What hangs on an alert waits in Redis until it is called; a sweep calls what its worker did not."""

import json
import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from celery import Celery, Signature, Task, chain, group
from celery.app.task import Context
from celery.exceptions import TaskRevokedError
from kombu.exceptions import OperationalError

from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import callbacks as callbacks_module
from notifier.outbox import digest as digest_module
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.callbacks import LEASE_SECONDS, LOOK_SECONDS, PAGE, PendingCallbacks
from notifier.outbox.digest import Digests
from notifier.outbox.terms import Terms
from notifier.outcome import Deferred, Reason, Rejected, Status
from notifier.worker import callbacks as worker_module
from notifier.worker.callbacks import Callbacks
from tests.integration.conftest import CLOCK, Bench, MakeBench, by_test_clock
from tests.names import names

HANGING: dict[str, Any] = dict.fromkeys(
    ("link", "link_error", "chain", "chord", "group_id", "group_index", "root_id", "parent_id")
)


NO_TASKS = Celery("none", set_as_current=False)


class Told:
    """A result backend that notes what it is told."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, str, object]] = []
        self.parts: list[tuple[str, str, int, str, object]] = []

    def store_result(self, task_id: str, result: object, state: str, request: Context) -> None:
        """Note it."""
        self.stored.append((task_id, state, result))

    def remove_pending_result(self, result: object, weak: bool = False) -> None:
        """Nobody waits."""

    add_pending_result = remove_pending_result

    def on_chord_part_return(self, request: Context, state: str, result: object) -> None:
        """Note it."""
        self.parts.append((request.id, request.group, request.group_index, state, result))


class Host(Celery):
    """Notes what it is asked to send and to store; the first ``failing`` times the broker is away."""

    backend: Any = None

    def __init__(self) -> None:
        super().__init__("host", set_as_current=False)
        self.sent: list[tuple[str, list[Any], dict[str, Any]]] = []
        self.failing = 0
        self.backend = Told()

    def send_task(self, name: str, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        """Note it."""
        if self.failing:
            self.failing -= 1
            raise OperationalError("the broker is away")
        self.sent.append((name, list(args), options))
        return MagicMock()


@pytest.fixture
def pending(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> PendingCallbacks:
    """What is to be called, by the clock of the test."""
    monkeypatch.setattr(callbacks_module, "script", by_test_clock)
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    return PendingCallbacks(bench.redis, bench.settings)


@pytest.fixture
def host() -> Host:
    """An application whose tasks are called."""
    return Host()


def signature(task: str, *args: object) -> dict[str, Any]:
    """A signature as it travels."""
    return {"task": task, "args": list(args), "kwargs": {}, "options": {}, "immutable": False, "subtask_type": None}


def plain(task: str) -> Any:
    """The same for a canvas."""
    return Signature.from_dict(signature(task))


def hanging(**parts: Any) -> Terms:
    """Terms with callbacks."""
    return Terms(callbacks=json.dumps({**HANGING, **parts}))


def end(bench: Bench, terms: Terms, outcome: Any = None) -> BatchResult:
    """An alert that is admitted on these terms, and ends."""
    bench.outbox.admit(NotificationMessage(id="a", title="a"), terms)
    return bench.commit(bench.batch(), outcome)


def test_what_its_worker_does_not_call_a_sweep_takes_once_the_lease_is_over(
    bench: Bench, pending: PendingCallbacks
) -> None:
    terms = hanging(link=[signature("any")])
    assert end(bench, terms).callbacks == {"a": terms.callbacks}
    assert pending.take() == {}, "its worker is at it"
    bench.tick(LEASE_SECONDS + 1)
    assert pending.take() == {"a": terms.callbacks}
    assert pending.take() == {}, "one sweep at a time"
    bench.tick(LEASE_SECONDS + 1)
    assert pending.take() == {"a": terms.callbacks}, "that sweep has died as well"
    pending.called(["a"])
    bench.tick(LEASE_SECONDS + 1)
    assert pending.take() == {}
    assert bench.redis.hget(names.notification("a"), "callbacks") is None


def test_nothing_is_called_before_the_alert_is_final(bench: Bench, pending: PendingCallbacks) -> None:
    assert end(bench, hanging(link=[signature("any")]), Deferred(1, Reason.RATE_LIMITED)).callbacks == {}
    for seconds in (LEASE_SECONDS, LOOK_SECONDS):
        bench.tick(seconds + 1)
        assert pending.take() == {}


def test_what_a_worker_of_version_0_2_has_ended_a_sweep_calls_in_a_while(
    bench: Bench, pending: PendingCallbacks
) -> None:
    terms = hanging(link=[signature("any")])
    for number in range(PAGE + 1):  # those that still wait hold up nothing
        bench.outbox.admit(NotificationMessage(id=f"{number}", title="waits"), terms)
    bench.outbox.admit(NotificationMessage(id="a", title="a"), terms)
    bench.redis.hset(names.notification("a"), mapping={"finished_at": 1, "status": "delivered"})
    assert pending.take() == {}
    bench.tick(LOOK_SECONDS + 1)
    assert pending.take() == {"a": terms.callbacks}
    bench.redis.hset(names.notification("0"), mapping={"finished_at": 1, "status": "delivered"})
    bench.tick(LOOK_SECONDS + 1)
    assert sorted(pending.take()) == ["0", "a"]


def test_an_alert_without_callbacks_leaves_nothing_to_call(bench: Bench, pending: PendingCallbacks) -> None:
    assert end(bench, Terms()).callbacks == {}
    assert not bench.redis.exists(names.callbacks)


def test_a_commit_that_is_repeated_gives_nothing_to_call_again(bench: Bench, pending: PendingCallbacks) -> None:
    bench.outbox.admit(NotificationMessage(id="a", title="a"), hanging(link=[signature("any")]))
    batch = bench.batch()
    assert list(bench.commit(batch).callbacks) == ["a"]
    pending.called(["a"])
    assert bench.commit(batch).callbacks == {}
    assert not bench.redis.exists(names.callbacks)


def test_what_hangs_on_a_folded_alert_is_due_for_the_next_sweep(
    make_bench: MakeBench, pending: PendingCallbacks
) -> None:
    bench = make_bench(queue_size=0)
    terms = hanging(link=[signature("any")])
    assert Digests(bench.redis, bench.settings).fold(NotificationMessage(id="a", title="a"), terms) == "folded"
    assert pending.take() == {"a": terms.callbacks}
    assert bench.record("a")["status"] == "folded"


def test_what_hangs_on_a_refused_alert_is_its_workers_to_call_and_then_a_sweeps(
    bench: Bench, pending: PendingCallbacks
) -> None:
    message, terms = NotificationMessage(id="a", title="a"), hanging(link_error=[signature("any")])
    bench.records.bury(message, Status.REJECTED, "invalid_message", "", given="{}", callbacks=terms.callbacks)
    assert pending.take() == {}
    bench.tick(LEASE_SECONDS + 1)
    assert pending.take() == {"a": terms.callbacks}


def test_an_alert_that_is_there_no_more_has_nothing_to_call_and_is_forgotten(
    bench: Bench, pending: PendingCallbacks
) -> None:
    bench.redis.zadd(names.callbacks, {"gone": 0})
    assert pending.take() == {}
    assert not bench.redis.exists(names.callbacks)


def test_callbacks_get_the_record_and_are_the_same_tasks_if_they_are_called_again(
    bench: Bench, pending: PendingCallbacks, host: Host
) -> None:
    links = [signature("first"), signature("second", 2)]
    result = end(bench, hanging(link=links, chain=[signature("last"), signature("third")]))
    callbacks = Callbacks(host, NO_TASKS, pending, bench.records)
    callbacks.call(result.records, result.callbacks, leased_at=time.monotonic())
    callbacks.call(result.records, result.callbacks, leased_at=time.monotonic())
    record = bench.record("a")
    assert [(name, args) for name, args, _ in host.sent[:3]] == [
        ("first", [record]),
        ("second", [record, 2]),
        ("third", [record]),
    ]
    ids = [options["task_id"] for *_, options in host.sent]
    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:], "called again, each is the same task"
    assert [each["task"] for each in host.sent[2][2]["chain"]] == ["last"]
    assert {options["parent_id"] for *_, options in host.sent} == {"a"}


@pytest.mark.parametrize(
    ("composite", "sent"),
    [
        (chain(plain("a"), plain("b")), ["a"]),
        (group([plain("a"), plain("b")]), ["a", "b"]),
        (chain(plain("a"), chain(plain("b"), plain("c"))), ["a"]),
    ],
    ids=["chain", "group", "nested"],
)
def test_the_tasks_of_a_chain_or_group_that_is_called_again_are_the_same_too(
    bench: Bench, pending: PendingCallbacks, host: Host, composite: Any, sent: list[str]
) -> None:
    result = end(bench, hanging(link=[json.loads(json.dumps(composite))]))
    for _ in range(2):
        Callbacks(host, NO_TASKS, pending, bench.records).call(
            result.records, result.callbacks, leased_at=time.monotonic()
        )
    assert [name for name, *_ in host.sent] == sent * 2
    ids = [
        [options["task_id"], *(each["options"]["task_id"] for each in options.get("chain") or [])]
        for *_, options in host.sent
    ]
    first, again = ids[: len(sent)], ids[len(sent) :]
    assert first == again
    assert len({each for some in first for each in some}) == sum(map(len, first))


def test_a_broker_that_is_away_leaves_them_to_a_later_sweep(
    bench: Bench, pending: PendingCallbacks, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    result = end(bench, hanging(link=[signature("any")]))
    host.failing = 1
    callbacks = Callbacks(host, NO_TASKS, pending, bench.records)
    callbacks.call(result.records, result.callbacks, leased_at=time.monotonic())
    assert (host.sent, "is not called yet" in caplog.text) == ([], True)
    bench.tick(LEASE_SECONDS + 1)
    callbacks.call_missed()
    assert [name for name, *_ in host.sent] == ["any"]
    assert not bench.redis.exists(names.callbacks)


def test_a_call_that_cannot_be_noted_stops_neither_the_next_nor_what_follows(
    bench: Bench,
    pending: PendingCallbacks,
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It was the end of the announcement: neither signals nor events came of any alert of the batch."""
    for each in ("a", "b"):
        bench.outbox.admit(NotificationMessage(id=each, title=each), hanging(link=[signature(each)]))
    result = bench.commit(bench.batch())
    with monkeypatch.context() as away:
        away.setattr(pending, "called", MagicMock(side_effect=BrokerUnavailable("Redis is away")))
        Callbacks(host, NO_TASKS, pending, bench.records).call(
            result.records, result.callbacks, leased_at=time.monotonic()
        )
    assert [name for name, *_ in host.sent] == ["a", "b"]
    assert "is called again, as the same tasks: Redis is away" in caplog.text
    bench.tick(LEASE_SECONDS + 1)
    assert sorted(pending.take()) == ["a", "b"]


def test_a_callback_that_cannot_be_read_is_logged_and_does_not_come_back(
    bench: Bench, pending: PendingCallbacks, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    result = end(bench, hanging(link=[{"no": "signature"}]))
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=time.monotonic())
    assert "cannot be called" in caplog.text
    assert not bench.redis.exists(names.callbacks)


def test_a_callback_that_can_never_be_called_keeps_none_of_the_others_from_being_called(
    bench: Bench, pending: PendingCallbacks, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(host.backend, "on_chord_part_return", lambda part, *_: counted.append(part.id))
    links = [{"no": "signature"}, signature("good")]
    terms = hanging(link=links, chain=[signature("next")], chord=signature("body"), group_id="g")
    result = end(bench, terms)
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=time.monotonic())
    assert [name for name, *_ in host.sent] == ["good", "next"]
    assert counted == ["a"]


@pytest.mark.parametrize("error", [None, InvalidMessage("titel")])
def test_an_alert_that_follows_is_admitted_at_once_and_sent_by_its_name_only_if_it_cannot_be(
    bench: Bench, pending: PendingCallbacks, host: Host, error: Exception | None
) -> None:
    admitted: list[Any] = []

    class Alert(Task):  # type: ignore[type-arg]  # cannot be subscripted at run time
        name = "send_notification.error"

        def apply_async(self, args: Any = None, kwargs: Any = None, task_id: Any = None, **options: Any) -> Any:
            if error:
                raise error
            admitted.append((list(args), options["parent_id"], [each["task"] for each in options["chain"]]))

    alerts = Celery("alerts", set_as_current=False)
    alerts.register_task(Alert())
    result = end(bench, hanging(chain=[signature("last"), signature("send_notification.error")]))
    callbacks = Callbacks(host, alerts, pending, bench.records)
    callbacks.call(result.records, result.callbacks, leased_at=time.monotonic())
    assert admitted == ([] if error else [([bench.record("a")], "a", ["last"])])
    assert [name for name, *_ in host.sent] == (["send_notification.error"] if error else [])


def test_the_lease_lasts_as_long_as_there_is_more_to_call(
    bench: Bench, pending: PendingCallbacks, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*args: Any, **options: Any) -> None:
        bench.tick(LEASE_SECONDS / 3)
        now[0] += LEASE_SECONDS / 3
        swept.update(pending.take())

    def renew(notification_id: str, before: Any = pending.renew) -> None:
        renewed.append(notification_id)
        before(notification_id)

    now, swept, renewed = [time.monotonic()], dict[str, str](), list[str]()
    monkeypatch.setattr(callbacks_module, "clock", lambda client: int(client.get(CLOCK)))
    result = end(bench, hanging(link=[signature("any")] * 9))
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(host, "send_task", slow)
    monkeypatch.setattr(pending, "renew", renew)
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=now[0])
    assert swept == {}, "no sweep has called them meanwhile"
    assert len(renewed) == 9, "the lease was new before the first of ten"
    assert not bench.redis.exists(names.callbacks)


def test_a_worker_that_was_paused_beyond_its_lease_calls_nothing(
    bench: Bench, pending: PendingCallbacks, host: Host
) -> None:
    result = end(bench, hanging(link=[signature("any")]))
    long_ago = time.monotonic() - LEASE_SECONDS
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=long_ago)
    assert host.sent == []
    assert bench.redis.exists(names.callbacks), "a sweep does"


def test_of_a_dead_letter_only_the_errbacks_are_called_with_its_id(
    bench: Bench, pending: PendingCallbacks, host: Host
) -> None:
    terms = hanging(link=[signature("good")], link_error=[signature("bad", "more")])
    result = end(bench, terms, Rejected(Reason.INVALID_PAYLOAD))
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=time.monotonic())
    assert [(name, args) for name, args, _ in host.sent] == [("bad", ["a", "more"])]


def test_one_that_is_withdrawn_calls_nothing_and_neither_a_chain_nor_a_chord_waits_for_it(
    bench: Bench, pending: PendingCallbacks, host: Host
) -> None:
    """As of a task that is revoked: it has no errbacks."""
    parts: dict[str, Any] = {name: [signature("any")] for name in ("link", "link_error", "chain")}
    parts["chain"][0]["options"]["task_id"] = "following"
    terms = hanging(**parts, chord=signature("body"), group_id="g", group_index=3)
    bench.outbox.admit(NotificationMessage(id="a", title="a"), terms)
    bench.withdrawals.withdraw("a")
    Callbacks(host, NO_TASKS, pending, bench.records).call_missed()
    assert host.sent == []
    ((*part, first),), ((*stored, second),) = host.backend.parts, host.backend.stored
    assert (part, stored) == (["a", "g", 3, "REVOKED"], ["following", "REVOKED"])
    assert isinstance(first, TaskRevokedError)
    assert isinstance(second, TaskRevokedError)


@pytest.mark.parametrize("delivered", [True, False])
def test_a_chord_is_told_of_its_part_and_of_a_part_that_was_to_follow_a_dead_letter(
    bench: Bench, pending: PendingCallbacks, host: Host, delivered: bool
) -> None:
    following = signature("part") | {
        "options": {"task_id": "following", "group_id": "other", "group_index": 4, "chord": signature("its body")}
    }
    terms = hanging(chain=[following], chord=signature("body"), group_id="g", group_index=3)
    result = end(bench, terms, None if delivered else Rejected(Reason.INVALID_PAYLOAD))
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=time.monotonic())
    told, record = host.backend, bench.record("a")
    if delivered:
        assert (told.parts, told.stored) == ([("a", "g", 3, "SUCCESS", record)], [])
        return
    assert [part[:4] for part in told.parts] == [("a", "g", 3, "FAILURE"), ("following", "other", 4, "FAILURE")]
    assert [stored[:2] for stored in told.stored] == [("following", "FAILURE")]
    assert [each[-1].record for each in (*told.parts, *told.stored)] == [record] * 3


def test_callbacks_stand_where_the_alert_stood_in_a_canvas(bench: Bench, pending: PendingCallbacks, host: Host) -> None:
    link = signature("any") | {"options": {"task_id": "its-own"}}
    result = end(bench, hanging(link=[link], root_id="the-root"))
    Callbacks(host, NO_TASKS, pending, bench.records).call(result.records, result.callbacks, leased_at=time.monotonic())
    ((_, _, options),) = host.sent
    assert [options[name] for name in ("root_id", "parent_id", "task_id")] == ["the-root", "a", "its-own"]


@pytest.mark.parametrize("kind", [AlertType.GENERAL, AlertType.ERROR])
def test_a_refused_alert_is_a_dead_letter_until_its_id_is_admitted(bench: Bench, kind: AlertType) -> None:
    message = NotificationMessage(id="a", title="a", alert_type=kind)
    buried = bench.records.bury(message, Status.REJECTED, "invalid_message", "no title", given="{}")
    assert buried is not None
    assert buried == bench.record("a")
    assert bench.records.bury(message, Status.REJECTED, "invalid_message", "again", given="{}") is None
    assert bench.redis.zrange(names.dead_letters(kind), 0, -1) == ["a"]
    assert bench.redis.hget(names.troubles, f"dead_letters|{kind}|invalid_message") == "1"
    assert bench.outbox.admit(message) is Admitted.NOW
    assert bench.records.get("a") is None
    assert bench.redis.zrange(names.dead_letters(kind), 0, -1) == []
    assert bench.redis.zcard(names.history(kind)) == bench.redis.zcard(names.history(kind, "rejected")) == 0
    assert bench.outbox.admit(message) is Admitted.KNOWN
