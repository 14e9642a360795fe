"""bucket.lua alone: Discord's own budget, as its headers tell it and as claims use it up."""

from dataclasses import dataclass

import pytest
import redis

from tests.integration.gate.conftest import SECOND, START, Call, LoadLua

STATE, IN_FLIGHT = "bucket", "bucket:in_flight"
PERIOD = 2 * SECOND
LEASE = 35 * SECOND
RULE = {"limit": 5, "window": PERIOD, "lease": LEASE}

Headers = dict[str, int]


def headers(limit: int, remaining: int, reset_after: int, reset_at: int | None = None) -> Headers:
    """The headers of an answer; times are microseconds, ``reset_at`` from the start."""
    told = {"limit": limit, "remaining": remaining, "reset_after": reset_after}
    return told if reset_at is None else told | {"reset_at": START + reset_at}


@dataclass
class Bucket:
    """Calls the functions; times are microseconds from the start."""

    call: Call

    def wait(self, at: int) -> int:
        return int(self.call("bucket_wait", STATE, IN_FLIGHT, START + at, RULE))

    def take(self, at: int, token: str) -> None:
        self.call("bucket_take", STATE, IN_FLIGHT, START + at, token, RULE)

    def learn(self, at: int, token: str, claimed_at: int, told: Headers | None) -> None:
        self.call("bucket_learn", STATE, IN_FLIGHT, START + at, token, START + claimed_at, told, RULE)

    def pause(self, ends: int, now: int = 0) -> None:
        self.call("bucket_pause", STATE, START + now, START + ends)

    def request(self, at: int, told: Headers | None = None) -> None:
        """A request that is alone on its way: claimed, and answered a microsecond later."""
        self.take(at, f"at {at}")
        self.learn(at + 1, f"at {at}", at, told)

    def passes(self, at: int) -> int:
        """How many requests may be claimed at once; none of them is answered."""
        for number in range(1_000):
            if self.wait(at) > 0:
                return number
            self.take(at, f"{number} at {at}")
        raise AssertionError("it never ends")


@pytest.fixture
def bucket(load_lua: LoadLua) -> Bucket:
    return Bucket(load_lua("gate/clock.lua", "gate/bucket.lua"))


def test_until_headers_are_known_the_rule_is_the_budget(bucket: Bucket) -> None:
    for number in range(RULE["limit"]):
        assert bucket.wait(0) == 0
        bucket.request(number)
    assert bucket.wait(10) > 0
    ends = bucket.wait(0)
    assert bucket.wait(ends - 1) == 1
    assert bucket.wait(ends) == 0
    assert bucket.passes(ends) == RULE["limit"]


def test_an_answer_without_headers_begins_a_whole_period(bucket: Bucket) -> None:
    bucket.take(0, "slow")
    bucket.learn(PERIOD - 1, "slow", 0, None)
    assert bucket.passes(PERIOD) == RULE["limit"] - 1, "it is counted in the period that it began"
    assert bucket.wait(PERIOD) == PERIOD - 1


def test_an_answer_without_headers_after_the_periods_end_is_counted_in_the_new_one(bucket: Bucket) -> None:
    bucket.take(0, "slow")
    bucket.learn(PERIOD, "slow", 0, None)
    assert bucket.passes(PERIOD) == RULE["limit"] - 1


def test_requests_under_way_count_against_a_new_period(bucket: Bucket) -> None:
    for number in range(3):
        bucket.take(0, str(number))
    assert bucket.passes(PERIOD) == RULE["limit"] - 3


def test_if_all_are_under_way_an_answer_is_waited_for(bucket: Bucket) -> None:
    assert bucket.passes(0) == RULE["limit"]
    assert bucket.wait(PERIOD) == SECOND, "soon: no time is known"
    bucket.learn(PERIOD, "0 at 0", 0, headers(5, 4, PERIOD))
    bucket.learn(PERIOD, "1 at 0", 0, headers(5, 4, PERIOD))
    assert bucket.passes(2 * PERIOD) == 2


def test_a_request_whose_answer_never_came_counts_until_its_lease_ends(bucket: Bucket) -> None:
    bucket.take(0, "lost")
    assert bucket.passes(LEASE - 1) == RULE["limit"] - 1


def test_a_request_whose_lease_has_ended_counts_no_more(bucket: Bucket) -> None:
    bucket.take(0, "lost")
    assert bucket.passes(LEASE) == RULE["limit"]


def test_a_request_that_was_given_back_counts_in_no_later_period(bucket: Bucket) -> None:
    bucket.take(0, "never made")
    bucket.call("bucket_give_back", IN_FLIGHT, "never made")
    assert bucket.passes(1) == RULE["limit"] - 1, "this one still counts it"
    bucket.call("bucket_give_back", IN_FLIGHT, "0 at 1")
    assert bucket.passes(PERIOD) == RULE["limit"] - 3, "three of the four are under way"


def test_the_answer_to_a_request_that_was_alone_is_believed(bucket: Bucket) -> None:
    bucket.request(0, headers(10, 9, 7 * SECOND))
    assert bucket.passes(10) == 9, "more than was known"
    assert bucket.wait(10) == 7 * SECOND + 1 - 10


def test_what_was_alone_may_also_shorten_the_period(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 0, 7 * SECOND))
    bucket.request(7 * SECOND + 1, headers(5, 0, SECOND))
    assert bucket.wait(7 * SECOND + 2) == SECOND


def test_answers_in_the_wrong_order_leave_the_tightest(bucket: Bucket) -> None:
    bucket.take(0, "first")
    bucket.take(0, "second")
    bucket.learn(10, "second", 0, headers(5, 0, 5 * SECOND))
    bucket.learn(20, "first", 0, headers(5, 4, SECOND))
    assert bucket.wait(20) == 5 * SECOND + 10 - 20, "neither more requests nor an earlier reset"


def test_an_answer_that_came_when_the_next_was_claimed_has_not_told_of_it(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 0, SECOND))  # its answer came at 1
    bucket.take(1, "at the same moment")
    bucket.learn(20, "at the same moment", 1, headers(5, 4, SECOND))
    assert bucket.wait(20) > 0, "it may be the older one at Discord: it only tightens"
    bucket.take(21, "after it")
    bucket.learn(30, "after it", 21, headers(5, 4, SECOND))
    assert bucket.wait(30) == 0


def test_what_is_under_way_comes_off_what_an_answer_leaves(bucket: Bucket) -> None:
    for token in ("answered", "under way", "under way too"):
        bucket.take(0, token)
    bucket.learn(1, "answered", 0, headers(5, 3, SECOND))
    assert bucket.passes(1) == 1


def exhaust(bucket: Bucket, moves: int) -> int:
    """Use a bucket of five up, one request after the other, each moving its reset time; returns when it is empty."""
    for used in range(1, 6):
        reset_after = moves * used if moves else PERIOD
        bucket.request(used * 10, headers(5, 5 - used, reset_after, PERIOD + moves * used))
    return 5 * 10 + 1


def test_a_bucket_that_slides_gives_one_back_after_a_limit_th_of_its_period(bucket: Bucket) -> None:
    empty_at = exhaust(bucket, moves=PERIOD // 5)
    assert bucket.wait(empty_at) == PERIOD // 5
    assert bucket.wait(empty_at + PERIOD // 5 - 1) == 1
    assert bucket.passes(empty_at + PERIOD // 5) == 1, "one, and not all of them"
    assert bucket.wait(empty_at + PERIOD // 5) == PERIOD - PERIOD // 5, "the rest are back at the reset"


def test_a_fixed_window_gives_nothing_back_before_its_reset(bucket: Bucket) -> None:
    empty_at = exhaust(bucket, moves=0)
    assert bucket.wait(empty_at) == PERIOD
    assert bucket.wait(empty_at + PERIOD - 1) == 1
    assert bucket.passes(empty_at + PERIOD) == 5, "all at once"


def test_without_a_reset_time_of_discords_a_bucket_counts_as_a_fixed_window(
    bucket: Bucket, client: "redis.Redis"
) -> None:
    exhaust(bucket, moves=PERIOD // 5)
    bucket.request(PERIOD, headers(5, 0, PERIOD))
    assert bucket.wait(PERIOD + 1) == PERIOD
    assert client.hget(STATE, "bucket_slides") == "1", "the next answer with one goes by what was learned before"


@pytest.mark.parametrize("moves", [PERIOD // 5, PERIOD // 10 - 1], ids=["a request's worth", "half of it"])
def test_the_reset_time_shows_the_kind_by_half_of_what_one_request_moves_it(
    bucket: Bucket, moves: int, client: "redis.Redis"
) -> None:
    bucket.request(0, headers(5, 4, PERIOD, PERIOD))
    bucket.request(10, headers(5, 3, 2 * PERIOD // 5, PERIOD + moves))
    assert client.hget(STATE, "bucket_slides") == ("1" if moves == PERIOD // 5 else "0")


def test_the_first_request_of_a_period_shows_no_kind(bucket: Bucket, client: "redis.Redis") -> None:
    bucket.request(0, headers(5, 3, PERIOD, PERIOD))
    bucket.request(10, headers(5, 4, PERIOD, 5 * PERIOD))
    assert client.hget(STATE, "bucket_slides") is None, "one used: a period that begins moves the reset time too"
    bucket.learn(5 * PERIOD, "from the period before", 0, headers(5, 3, PERIOD, 9 * PERIOD))
    assert client.hget(STATE, "bucket_slides") is None, "the period is over: its reset time has moved anyway"


def test_nothing_goes_before_the_end_of_a_pause(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 4, SECOND))
    bucket.pause(9 * SECOND)
    assert bucket.wait(9 * SECOND - 1) == 1
    assert bucket.passes(9 * SECOND) == 5


def test_a_429_ends_the_trust_in_a_bucket_that_slides(bucket: Bucket, client: "redis.Redis") -> None:
    empty_at = exhaust(bucket, moves=PERIOD // 5)
    assert client.hget(STATE, "bucket_slides") == "1"
    bucket.pause(empty_at + 9 * SECOND)
    assert bucket.wait(empty_at) == 9 * SECOND
    assert bucket.wait(empty_at + PERIOD // 5) == 9 * SECOND - PERIOD // 5, "nothing comes back on its own"
    assert client.hget(STATE, "bucket_slides") == "0", "until a reset time has moved again"


STEP = 600 * SECOND


def test_after_a_step_back_a_period_lasts_no_longer_than_it_was_told(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 0, 7 * SECOND))
    assert bucket.wait(-STEP) == 7 * SECOND
    assert bucket.wait(7 * SECOND - STEP) == 0


def test_after_a_step_back_a_sliding_bucket_gives_all_back_at_its_reset(bucket: Bucket) -> None:
    empty_at = exhaust(bucket, moves=PERIOD // 5)
    assert bucket.wait(empty_at - STEP) == PERIOD
    assert bucket.passes(empty_at - STEP + PERIOD) == RULE["limit"]


def test_after_a_step_back_a_request_under_way_counts_for_its_lease(bucket: Bucket) -> None:
    bucket.take(0, "lost")
    assert bucket.passes(PERIOD - STEP) == RULE["limit"] - 1
    assert bucket.passes(PERIOD - STEP + LEASE) == RULE["limit"]


def test_what_a_worker_of_version_0_2_stores_is_believed_for_an_hour(bucket: Bucket, client: "redis.Redis") -> None:
    bucket.request(0, headers(5, 4, SECOND))
    client.hset(STATE, mapping={"bucket_remaining": 0, "bucket_reset_at": START + 30 * SECOND})
    assert bucket.wait(10) == 30 * SECOND - 10, "it is not clamped to what this version stored before"
    client.hset(STATE, "bucket_reset_at", START + 86_400 * SECOND)
    assert bucket.wait(0) == 3_600 * SECOND


def test_the_first_answer_after_a_step_back_is_believed(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 4, SECOND))
    bucket.request(-STEP, headers(10, 9, 7 * SECOND))
    assert bucket.passes(10 - STEP) == 9


def test_an_answer_to_a_request_from_before_a_step_back_may_only_tighten(bucket: Bucket) -> None:
    bucket.take(0, "before")
    bucket.request(-STEP, headers(5, 0, 7 * SECOND))
    bucket.learn(10 - STEP, "before", 0, headers(5, 4, SECOND))
    assert bucket.passes(20 - STEP) == 0


def test_headers_that_speak_of_a_day_are_believed_for_an_hour(bucket: Bucket) -> None:
    bucket.request(0, headers(5, 0, 86_400 * SECOND))
    assert bucket.wait(1) == 3_600 * SECOND
