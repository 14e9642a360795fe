"""Threads that send at once have a producer each, and give it back."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.producer.publisher import Publisher


class TakenMeanwhile(deque[Any]):
    """Holds one when it is looked at, and none when it is taken: another thread was faster."""

    def __len__(self) -> int:
        return 1


class OwnProducers(Publisher):
    """Makes producers that connect to nothing."""

    made = 0

    def _producer(self) -> Any:
        self.made += 1
        return SimpleNamespace(connection=SimpleNamespace(connection_errors=(), channel_errors=()), number=self.made)


@pytest.fixture
def publisher() -> OwnProducers:
    nothing: Any = None
    return OwnProducers(nothing, nothing, nothing, nothing, nothing, 1)


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
