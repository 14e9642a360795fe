"""A worker sees to the near wake-ups of what it serves, and leaves all others to the broker."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.outbox.claim import ClaimRequest, WakeUp
from notifier.worker import own_wake_ups
from notifier.worker.own_wake_ups import SECONDS_MAX, OwnWakeUps
from tests.servers import until


class Worker:
    """What delivers and sends for them, and what it was asked."""

    def __init__(self) -> None:
        self.delivered: list[str] = []
        self.sent: list[str] = []
        self.serves = {AlertType.GENERAL}
        self.fails_with: Exception | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.threads = ThreadPoolExecutor()
        self.own = OwnWakeUps(
            self.threads.submit,
            self.deliver,
            lambda each: self.sent.append(each.token),
            lambda kind: kind in self.serves,
        )

    def deliver(self, request: ClaimRequest) -> None:
        """Note it, and wait while it is to."""
        self.delivered.append(request.wake_up)
        self.hold.wait(30)
        if self.fails_with:
            raise self.fails_with


@pytest.fixture
def worker() -> Iterator[Worker]:
    """One that serves general alerts."""
    worker = Worker()
    yield worker
    worker.hold.set()
    worker.own.drain()
    worker.threads.shutdown()


def wake_up(token: str, seconds: float = 0, kind: AlertType = AlertType.GENERAL) -> WakeUp:
    return WakeUp(kind, token, seconds)


def test_it_delivers_when_each_is_due_the_nearest_first(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(own_wake_ups, "time", SimpleNamespace(monotonic=lambda: now[0]))
    worker.own._begin = lambda act: act()
    assert all(worker.own.take(wake_up(token, seconds)) for token, seconds in (("b", 0.2), ("a", 0.1), ("c", 0.3)))
    for due in (["a"], ["a", "b"], ["a", "b", "c"]):
        now[0] += 0.11
        until(lambda due=due: worker.delivered == due, f"{due}", poll_seconds=0.01)  # type: ignore[misc]
    assert worker.sent == []


def test_one_that_comes_while_a_later_one_is_waited_for_is_not_late(worker: Worker) -> None:
    worker.own.take(wake_up("later", SECONDS_MAX))
    worker.own.take(wake_up("now"))
    until(lambda: worker.delivered == ["now"], SECONDS_MAX / 2)


@pytest.mark.parametrize(
    "other", [wake_up("x", SECONDS_MAX + 1), wake_up("x", kind=AlertType.ERROR)], ids=["far", "not served"]
)
def test_it_takes_no_other(worker: Worker, other: WakeUp) -> None:
    assert not worker.own.take(other)
    assert worker.delivered == []


def test_what_the_worker_no_longer_serves_when_it_is_due_goes_to_others(worker: Worker) -> None:
    serves = iter([True])
    worker.own._takes = lambda _: next(serves, False)
    assert worker.own.take(wake_up("a", 0.1))
    until(lambda: worker.sent == ["a"], "that it is sent")
    assert worker.delivered == []


def test_a_worker_that_ends_leaves_what_waits_to_others_and_begins_nothing_more(worker: Worker) -> None:
    worker.hold.clear()
    worker.own.take(wake_up("under way"))
    worker.own.take(wake_up("later", SECONDS_MAX))
    until(lambda: worker.delivered == ["under way"], 30)
    worker.own.drain()
    assert worker.sent == ["later"]
    assert not worker.own.take(wake_up("too late"))
    worker.threads.shutdown(wait=False)  # nothing may come any more
    worker.hold.set()
    worker.threads.shutdown()
    assert worker.delivered == ["under way"]


def test_what_it_is_about_to_begin_has_begun_before_the_worker_ends_its_threads(worker: Worker) -> None:
    begins, go_on, begun = threading.Event(), threading.Event(), []

    def begin(act: Callable[[], object]) -> None:
        begins.set()
        assert go_on.wait(30)
        begun.append(act)

    own = OwnWakeUps(begin, worker.deliver, print, lambda _: True)
    own.take(wake_up("a"))
    assert begins.wait(30)
    ending = threading.Thread(target=own.drain)
    ending.start()
    ending.join(0.05)
    assert ending.is_alive()
    go_on.set()
    ending.join(30)
    assert len(begun) == 1


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), ValueError("unexpected")], ids=["away", "unexpected"])
def test_one_that_fails_keeps_no_other_from_its_time(
    worker: Worker, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    worker.fails_with = error
    worker.own.take(wake_up("a"))
    until(lambda: worker.delivered == ["a"], 30)
    worker.own.take(wake_up("b"))
    until(lambda: worker.delivered == ["a", "b"], 30)
    worker.own.drain()
    worker.threads.shutdown()
    logged = [record.message for record in caplog.records if record.name.startswith("notifier.worker.own")]
    assert bool(logged) is isinstance(error, ValueError)


def test_it_goes_on_if_one_could_not_be_begun(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    begin, refused = worker.own._begin, threading.Event()

    def refuse_the_first(act: Callable[[], object]) -> object:
        if refused.is_set():
            return begin(act)
        refused.set()
        raise RuntimeError("can't start new thread")

    worker.own._begin = refuse_the_first
    assert worker.own.take(wake_up("first"))
    assert refused.wait(30)
    assert worker.own.take(wake_up("second"))
    until(lambda: worker.delivered == ["second"], 30)
    assert "a wake-up waits for a thread" in caplog.text
