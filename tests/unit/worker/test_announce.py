"""A batch is announced as Celery announces tasks: callbacks, signals, events, each alert by its own end."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from amqp.exceptions import RecoverableConnectionError
from celery import Celery, signals
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError

from notifier.errors import NotDelivered
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_item import BatchItem
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.disposition import Action, Disposition
from notifier.outbox.record import record
from notifier.outcome import Reason, Status
from notifier.producer.publisher import Publisher
from notifier.routing import ROUTES
from notifier.worker.announce import Announcer
from notifier.worker.events import EventSender, events_of
from tests.results import ended

TASK = Mock()
TASK.name = ROUTES[AlertType.GENERAL].task
GOOD, BAD = ended("good"), ended("bad", Status.REJECTED, "invalid_payload")
ITEM = BatchItem(NotificationMessage(id="later", title="T"), 0, 0)
LATER = Disposition(ITEM, Action.RETRY_LATER, 1, reason=Reason.BAD_GATEWAY)
AGAIN = Disposition(ITEM, Action.REQUEUE, 0)
AWAY = (RedisConnectionError, RecoverableConnectionError, OSError)
RESULT = BatchResult((LATER, AGAIN), (GOOD, BAD), None, 0, {"good": "{}"}, untold=frozenset({"good"}))


class Producers(Publisher):
    """Gives one that notes what it is to send."""

    def __init__(self, publish: Any) -> None:
        nothing: Any = None
        super().__init__(nothing, nothing, nothing, nothing, nothing, 1)
        self.publish = publish

    def _producer(self) -> Any:
        connection = SimpleNamespace(
            connection_errors=AWAY, channel_errors=(), transport=SimpleNamespace(driver_type="redis"), release=Mock()
        )
        return SimpleNamespace(connection=connection, publish=self.publish)


class Worker:
    """Notes what it is told, as a Celery application and as its callbacks."""

    def __init__(self) -> None:
        self.called: list[Any] = []
        self.events: list[tuple[str, str, str | None]] = []
        self.hostname = ""
        self.broken: type[Exception] | None = None
        self.conf = SimpleNamespace(
            worker_send_task_events=True, event_exchange="events", task_routes={TASK.name: {"queue": "the queue"}}
        )
        clock = SimpleNamespace(forward=lambda: 7)
        app: Any = SimpleNamespace(conf=self.conf, clock=clock, tasks={TASK.name: TASK})
        callbacks: Any = self
        sender = EventSender(app, Producers(self.publish))
        sender.hostname = "worker@here"
        self.announcer = Announcer(app, callbacks, sender, cast("Any", Mock()))

    def call(self, records: Any, callbacks: Any, *, leased_at: float) -> None:
        """What hangs on the alerts."""
        self.called.append((records, callbacks, leased_at))

    def publish(self, text: str, *, headers: dict[str, str], **_: Any) -> None:
        """Where events go."""
        if self.broken:
            raise self.broken
        self.hostname = headers["hostname"]
        for event in json.loads(text):
            assert (event["hostname"], event["pid"], event["clock"]) == (self.hostname, os.getpid(), 7)
            self.events.append((event["type"], event["uuid"], event.get("exception")))


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """The signals of tasks that have ended."""
    found: list[dict[str, Any]] = []

    def hear(**given: Any) -> None:
        found.append(given)

    for signal in (signals.task_success, signals.task_failure):
        signal.connect(hear)
    yield found
    for signal in (signals.task_success, signals.task_failure):
        signal.disconnect(hear)


def test_callbacks_are_called_within_the_lease_that_began_with_the_commit(worker: Worker) -> None:
    worker.announcer(RESULT, 1.0, 2.0)
    assert worker.called == [((GOOD, BAD), {"good": "{}"}, 2.0)]


def test_each_end_is_signalled_as_celery_does(worker: Worker, heard: list[dict[str, Any]]) -> None:
    worker.announcer(RESULT, 1.0, 2.0)
    success, failure = heard
    assert (success["signal"], success["sender"], success["result"]) == (signals.task_success, TASK, GOOD)
    assert (failure["signal"], failure["sender"], failure["task_id"]) == (signals.task_failure, TASK, "bad")
    assert (failure["args"], failure["kwargs"]) == ((), BAD["message"])
    assert isinstance(failure["exception"], NotDelivered)
    assert failure["exception"].record == BAD
    assert "NotDelivered: rejected: invalid_payload" in failure["einfo"].traceback
    assert failure["traceback"] is not None


def test_events_name_the_worker_and_the_end_of_each_alert(worker: Worker) -> None:
    worker.announcer(RESULT, 1.0, 2.0)
    assert worker.hostname == "worker@here"
    (*ends, (kind, failed, why)), retried = worker.events[:-1], worker.events[-1]
    succeeded = [("task-received", "good", None), ("task-started", "good", None), ("task-succeeded", "good", None)]
    assert ends == [*succeeded, ("task-started", "bad", None)]
    assert (kind, failed, str(why)[:14]) == ("task-failed", "bad", "NotDelivered('")
    assert retried == ("task-retried", "later", "bad_gateway"), "and none of one that is only put back"


def test_what_waits_was_received_when_its_batch_began() -> None:
    told = dict(events_of(replace(RESULT, records=(), untold=frozenset({"later"})), seconds=5.0))
    assert told["task-retried"]["timestamp"] - told["task-received"]["timestamp"] == 5.0


@pytest.mark.parametrize("error", [OperationalError, *AWAY])
def test_a_broker_that_takes_no_events_stops_nothing(
    worker: Worker, heard: list[dict[str, Any]], caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    worker.broken = error
    worker.announcer(RESULT, 1.0, 2.0)
    assert f"Not sent: 6 events of alerts ({error.__name__})" in caplog.text
    assert len(heard) == 2


def test_no_events_are_sent_where_nobody_listens(worker: Worker, heard: list[dict[str, Any]]) -> None:
    worker.conf.worker_send_task_events = False
    worker.announcer(RESULT, 1.0, 2.0)
    assert (worker.events, len(heard)) == ([], 2)


def test_a_process_that_is_no_worker_sends_no_events(worker: Worker) -> None:
    """Celery would make a name for it, and Flower would show a worker of that name that there is not."""
    worker.announcer.events.hostname = None
    worker.announcer(RESULT, 1.0, 2.0)
    assert worker.events == []


@pytest.mark.parametrize(
    ("signal", "status"), [(signals.task_success, Status.DELIVERED), (signals.task_failure, Status.REJECTED)]
)
def test_the_request_of_the_sender_of_a_signal_is_that_of_its_alert(signal: Any, status: Status) -> None:
    """Not that of the delivery task that carried it, nor none, as in a wake-up."""
    app = Celery(set_as_current=False)
    app.conf.update(worker_send_task_events=False, task_routes={ROUTES[AlertType.ERROR].task: {"queue": "the queue"}})

    @app.task(name=ROUTES[AlertType.ERROR].task, lazy=False, shared=False)
    def task() -> None:
        """Deliver nothing."""

    seen: list[tuple[str, dict[str, Any]]] = []

    def listen(sender: Any, **_: Any) -> None:
        assert sender.request.delivery_info == {"exchange": "", "routing_key": "the queue"}
        assert sender.request.called_directly, "called by a handler, the task raises an alert"
        seen.append((sender.request.id, sender.request.kwargs))

    records = [
        record(
            NotificationMessage(id=each, alert_type=AlertType.ERROR, title=each), status, admitted_at="", finished_at=""
        )
        for each in ("first", "second")
    ]
    task.push_request(id="the delivery task", called_directly=False)
    signal.connect(listen)
    try:
        Announcer(app, *cast("Any", (Mock(), EventSender(app, Mock()), Mock())))(
            BatchResult((), tuple(records), None, 0, {}), 0, 0
        )
    finally:
        signal.disconnect(listen)
    assert seen == [(each["id"], each["message"]) for each in records]
    assert task.request.id == "the delivery task"
