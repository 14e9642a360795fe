"""breaker.lua alone: closed, open, half-open with exactly one probe, and what each answer does."""

from dataclasses import dataclass

import pytest
import redis

from notifier.gate.admin import BREAKER_FIELDS
from tests.integration.gate.conftest import SECOND, START, Call, LoadLua

KEY = "breaker"
RULE = {"threshold": 3, "open_for": 60 * SECOND, "open_max": 150 * SECOND}
LEASE = 35 * SECOND
OPEN = 60 * SECOND
"""When the breaker of ``opened`` lets a probe through."""


@dataclass
class Breaker:
    """Calls the functions; times are microseconds from the start."""

    call: Call

    def wait(self, at: int) -> tuple[int, str | None]:
        answer = self.call("breaker_wait", KEY, START + at, "breaker_open")
        return (answer[0], answer[1]) if isinstance(answer, list) else (answer, None)

    def take(self, at: int, token: str) -> None:
        self.call("breaker_take", KEY, START + at, token, LEASE)

    def report(self, at: int, token: str, health: str) -> bool:
        opened: bool = self.call("breaker_report", KEY, START + at, token, health, RULE)
        return opened

    def hold(self, ends: int) -> None:
        self.call("breaker_hold", KEY, START + ends)

    @property
    def closed(self) -> bool:
        return bool(self.call("breaker_closed", KEY))


@pytest.fixture
def breaker(load_lua: LoadLua) -> Breaker:
    return Breaker(load_lua("gate/clock.lua", "gate/breaker.lua"))


@pytest.fixture
def opened(breaker: Breaker) -> Breaker:
    """A breaker that opened at the start."""
    for _ in range(RULE["threshold"]):
        breaker.report(0, "t", "failure")
    return breaker


def test_it_opens_at_the_threshold_and_says_so_once(breaker: Breaker) -> None:
    assert [breaker.report(0, "t", "failure") for _ in range(5)] == [False, False, True, False, False]
    assert breaker.wait(0) == (OPEN, "breaker_open")


def test_a_success_between_failures_begins_the_count_anew_and_a_neutral_answer_does_not(breaker: Breaker) -> None:
    for health in ("failure", "failure", "success", "failure", "failure", "neutral"):
        assert not breaker.report(0, "t", health)
    assert breaker.closed
    assert breaker.report(0, "t", "failure")


def test_a_probe_may_go_at_the_end_of_the_pause_and_not_before(opened: Breaker) -> None:
    assert opened.wait(OPEN - 1) == (1, "breaker_open")
    assert opened.wait(OPEN) == (0, None)


def test_while_the_probe_is_under_way_others_look_again_soon(opened: Breaker) -> None:
    opened.take(OPEN, "probe")
    assert opened.wait(OPEN) == (SECOND, "probe_in_flight")
    assert opened.wait(OPEN + LEASE - 1) == (1, "probe_in_flight"), "no later than it counts as lost"
    assert opened.wait(OPEN + LEASE) == (0, None), "a lost probe makes way for the next"


def test_a_probe_that_succeeds_closes_it_and_leaves_nothing(opened: Breaker, client: "redis.Redis") -> None:
    opened.take(OPEN, "probe")
    opened.report(OPEN, "probe", "success")
    assert opened.closed
    assert client.hgetall(KEY) == {}


def test_each_probe_that_fails_doubles_the_pause_up_to_the_limit(opened: Breaker) -> None:
    at, pauses = 0, []
    for number in range(4):
        pause, _ = opened.wait(at)
        pauses.append(pause // SECOND)
        at += pause
        opened.take(at, f"probe {number}")
        assert not opened.report(at, f"probe {number}", "failure"), "it was open before: no news"
    assert pauses == [60, 120, 150, 150]


def test_a_pause_begins_anew_at_the_first_length_once_it_was_closed(opened: Breaker) -> None:
    opened.take(OPEN, "fails")
    opened.report(OPEN, "fails", "failure")
    opened.take(3 * OPEN, "succeeds")
    opened.report(3 * OPEN, "succeeds", "success")
    for _ in range(RULE["threshold"]):
        opened.report(3 * OPEN, "t", "failure")
    assert opened.wait(3 * OPEN) == (OPEN, "breaker_open")


def test_a_probe_that_proves_nothing_makes_way_for_the_next_at_once(opened: Breaker) -> None:
    opened.take(OPEN, "probe")
    opened.report(OPEN + 5, "probe", "neutral")
    assert opened.wait(OPEN + 5) == (0, None)
    assert not opened.closed


@pytest.mark.parametrize("health", ["success", "failure", "neutral"])
def test_an_answer_from_before_it_opened_changes_nothing(opened: Breaker, health: str, client: "redis.Redis") -> None:
    for take in (False, True):
        if take:
            opened.take(OPEN, "probe")
        before = client.hgetall(KEY)
        assert not opened.report(OPEN, "old", health)
        assert client.hgetall(KEY) == before


@pytest.mark.parametrize("health", ["success", "failure", "neutral"])
def test_a_probe_that_answers_after_the_next_was_sent_changes_nothing(opened: Breaker, health: str) -> None:
    opened.take(OPEN, "lost")
    opened.take(OPEN + LEASE, "next")
    opened.report(OPEN + LEASE + 1, "lost", health)
    assert opened.wait(OPEN + 2 * LEASE - 1) == (1, "probe_in_flight")


def test_a_closed_breaker_takes_no_request_for_a_probe(breaker: Breaker, client: "redis.Redis") -> None:
    breaker.take(0, "t")
    assert breaker.closed
    assert not client.exists(KEY)


def test_a_pause_can_be_made_longer_and_never_shorter(opened: Breaker) -> None:
    opened.hold(OPEN - 1)
    assert opened.wait(0) == (OPEN, "breaker_open")
    opened.hold(OPEN + 1)
    assert opened.wait(0) == (OPEN + 1, "breaker_open")


def test_a_reset_knows_every_field(opened: Breaker, client: "redis.Redis") -> None:
    fields = set(client.hgetall(KEY))
    opened.take(OPEN, "probe")
    fields |= set(client.hgetall(KEY))
    opened.report(OPEN, "probe", "success")
    opened.report(OPEN, "t", "failure")
    fields |= set(client.hgetall(KEY))
    assert fields == set(BREAKER_FIELDS)
