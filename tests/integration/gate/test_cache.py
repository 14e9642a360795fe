"""cache.lua alone: a step sees what it has written, and Redis is asked once."""

from typing import Any

import pytest
import redis

from notifier.outbox.steps import CACHE
from notifier.storage.scripts import script
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)
from tests.integration.lua import run_lua


@pytest.fixture
def commands(client: "redis.Redis") -> Any:
    """Runs a program behind the cache; returns its answer and the commands that Redis ran for it, by name."""

    def run(program: str) -> tuple[Any, dict[str, int]]:
        client.config_resetstat()
        answer = run_lua(client, script(*CACHE), f"return redis.written((function() {program} end)())")
        found: dict[str, Any] = client.info("commandstats")
        calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in found.items()}
        return answer, {name: count for name, count in calls.items() if not name.startswith(("eval", "config"))}

    return run


def test_a_step_sees_its_own_writes_and_a_hash_is_read_and_written_once(client: "redis.Redis", commands: Any) -> None:
    client.hset("h", mapping={"a": "1", "b": "2", "gone": "3"})
    client.expire("h", 100)
    answer, calls = commands("""
        redis.call('HSET', 'h', 'a', 1795899721458685, 'c', 'x')
        redis.call('HDEL', 'h', 'gone', 'never')
        local more = redis.call('HINCRBY', 'h', 'b', 5)
        local again = redis.call('HSETNX', 'h', 'c', 'y')
        return { redis.call('HGET', 'h', 'a'), more, again, redis.call('HEXISTS', 'h', 'gone'),
          #redis.call('HKEYS', 'h'),
          redis.call('HMGET', 'h', 'c', 'gone')[1] }
    """)
    assert answer == ["1795899721458685", 7, 0, 0, 3, "x"]
    assert client.hgetall("h") == {"a": "1795899721458685", "b": "7", "c": "x"}
    assert calls == {"hgetall": 1, "hset": 1, "hdel": 1}
    assert 0 < client.ttl("h") <= 100, "it was never empty"


def test_what_is_the_same_as_before_is_not_written(client: "redis.Redis", commands: Any) -> None:
    client.hset("h", "a", "1")
    _, calls = commands("redis.call('HSET', 'h', 'a', 1)")
    assert calls == {"hgetall": 1}


def test_a_hash_whose_fields_all_change_keeps_its_life(client: "redis.Redis", commands: Any) -> None:
    client.hset("h", "a", "1")
    client.expire("h", 100)
    commands("redis.call('HDEL', 'h', 'a'); redis.call('HSET', 'h', 'b', '2')")
    assert client.hgetall("h") == {"b": "2"}
    assert client.ttl("h") > 0


def test_members_come_and_go_in_one_command_and_are_there_when_they_are_asked_for(
    client: "redis.Redis", commands: Any
) -> None:
    client.zadd("z", {"old": 1, "other": 2})
    client.expire("z", 100)
    answer, calls = commands("""
        for n = 1, 3 do redis.call('ZADD', 'z', n, 'new ' .. n) end
        redis.call('ZREM', 'z', 'old')
        redis.call('ZREM', 'z', 'new 3')
        redis.call('ZREM', 'z', 'other')
        redis.call('EXPIRE', 'z', 50)
        redis.call('EXPIRE', 'z', 60)
        return redis.call('ZRANGE', 'z', 0, -1)
    """)
    assert answer == ["new 1", "new 2"]
    assert calls == {"zadd": 1, "zrem": 1, "zrange": 1, "expire": 1, "del": 1}
    assert 50 < client.ttl("z") <= 60


def test_a_key_that_is_deleted_is_made_anew(client: "redis.Redis", commands: Any) -> None:
    client.hset("h", mapping={"a": "1", "b": "2"})
    answer, _ = commands("""
        local before = redis.call('HGET', 'h', 'a')
        redis.call('DEL', 'h')
        redis.call('HSET', 'h', 'c', before)
        return { redis.call('EXISTS', 'h'), redis.call('HEXISTS', 'h', 'a') }
    """)
    assert answer == [1, 0]
    assert client.hgetall("h") == {"c": "1"}


def test_a_step_that_looks_at_very_many_reads_and_writes_them_all_the_same(
    client: "redis.Redis", commands: Any
) -> None:
    for number in range(200):
        client.hset(f"h{number}", "n", number)
    answer, _ = commands("""
        local sum = 0
        for n = 0, 199 do
          sum = sum + redis.call('HGET', 'h' .. n, 'n')
          redis.call('HSET', 'h' .. n, 'n', n + 1)
          redis.call('ZADD', 'z', n, n)
        end
        return sum
    """)
    assert answer == sum(range(200))
    assert client.hget("h0", "n") == "1"
    assert client.hget("h199", "n") == "200"
    assert client.zcard("z") == 200


def test_a_redis_that_is_full_lets_a_step_write(client: "redis.Redis", commands: Any) -> None:
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", 1)
    try:
        commands("redis.call('ZADD', 'z', 1, 'a'); redis.call('HSET', 'h', 'a', 1)")
    finally:
        client.config_set("maxmemory", before)
    assert client.zcard("z") == 1
    assert client.hget("h", "a") == "1"


@pytest.mark.parametrize(
    ("leaves", "calls"),
    [
        ("redis.call('ZREM', 'old', 'a')", {"zrem": 1}),
        ("redis.call('HDEL', 'kept', 'a')", {"hgetall": 1, "hdel": 1}),
        ("redis.call('HDEL', 'whole', 'a')", {"hgetall": 1, "hdel": 1, "del": 1}),  # its life would be lost
        ("redis.call('ZREM', 'old', 'a'); redis.call('ZADD', 'old', 1, 'c')", {"zrem": 1, "zadd": 1, "del": 1}),
    ],
)
def test_what_leaves_anyway_is_what_a_full_redis_sees_first(
    client: "redis.Redis", commands: Any, leaves: str, calls: dict[str, int]
) -> None:
    client.zadd("old", {"a": 1, "b": 2})
    client.hset("kept", mapping={"a": "1", "b": "2"})
    client.hset("whole", mapping={"a": "1"})
    client.config_set("maxmemory", 1)
    try:
        answer, asked = commands(f"{leaves}; return redis.call('INCR', 'n')")
    finally:
        client.config_set("maxmemory", 0)
    assert (answer, asked) == (1, {"incr": 1, **calls})


def test_however_many_hashes_a_step_makes_anew_each_is_whole(client: "redis.Redis", commands: Any) -> None:
    for number in range(70):
        client.hset(f"h{number}", mapping={"kept": "1", "gone": "2"})
    commands("for n = 0, 69 do redis.renew('h' .. n, { 'gone' }, { new = n }) end")
    assert [client.hgetall(f"h{number}") for number in range(70)] == [
        {"kept": "1", "new": str(number)} for number in range(70)
    ]


def test_a_small_set_answers_as_redis_does(client: "redis.Redis", commands: Any) -> None:
    client.zadd("z", {f"m{score}": score for score in (3, 5, 8, 8.5, 13)} | {"also 8": 8, "goes": 6})
    client.expire("z", 100)
    questions = """
        local function ask(key)
          redis.call('ZADD', key, 9, 'new')
          redis.call('ZADD', key, 4, 'm13')
          redis.call('ZREM', key, 'goes')
          redis.call('ZREM', key, 'never')
          redis.call('ZREMRANGEBYSCORE', key, '-inf', 3)
          local found = {}
          for _, name in ipairs({ 'ZCOUNT', 'ZRANGEBYSCORE' }) do
            for _, low in ipairs({ '-inf', '(5', 5, 8, '(9' }) do
              for _, high in ipairs({ '+inf', 8, '(8', 4 }) do
                table.insert(found, redis.call(name, key, low, high))
              end
            end
          end
          table.insert(found, redis.call('ZRANGEBYSCORE', key, '(5', '+inf', 'WITHSCORES'))
          for _, first in ipairs({ 0, 2, -2, -20, 20 }) do
            for _, last in ipairs({ -1, 0, 1, -3, 20 }) do
              table.insert(found, redis.call('ZRANGE', key, first, last))
            end
          end
          return { redis.call('ZCARD', key), redis.call('ZSCORE', key, 'm8.5'), redis.call('ZSCORE', key, 'goes'),
            found }
        end
    """
    answer, calls = commands(questions + "redis.read_whole({ 'z' }); return ask('z')")
    assert calls == {"zrange": 1, "zadd": 1, "zrem": 1, "del": 1}
    held = client.zrange("z", 0, -1, withscores=True)
    client.delete("z")
    client.zadd("z", {f"m{score}": score for score in (3, 5, 8, 8.5, 13)} | {"also 8": 8, "goes": 6})
    assert answer == commands(questions + "return ask('z')")[0]
    assert held == client.zrange("z", 0, -1, withscores=True)


def test_sets_may_be_there_while_no_key_is(client: "redis.Redis", commands: Any) -> None:
    program = "redis.expect_none({ 'a', 'b' }, { 'y', 'z' });"
    program += "return { redis.call('ZCARD', 'z'), redis.call('HGET', 'a', 'f') }"
    assert commands(program) == ([0, None], {"exists": 1})
    client.zadd("z", {"m": 1})
    assert commands(program) == ([1, None], {"exists": 1, "zcard": 1})
    client.hset("a", "f", "1")
    assert commands(program) == ([1, "1"], {"exists": 1, "zcard": 1, "hgetall": 1})
    client.delete("z")
    assert commands(program) == ([0, "1"], {"exists": 1, "hgetall": 1})
