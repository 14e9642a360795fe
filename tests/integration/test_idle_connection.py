"""A step goes straight onto a connection that is idle, and runs once whatever became of that connection meanwhile."""

import os
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from notifier.storage import connection as connections
from notifier.storage.connection import NamingRedis, connect
from notifier.storage.idle_connection import NoneIdle, ask, packed
from notifier.storage.scripts import atomic_step

COUNT = "return redis.call('INCR', KEYS[1])"
KEY = "counted:by:steps"


class Interrupted(BaseException):
    """Raised by a signal's handler."""


@pytest.fixture
def client(redis_url: str) -> Iterator[NamingRedis]:
    made = connect(redis_url, 5)
    assert isinstance(made, NamingRedis)
    made.delete(KEY)
    yield made
    made.delete(KEY)
    made.close()


@pytest.fixture
def step(client: NamingRedis) -> Callable[..., Any]:
    made = atomic_step(client, COUNT)
    made(keys=[KEY], args=[])
    return made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each step went: straight, or by redis-py."""
    ways: list[str] = []

    def noted(*given: Any) -> Any:
        try:
            answer = ask(*given)
        except NoneIdle:
            ways.append("redis-py")
            raise
        ways.append("straight")
        return answer

    monkeypatch.setattr(connections, "ask", noted)
    return ways


def test_a_step_takes_the_idle_connection(client: NamingRedis, step: Callable[..., Any], asked: list[str]) -> None:
    before = client.client_id()
    assert [step(keys=[KEY], args=["ä", 1, 2.5]) for _ in range(2)] == [2, 3]
    assert (asked, client.client_id()) == (["straight"] * 2, before)


@pytest.mark.usefixtures("step")
def test_arguments_arrive_as_by_redis_py(client: NamingRedis) -> None:
    text = "return {KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]}"
    given: Any = {"keys": ["käse"], "args": ["", "zwei\r\n$3", 2**60, 0.1]}
    assert atomic_step(client, text)(**given) == client.register_script(text)(**given)
    assert atomic_step(client, text)(**given) == ["käse", "", "zwei\r\n$3", str(2**60), "0.1"]


def test_a_connection_that_died_while_idle_is_made_anew(
    client: NamingRedis, step: Callable[..., Any], asked: list[str], redis_url: str
) -> None:
    with connect(redis_url, 5) as another:
        another.client_kill_filter(_id=client.client_id())
    assert (step(keys=[KEY], args=[]), asked) == (2, ["redis-py"])


def test_an_answer_that_nobody_took_is_not_that_of_the_next_step(
    client: NamingRedis, step: Callable[..., Any], asked: list[str]
) -> None:
    connection = client.connection_pool.pool.get()
    connection.send_command("ECHO", "somebody else's")
    assert select.select([connection._sock], [], [], 5)[0]
    client.connection_pool.pool.put(connection)
    assert (step(keys=[KEY], args=[]), asked) == (2, ["redis-py"])


def test_a_signal_in_the_middle_leaves_no_answer_behind(client: NamingRedis, step: Callable[..., Any]) -> None:
    def interrupted() -> None:
        del connection.read_response
        raise Interrupted

    client.connection_pool.pool.put(connection := client.connection_pool.pool.get())
    connection.read_response = interrupted
    with pytest.raises(Interrupted):
        step(keys=[KEY], args=[])
    assert connection._sock is None  # the answer may come late
    assert step(keys=[KEY], args=[]) == 3


def test_a_server_that_has_forgotten_the_script_runs_it_once(client: NamingRedis, step: Callable[..., Any]) -> None:
    client.script_flush()
    assert step(keys=[KEY], args=[]) == 2


def test_an_error_names_its_redis(client: NamingRedis) -> None:
    client.ping()
    with pytest.raises(redis.ResponseError) as caught:
        client.ask(b"*1\r\n" + packed(["NOPE"]))
    assert getattr(caught.value, connections.PLACE) == getattr(client.connection_pool, connections.PLACE)
    assert client.ping()


def test_a_fork_does_not_use_its_parents_connection(client: NamingRedis, step: Callable[..., Any]) -> None:
    before = client.client_id()
    if not (child := os.fork()):
        os._exit(0 if step(keys=[KEY], args=[]) == 2 and client.client_id() != before else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (step(keys=[KEY], args=[]), client.client_id()) == (3, before)


def test_threads_at_once_each_have_a_connection(client: NamingRedis, step: Callable[..., Any]) -> None:
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.extend(step(keys=[KEY], args=[]) for _ in range(50))) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(counts) == [*range(2, 202)]


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("return 'ä'", "ä"),
        ("return ''", ""),
        ("return '$1\\r\\nx'", "$1\r\nx"),
        ("return string.rep('x', 57)", "x" * 57),
        ("return string.rep('x', 58)", "x" * 58),
        ("return string.rep('x', 100000)", "x" * 100_000),
        ("return 5", 5),
        ("return nil", None),
        ("return {'a', {'b'}}", ["a", ["b"]]),
        ("return redis.status_reply('fine')", "fine"),
    ],
)
def test_each_kind_of_answer_is_read_whole(client: NamingRedis, asked: list[str], script: str, answer: object) -> None:
    asking = atomic_step(client, script)
    assert [asking(keys=[], args=[]) for _ in range(3)] == [answer] * 3
    assert asked == ["straight"] * 2  # the first has brought the script
    assert client.ping()


def test_silence_and_an_end_are_told_as_by_redis_py(redis_url: str) -> None:
    waits_long = b"*3\r\n" + packed(["BLPOP", "nothing:there", "0"])
    for timeout_seconds, error in ((0.05, redis.TimeoutError), (5, redis.ConnectionError)):
        with connect(redis_url, timeout_seconds) as client, connect(redis_url, 5) as another:
            own = client.client_id()
            killing = threading.Timer(0.1, lambda: another.client_kill_filter(_id=own))  # noqa: B023 - ended in the loop
            killing.start()
            with pytest.raises(error):
                client.ask(waits_long)  # type: ignore[attr-defined]
            killing.join()
            assert client.client_id() != own


def test_a_subscription_hears_each_message(client: NamingRedis) -> None:
    with client.pubsub() as subscription:
        subscription.subscribe("test:heard")
        for number in range(4):
            client.publish("test:heard", str(number))
        heard = [subscription.get_message(timeout=5) for _ in range(5)]
    assert [each and each["data"] for each in heard] == [1, "0", "1", "2", "3"]
