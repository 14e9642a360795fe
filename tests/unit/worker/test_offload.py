"""A slot waits for a request for a moment; what needs longer goes on in a thread, and the worker's end waits for it."""

import logging
import threading
from collections.abc import Iterator

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.worker.offload import THREADS_EACH, Offload


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    """Ends what hangs."""
    event = threading.Event()
    yield event
    event.set()


def test_what_is_quick_is_returned_or_raised_as_if_it_had_run_here() -> None:
    offload = Offload(1, slot_seconds=30)
    assert offload.run(lambda: "done") == "done"
    for error in (BrokerUnavailable("away"), TimeoutError("its own")):

        def fail(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error), match=str(error)):
            offload.run(fail)
    offload.drain()


def test_what_hangs_goes_on_and_the_end_waits_for_it(go_on: threading.Event) -> None:
    outboxes = len(AlertType) + 1  # a type has two webhooks
    offload, ended, threads = Offload(outboxes, slot_seconds=0.01), [], outboxes * THREADS_EACH
    all_at_once = threading.Barrier(threads + 1)

    def hang(number: int) -> None:
        all_at_once.wait(30)
        go_on.wait(30)
        ended.append(number)

    for number in range(threads):
        assert offload.run(lambda number=number: hang(number)) is None  # type: ignore[misc]
    all_at_once.wait(30)
    assert ended == []
    threading.Timer(0.1, go_on.set).start()
    offload.drain()
    assert sorted(ended) == list(range(threads))


def test_the_last_type_is_served_while_all_hang_and_the_others_past_their_leases(go_on: threading.Event) -> None:
    offload = Offload(len(AlertType), slot_seconds=0.01)
    for _ in range(2 * len(AlertType) - 1):
        assert offload.run(lambda: go_on.wait(60)) is None
    served = threading.Event()
    offload.run(served.set)
    assert served.wait(10)
    go_on.set()
    offload.drain()


@pytest.mark.parametrize(
    ("error", "level"), [(BrokerUnavailable("away"), logging.WARNING), (ValueError("a fault"), logging.ERROR)]
)
def test_what_fails_once_nobody_waits_for_it_is_logged(
    error: Exception, level: int, go_on: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    offload = Offload(1, slot_seconds=0.01)

    def fail() -> None:
        go_on.wait(30)
        raise error

    assert offload.run(fail) is None
    assert [each for each in caplog.records if each.name.startswith("notifier")] == []
    go_on.set()
    offload.drain()
    (said,) = caplog.records
    assert said.levelno == level
    assert str(error) in caplog.text
