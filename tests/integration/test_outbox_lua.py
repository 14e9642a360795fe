"""The Lua functions that the steps of an outbox share, each alone on a real Redis."""

import json
from typing import Any

import pytest
import redis

from notifier.outbox.steps import OUTBOX_SCRIPTS
from notifier.storage.connection import connect
from notifier.storage.scripts import script
from tests.integration.lua import run_lua

NOW = 1_800_000_000_000_000
SECOND = 1_000_000


class Lua:
    """Calls one function; the keys are names of this test's own."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self._functions = script(*OUTBOX_SCRIPTS)

    def __call__(self, call: str) -> Any:
        return run_lua(self.redis, self._functions, f"local now = {NOW} return {call}")

    def run(self, program: str) -> Any:
        """Several statements."""
        return run_lua(self.redis, self._functions, f"local now = {NOW} {program}")


@pytest.fixture
def lua(redis_url: str) -> Any:
    """The functions, with nothing in Redis."""
    client = connect(redis_url, 5)
    yield Lua(client)
    client.flushdb()  # these keys are the test's own, without a life
    client.close()


def test_an_outbox_holds_what_waits_backs_off_and_is_in_flight(lua: Lua) -> None:
    lua.redis.zadd("w", {"a": 1, "b": 2})
    lua.redis.zadd("d", {"c": 1})
    lua.redis.zadd("f", {"e": 1, "f": 2, "g": 3})
    assert lua("outbox_size('w', 'd', 'f')") == 6
    assert lua("outbox_size('none', 'd', 'none')") == 1


@pytest.mark.parametrize(
    ("wait", "armed"), [(-5, 0), (0, 0), (SECOND, SECOND), (60 * SECOND, 60 * SECOND), (3_600 * SECOND, 60 * SECOND)]
)
def test_a_wake_up_is_never_due_in_the_past_nor_in_more_than_a_minute(lua: Lua, wait: int, armed: int) -> None:
    assert lua(f"arm('wake_up', now, {wait}, 'token')") == armed
    assert lua.redis.get("wake_up") == f"token {NOW + armed}"
    assert 0 < lua.redis.pttl("wake_up") <= armed / 1_000 + 5_000


@pytest.mark.parametrize(("earlier", "sends"), [(0, False), (100_000, False), (100_001, True), (SECOND, True)])
def test_only_a_wake_up_that_is_clearly_earlier_replaces_the_one_under_way(lua: Lua, earlier: int, sends: bool) -> None:
    lua("arm('wake_up', now, 10 * SECOND, 'first')")
    told = lua(f"arm('wake_up', now, 10 * SECOND - {earlier}, 'second')")
    assert told == (10 * SECOND - earlier if sends else -1)
    assert str(lua.redis.get("wake_up")).startswith("second" if sends else "first")


def test_the_wait_log_has_one_entry_per_change_and_keeps_the_newest(lua: Lua) -> None:
    lua.run("for n = 1, 3 do log_wait('state', now + n, 'rate_limited', 60) end")
    (entry,) = json.loads(str(lua.redis.hget("state", "held")))
    assert entry == [NOW + 1, "rate_limited"]
    lua.run("for n = 1, 60 do log_wait('state', now + n, 'reason ' .. n, 60) end")
    text = str(lua.redis.hget("state", "held"))
    log = json.loads(text)
    assert log == [[NOW + number, f"reason {number}"] for number in range(61 - len(log), 61)]
    assert 18 <= len(log) <= 25
    assert 600 < len(text) < 660


@pytest.mark.parametrize("empty", ["", "[]", "{}"])
def test_an_empty_wait_log_is_begun(lua: Lua, empty: str) -> None:
    """Of an outbox that never waited, and as cjson writes it."""
    if empty:
        lua.redis.hset("state", "held", empty)
    for after, reason in enumerate(("", "batching", "batching")):
        lua.run(f"log_wait('state', now + {after}, '{reason}', 60)")
    assert json.loads(str(lua.redis.hget("state", "held"))) == [[NOW, ""], [NOW + 1, "batching"]]
    assert 0 < lua.redis.ttl("state") <= 60


@pytest.mark.parametrize(
    ("since", "waited"),
    [
        (0, {"a": 10, "b": 25}),  # the wait under way counts up to now
        (5, {"a": 5, "b": 25}),
        (10, {"b": 25}),
        (25, {"b": 15}),
        (40, {}),
    ],
)
def test_waits_are_summed_by_reason_from_the_time_on_that_is_asked_for(
    lua: Lua, since: int, waited: dict[str, int]
) -> None:
    log = "{ { 0, 'a' }, { 10, '' }, { 15, 'b' }, { 20, '' }, { 20, 'b' } }"
    assert json.loads(lua(f"cjson.encode(waits_since({log}, 40, {since}))")) == waited


def test_events_are_bounded_and_keep_the_first_nine_and_the_last(lua: Lua) -> None:
    lua.run("for n = 1, 60 do add_event('alert', { at = n }) end")
    events = [event["at"] for event in json.loads(str(lua.redis.hget("alert", "trail")))]
    assert events == [*range(1, 10), *range(30, 61)]


@pytest.mark.parametrize(
    ("state", "alive", "wait"),
    [
        ({"lease_until": NOW + 9}, False, (9, 1)),  # version 0.0 named no worker
        ({"lease_until": NOW + 9, "worker": "w"}, True, (9, 1)),
        ({"lease_until": NOW - 1, "worker": "w"}, True, (0, 1)),
        ({"lease_until": NOW + 9, "worker": "w"}, False, (5, None)),
        ({"lease_until": NOW + 3, "worker": "w"}, False, (3, None)),
        ({"lease_until": NOW + 9, "worker": "w", "missed_at": NOW - 4}, False, (1, None)),
        ({"lease_until": NOW + 9, "worker": "w", "missed_at": NOW - 6}, False, (0, None)),
    ],
)
def test_a_batch_is_waited_for_as_long_as_its_lease_or_its_missed_worker_has_time(
    lua: Lua, state: dict[str, Any], alive: bool, wait: tuple[int, int | None]
) -> None:
    lua.redis.hset("state", mapping=state)
    if alive:
        lua.redis.set("worker:w", 1)
    left, is_alive = lua.run(
        "local left, alive = lease_wait('state', now, 'worker:', 5) return { left, tostring(alive) }"
    )
    assert (left, is_alive) == (wait[0], "true" if wait[1] else "false")
    assert lua.redis.hexists("state", "missed_at") == (is_alive == "false")


def test_what_is_due_next_is_what_waits_else_the_first_that_backs_off(lua: Lua) -> None:
    assert lua("due_in('w', 'd', now)") is None
    lua.redis.zadd("d", {"later": NOW + 7, "sooner": NOW + 3})
    assert lua("due_in('w', 'd', now)") == 3
    assert lua("due_in('w', 'd', now + 5)") == 0
    lua.redis.zadd("w", {"waits": 1})
    assert lua("due_in('w', 'd', now)") == 0


def test_a_small_batch_waits_for_others_only_shortly_after_a_commit(lua: Lua) -> None:
    assert lua("batching_wait('state', now, false)") == 0
    lua.redis.hset("state", "settled_at", NOW - 20_000)
    assert lua("batching_wait('state', now, false)") == 30_000
    assert lua("batching_wait('state', now, true)") == 0, "a full one does not"
    assert lua("batching_wait('state', now + 30000, false)") == 0
    assert lua("batching_wait('state', now, false, now - 10000)") == 40_000, "the first of several came later"
    assert lua("batching_wait('state', now, true, now)") == 0


def test_a_record_is_forgotten_in_every_index_and_another_tasks_result_is_left_alone(lua: Lua) -> None:
    lua.redis.set("result:1", json.dumps({"result": {"admitted_at": "x", "status": "folded"}}))
    lua.redis.set("result:2", json.dumps({"result": 17}))
    for key in ("history", "history:folded"):
        lua.redis.zadd(key, {"1": 1, "2": 2})
    lua.run("for id = 1, 3 do forget_record('result:' .. id, 'history', tostring(id)) end")
    assert [lua.redis.exists(f"result:{number}") for number in (1, 2)] == [0, 1]
    assert [lua.redis.zrange(key, 0, -1) for key in ("history", "history:folded")] == [["2"], ["2"]]
