"""The main loop of a worker is woken by what other threads ask it for."""

import logging
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import celery.worker.consumer
import pytest
from celery.concurrency import solo, thread
from celery.worker import strategy
from kombu.asynchronous import Hub

from notifier.worker import consumer as module
from notifier.worker.consumer import Consumer, begin_first


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """One whose loop belongs to this thread."""
    found: Consumer = Consumer.__new__(Consumer)
    found._bell, found._loop_thread = None, 0
    found.hub, found.blueprint = Hub(), SimpleNamespace(send_all=lambda *_, **__: None)
    found.register_with_event_loop(found.hub)
    yield found
    found._bell.close()
    found.hub.close()


def in_a_thread(consumer: Consumer, done: list[str]) -> None:
    """As a task that has ended has its message acknowledged."""
    thread = threading.Thread(target=consumer.call_soon, args=(done.append, "acknowledged"))
    thread.start()
    thread.join()


def test_a_loop_that_sleeps_is_woken_by_what_a_task_has_to_acknowledge(consumer: Consumer) -> None:
    loop, done = consumer.hub.create_loop(), list[str]()
    in_a_thread(consumer, done)
    assert consumer.hub.poller.poll(0), "it would sleep on"
    next(loop)
    assert done == ["acknowledged"]
    assert not consumer.hub.poller.poll(0), "it would sleep no more"


def test_the_loop_does_not_wake_itself(consumer: Consumer) -> None:
    done = list[str]()
    consumer.call_soon(done.append, "acknowledged")
    assert not consumer.hub.poller.poll(0)
    next(consumer.hub.create_loop())
    assert done == ["acknowledged"]


def test_it_is_woken_after_a_reconnection_too(consumer: Consumer) -> None:
    consumer.hub.reset()
    consumer.register_with_event_loop(consumer.hub)
    in_a_thread(consumer, [])
    assert consumer.hub.poller.poll(0)


def received_by(consumer: Consumer, monkeypatch: pytest.MonkeyPatch, hand_over: Any) -> Any:
    """What a consumer calls with each message; ``hand_over`` stands for Celery's strategy and the pool."""
    theirs = celery.worker.consumer.Consumer
    monkeypatch.setattr(theirs, "create_task_handler", lambda *_: lambda message: hand_over(message))
    monkeypatch.setattr(module, "check_task_message", lambda *_: None)
    monkeypatch.setattr(consumer, "_keep_waiting", lambda: None)
    consumer._received, consumer.strategies = [], {}
    return consumer.create_task_handler()


def test_a_task_may_begin_before_the_loop_goes_on_and_is_logged_once(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    steps: list[str] = []
    monkeypatch.setattr(time, "sleep", lambda _: steps.append(f"lets it begin, {len(caplog.messages)} logged"))

    def hand_over(message: str) -> None:
        consumer.log_received("Task %s received", message)
        steps.append(message)

    receive = received_by(consumer, monkeypatch, hand_over)
    receive("one")
    receive("two")
    assert steps == ["one", "lets it begin, 0 logged", "two", "lets it begin, 1 logged"]
    assert caplog.messages == ["Task one received", "Task two received"]


def test_a_task_that_could_not_be_handed_over_is_logged_all_the_same(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def hand_over(message: str) -> None:
        consumer.log_received("Task %s received", message)
        raise RuntimeError("the pool has ended")

    with pytest.raises(RuntimeError, match="the pool has ended"):
        received_by(consumer, monkeypatch, hand_over)("one")
    assert caplog.messages == ["Task one received"]


def test_what_is_not_logged_as_received_is_not_waited_for(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", pytest.fail)
    received_by(consumer, monkeypatch, lambda _: None)("of another task, which Celery's strategy logs")


@pytest.mark.parametrize(("pool", "logs_later"), [(thread.TaskPool, True), (solo.TaskPool, False)])
def test_only_where_a_thread_of_the_pool_runs_the_task_it_is_logged_later(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch, pool: Any, logs_later: bool
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(strategy, "default", lambda *given, **more: asked.append((given, more)))
    consumer.pool = pool(1)
    begin_first("task", "app", consumer)
    assert asked == [(("task", "app", consumer), {"info": consumer.log_received} if logs_later else {})]
