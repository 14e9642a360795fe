"""One thread of a process empties its spool, whoever starts it and however often."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from notifier.producer.flusher import Flusher
from tests.servers import until

ROUNDS = 3_000


class Memory:
    """A spool without a disk. ``most``: how many have flushed it at once."""

    exists = True

    def __init__(self) -> None:
        self.rows: deque[int] = deque()
        self.inside: list[int] = []
        self.most = 0

    def count(self) -> int:
        """How many there are."""
        return len(self.rows)

    def flush(self, hand_over: Callable[[Any], None]) -> tuple[str, ...]:
        """Hand all over."""
        self.inside.append(threading.get_ident())
        self.most = max(self.most, len(self.inside))
        while self.rows:
            hand_over(self.rows.popleft())
        self.inside.remove(threading.get_ident())
        return ()


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads give way to one another as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_one_that_ends_ends_no_other_and_none_that_is_spooled_meanwhile_is_left(hasty: None) -> None:
    spool, handed_over = Memory(), []
    flusher = Flusher(spool, handed_over.append)  # type: ignore[arg-type]

    def spool_and_start(number: int) -> None:
        for each in range(ROUNDS):
            spool.rows.append(ROUNDS * number + each)
            flusher.start()

    callers = [threading.Thread(target=spool_and_start, args=(number,)) for number in range(3)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    until(lambda: not any(each.name == "spool" for each in threading.enumerate()), "the end of the last")
    assert spool.most == 1
    assert sorted(handed_over) == list(range(3 * ROUNDS))


def test_whoever_waits_is_let_go_when_all_is_gone_through_and_not_by_one_that_ended_before() -> None:
    spool = Memory()
    go_on = threading.Event()
    flusher = Flusher(spool, lambda _: go_on.wait(30))  # type: ignore[arg-type]
    flusher.start().wait(30)
    spool.rows.append(1)
    run = flusher.start()
    assert flusher.start() is run
    assert not run.wait(0.01)
    threading.Timer(0.05, go_on.set).start()
    assert run.wait(30)
    assert run.wait(0), "also who comes later"


def test_a_forked_process_has_one_of_its_own() -> None:
    spool = Memory()
    go_on = threading.Event()
    flusher = Flusher(spool, lambda _: go_on.wait(30))  # type: ignore[arg-type]
    spool.rows.append(1)
    flusher.start()
    until(lambda: spool.inside, "the parent's")
    child = os.fork()
    if not child:  # pragma: no cover
        spool.rows.append(2)
        go_on.set()
        os._exit(0 if flusher.start().wait(30) else 1)
    assert os.waitpid(child, 0)[1] == 0
    go_on.set()
    until(lambda: not spool.inside, "the parent's end")
