"""An answer is looked for only for as long as that is cheaper than to sleep, and only where answers come that soon."""

from collections.abc import Callable

import pytest

from notifier.storage import busy_poll as module
from notifier.storage.busy_poll import LEFT_OUT_MAX, SECONDS, BusyPoll


class Answers:
    """A socket and a clock. ``comes_after``: how many looks find nothing; each takes a tenth of the time there is."""

    def __init__(self) -> None:
        self.now = 100.0
        self.looks = 0
        self.comes_after = 0
        self.gave_way = 0

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        assert timeout == 0, "it does not sleep"
        self.looks += 1
        self.now += SECONDS / 10
        return [(0, 1)] if self.looks > self.comes_after else []

    def give_way(self) -> None:
        self.gave_way += 1

    def looked(self, busy_poll: BusyPoll, comes_after: int) -> int:
        """How often one answer was looked for."""
        self.looks, self.comes_after = 0, comes_after
        busy_poll.wait(self)
        return self.looks


NEVER = 1_000


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    made = Answers()
    monkeypatch.setattr(module, "give_way", made.give_way)
    monkeypatch.setattr(module.time, "perf_counter", lambda: made.now)
    return made


def test_an_answer_that_comes_soon_is_seen_and_others_have_the_processor_meanwhile(answers: Answers) -> None:
    busy_poll = BusyPoll()
    assert [answers.looked(busy_poll, comes_after=3) for _ in range(5)] == [4] * 5
    assert answers.gave_way == 5 * 3


def test_one_that_does_not_come_is_looked_for_no_longer_than_its_time(answers: Answers) -> None:
    began = answers.now
    assert answers.looked(BusyPoll(), NEVER) > 1
    assert answers.now - began <= SECONDS * 1.2


def test_the_more_answers_came_late_the_fewer_are_looked_for(answers: Answers) -> None:
    busy_poll = BusyPoll()
    tried = [answers.looked(busy_poll, NEVER) > 0 for _ in range(1_000)]
    between = [len(each) for each in "".join("x" if each else "." for each in tried).split("x")[1:-1]]
    assert between[:7] == [1, 2, 4, 8, 16, 32, 64]
    assert set(between[7:]) == {LEFT_OUT_MAX}
    while not answers.looked(busy_poll, comes_after=0):  # Redis is near again
        pass
    assert answers.looked(busy_poll, comes_after=0) == 1
    assert answers.looked(busy_poll, NEVER) > 1
    assert [answers.looked(busy_poll, comes_after=0) for _ in range(3)] == [0, 1, 1], "and one late answer is forgiven"


def test_one_that_another_thread_kept_from_being_seen_came_late(answers: Answers) -> None:
    busy_poll = BusyPoll()

    def interpreter_is_taken(timeout: float) -> list[tuple[int, int]]:
        answers.now += 50 * SECONDS
        return [(0, 1)]

    look: Callable[[float], list[tuple[int, int]]] = answers.poll
    answers.poll = interpreter_is_taken  # type: ignore[method-assign]
    busy_poll.wait(answers)
    answers.poll = look  # type: ignore[method-assign]
    assert [answers.looked(busy_poll, comes_after=0) for _ in range(2)] == [0, 1]


def test_threads_that_leave_out_the_same_answer_do_not_leave_out_all_others(answers: Answers) -> None:
    busy_poll = BusyPoll()
    busy_poll._left_out = -1  # both saw that one was left
    assert answers.looked(busy_poll, comes_after=0) == 1


def test_where_no_processor_can_be_given_away_it_sleeps_at_once(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "give_way", None)
    assert answers.looked(BusyPoll(), comes_after=0) == 0
