"""Threads that send at once have a producer each, and give it back."""

from collections import deque
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from notifier.producer.publisher import IDLE_MAX, Publisher


class TakenMeanwhile(deque[Any]):
    """Holds one when it is looked at, and none when it is taken: another thread was faster."""

    def __len__(self) -> int:
        return 1


class OwnProducers(Publisher):
    """Makes producers that connect to nothing."""

    made = 0

    def __init__(self) -> None:
        nothing: Any = None
        super().__init__(nothing, nothing, nothing, nothing, nothing, 1)
        self.closed: list[int] = []

    def _producer(self) -> Any:
        self.made += 1
        number = self.made

        def close() -> None:
            self.closed.append(number)

        connection = SimpleNamespace(connection_errors=(), channel_errors=(), transport=None, release=close)
        return SimpleNamespace(connection=connection, number=number)


@pytest.fixture
def publisher() -> OwnProducers:
    return OwnProducers()


def test_a_producer_that_another_thread_takes_first_is_replaced(publisher: OwnProducers) -> None:
    publisher._idle = TakenMeanwhile()
    with publisher.dispatching("task") as producer:
        assert producer.number == 1


def test_calls_at_once_have_a_producer_each_and_later_ones_use_them_again(publisher: OwnProducers) -> None:
    with publisher.dispatching("task") as one, publisher.dispatching("task") as other:
        assert one is not other
    with publisher.dispatching("task") as again:
        assert again in (one, other)
    assert publisher.made == 2
    assert publisher.closed == []


def test_of_many_at_once_so_many_are_kept_and_the_others_closed(publisher: OwnProducers) -> None:
    with ExitStack() as calls:
        for _ in range(IDLE_MAX + 3):
            calls.enter_context(publisher.dispatching("task"))
    assert (len(publisher._idle), len(publisher.closed)) == (IDLE_MAX, 3)
    assert not {each.number for each in publisher._idle} & set(publisher.closed)


def test_one_whose_broker_has_failed_is_closed_and_not_used_again(publisher: OwnProducers) -> None:
    with publisher.dispatching("task"):
        raise OperationalError
    assert (list(publisher._idle), publisher.closed) == ([], [1])


def test_one_that_was_interrupted_is_closed_for_half_a_message_may_have_been_sent(publisher: OwnProducers) -> None:
    with pytest.raises(KeyboardInterrupt), publisher.dispatching("task"):
        raise KeyboardInterrupt
    assert (list(publisher._idle), publisher.closed) == ([], [1])
