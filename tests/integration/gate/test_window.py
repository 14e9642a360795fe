"""window.lua alone: never more than the limit in any span of the window."""

import random
from dataclasses import dataclass

import pytest
import redis

from tests.integration.gate.conftest import SECOND, START, Call, LoadLua

KEY = "window"
LIMIT = 3
WINDOW = 60 * SECOND
LEASE = 600 * SECOND
RULE = {"limit": LIMIT, "window": WINDOW, "lease": LEASE}


@dataclass
class Window:
    """Calls the functions; times are microseconds from the start."""

    call: Call

    def wait(self, at: int, limit: int = LIMIT) -> int:
        return int(self.call("window_wait", KEY, START + at, RULE | {"limit": limit}))

    def take(self, at: int, token: str) -> None:
        self.call("window_take", KEY, START + at, token, RULE)

    def went(self, at: int, token: str) -> None:
        """A request that was answered at once."""
        self.take(at, token)
        self.answered(at, token)

    def answered(self, at: int, token: str) -> None:
        self.call("window_answered", KEY, START + at, token)


@pytest.fixture
def window(load_lua: LoadLua) -> Window:
    return Window(load_lua("gate/clock.lua", "gate/window.lua"))


def test_one_below_the_limit_goes_at_once_and_the_limit_itself_waits(window: Window) -> None:
    window.went(0, "a")
    window.went(10, "b")
    assert window.wait(20) == 0
    window.went(20, "c")
    assert window.wait(20) == WINDOW - 20, "until the first leaves"


def test_a_request_leaves_at_the_windows_edge_and_not_before(window: Window) -> None:
    for number in range(LIMIT):
        window.went(0, str(number))
    assert window.wait(WINDOW - 1) == 1
    assert window.wait(WINDOW) == 0


def test_after_the_limit_was_lowered_enough_must_leave(window: Window) -> None:
    for number in range(LIMIT):
        window.went(number, str(number))
    assert window.wait(10, limit=1) == WINDOW + 2 - 10, "all three, the last taken at 2"
    assert window.wait(10, limit=2) == WINDOW + 1 - 10, "two of them"


def test_a_request_counts_from_its_answer(window: Window) -> None:
    for number in range(LIMIT):
        window.take(0, str(number))
        window.answered(10, str(number))
    assert window.wait(WINDOW) == 10


def test_answers_out_of_order_count_each_from_its_own_time(window: Window) -> None:
    for number, token in enumerate("abc"):
        window.take(number, token)
    for at, token in ((10, "c"), (20, "a"), (30, "b")):
        window.answered(at, token)
    assert [window.wait(WINDOW, limit) for limit in (3, 2, 1)] == [10, 20, 30]


def test_a_request_counts_for_as_long_as_it_is_under_way(window: Window) -> None:
    for number in range(LIMIT):
        window.take(0, str(number))
    assert window.wait(10) == WINDOW, "its answer may come now, and not before"
    assert window.wait(LEASE - 1) == WINDOW
    window.answered(LEASE - 1, "0")
    assert window.wait(LEASE + WINDOW - 2) == 1
    assert window.wait(LEASE + WINDOW - 1) == 0


def test_a_request_without_an_answer_counts_as_answered_at_the_end_of_its_lease(window: Window) -> None:
    for number in range(LIMIT):
        window.take(0, str(number))
    assert window.wait(LEASE + WINDOW - 1) == 1
    assert window.wait(LEASE + WINDOW) == 0


def test_what_a_worker_of_version_0_2_counts_leaves_a_window_after_its_claim(
    window: Window, client: "redis.Redis"
) -> None:
    client.zadd(KEY, {str(number): START for number in range(LIMIT)})
    assert window.wait(WINDOW - 1) == 1
    assert window.wait(WINDOW) == 0


@pytest.mark.parametrize("step", [1, WINDOW, 10 * WINDOW])
def test_after_a_step_back_an_answer_counts_as_now_and_what_is_under_way_stays(window: Window, step: int) -> None:
    for number in range(LIMIT - 1):
        window.went(0, str(number))
    window.take(0, "under way")
    assert window.wait(-step) == WINDOW
    assert window.wait(WINDOW - step) == 0, "those that were answered are gone"
    assert window.wait(WINDOW - step, limit=1) == WINDOW, "and the other one is not"
    assert window.wait(LEASE + WINDOW - step, limit=1) == 0, "without an answer it lasts as long as ever"


def test_the_answer_to_a_request_that_was_never_counted_counts_nothing(window: Window, client: "redis.Redis") -> None:
    window.answered(0, "stranger")
    assert not client.exists(KEY)


def test_the_key_outlives_the_lease_of_its_last_request(window: Window, client: "redis.Redis") -> None:
    window.take(0, "a")
    assert client.pttl(KEY) * 1_000 > LEASE


@pytest.mark.parametrize("seed", range(5))
def test_discord_never_sees_more_than_the_limit_in_any_window(window: Window, seed: int) -> None:
    chance = random.Random(seed)
    at, seen, under_way = 0, [], []
    for number in range(60):
        wait = window.wait(at)
        if wait == 0:
            window.take(at, str(number))
            travels = chance.randrange(WINDOW // 2)
            seen.append(at + chance.randint(0, travels))  # Discord counts it anywhere between claim and answer
            under_way.append((at + travels, str(number)))
        step = chance.choice([wait, wait // 2, 1, WINDOW // 7])
        under_way.sort()
        while under_way and under_way[0][0] <= at + step:
            window.answered(*under_way.pop(0))
        at += step
    seen.sort()
    assert len(seen) > 2 * LIMIT, "enough went for the limit to bind"
    assert [late - early for early, late in zip(seen, seen[LIMIT:], strict=False) if late - early < WINDOW] == []
