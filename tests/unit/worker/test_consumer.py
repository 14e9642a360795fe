"""The main loop of a worker is woken by what other threads ask it for."""

import threading
from types import SimpleNamespace

import pytest
from kombu.asynchronous import Hub

from notifier.worker.consumer import Consumer


@pytest.fixture
def consumer() -> Consumer:
    """One whose loop belongs to this thread."""
    found: Consumer = Consumer.__new__(Consumer)
    found._bell, found._loop_thread = None, 0
    found.hub, found.blueprint = Hub(), SimpleNamespace(send_all=lambda *_, **__: None)
    found.register_with_event_loop(found.hub)
    return found


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
