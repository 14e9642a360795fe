"""What a host's Celery is given so that its beat and its queues show that they live."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, signals

from notifier.caller import Caller
from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.integrations import queue_heartbeat
from notifier.integrations.celery import OURS, alert_on_silence
from notifier.integrations.queue_heartbeat import HEARTBEAT_TASK
from notifier.jobs.terms import JobTerms


class Sender:
    """What a beat or a worker signals for."""

    def __init__(self, app: Celery) -> None:
        self.app = app


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """A host's application."""
    for signal in (signals.beat_init, signals.worker_ready):
        monkeypatch.setattr(signal, "receivers", [])
    app = Celery("shop", broker="memory://", set_as_current=False)
    yield app
    app.close()


@pytest.mark.parametrize("is_finalized", [False, True])
def test_beat_sends_a_task_through_each_queue(app: Celery, is_finalized: bool) -> None:
    if is_finalized:
        app.finalize()
    alert_on_silence(app, ["default", "imports"], every="30s")
    alert_on_silence(app, "mail", every=60, after="1h", type="monitoring")
    app.conf.beat_schedule = {"own": {"task": "x", "schedule": 1}} if not is_finalized else app.conf.beat_schedule
    app.finalize()
    entries = {name: each for name, each in app.conf.beat_schedule.items() if name != "own"}
    assert list(entries) == [f"notifier: shop: queue {name}" for name in ("default", "imports", "mail")]
    assert {each["task"] for each in entries.values()} == {HEARTBEAT_TASK}
    assert [each["schedule"] for each in entries.values()] == [30, 30, 60]
    assert entries["notifier: shop: queue imports"]["options"] == {"queue": "imports", "expires": 90}
    assert entries["notifier: shop: queue mail"]["args"] == ("shop: queue mail", 60, 3_540, "monitoring", "queue")


def test_its_task_notes_that_it_was_run_and_fails_nothing(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    alert_on_silence(app, "imports")
    noted: list[Any] = []
    monkeypatch.setattr(Caller, "start_job", lambda _, *given: noted.append(given))
    monkeypatch.setattr(Caller, "end_job", lambda _, *given: noted.append(given))
    app.finalize()
    task, args = app.tasks[HEARTBEAT_TASK], next(iter(app.conf.beat_schedule.values()))["args"]
    task(*args)
    (name, run, terms), ended = noted
    assert (name, terms) == ("shop: queue imports", JobTerms(60, 120, "critical", "queue"))
    assert ended == (name, run, "finished")
    assert HEARTBEAT_TASK in OURS, "alert_on_failure leaves it out"

    def away(*_: Any) -> None:
        raise BrokerUnavailable("Redis is away")

    monkeypatch.setattr(Caller, "start_job", away)
    task(*args)


def test_the_first_heartbeat_is_expected_from_the_start_of_beat_or_of_a_worker_on(
    app: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: list[str] = []
    monkeypatch.setattr(Caller, "expect_job", lambda _, name, __: expected.append(name))
    alert_on_silence(app, ["a", "b"])
    alert_on_silence(app, "c")
    signals.beat_init.send(sender=Sender(Celery("other", set_as_current=False)))
    assert expected == []
    signals.beat_init.send(sender=Sender(app))
    assert expected == [f"shop: queue {name}" for name in "abc"]
    signals.worker_ready.send(sender=Sender(app))
    assert len(expected) == 6


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"every": "often"}, "every: 'often' is no duration"),
        ({"every": 0}, "every, after"),
        ({"every": "60s", "after": "1m"}, "every, after"),
        ({"type": "loud"}, "type: 'loud' is none of"),
    ],
)
def test_what_cannot_be_is_told(app: Celery, more: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMessage, match=why):
        alert_on_silence(app, "a", **more)
    assert queue_heartbeat.HEARTBEAT_TASK not in app.tasks
