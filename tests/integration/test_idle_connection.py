"""A step goes straight onto a connection that is idle, and runs once whatever became of that connection meanwhile."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Full
from typing import Any

import pytest
import redis

from notifier.storage import busy_poll, idle_connection
from notifier.storage import connection as connections
from notifier.storage.busy_poll import BusyPoll
from notifier.storage.connection import NamingRedis, connect
from notifier.storage.idle_connection import READ_BYTES, Idle, NoneIdle, ask, packed
from notifier.storage.scripts import atomic_step
from tests.integration.held_memory import ROUNDS, most_memory_of
from tests.servers import until

COUNT = "return redis.call('INCR', KEYS[1])"
KEY = "counted:by:steps"
WAITS_LONG = b"*3\r\n" + packed(["BLPOP", "nothing:there", "0"])


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


def test_the_answer_to_a_step_is_looked_for_until_it_is_there(
    step: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wait, seen = BusyPoll.wait, list[bool]()

    def noted(self: BusyPoll, poller: Any) -> None:
        wait(self, poller)
        seen.append(bool(poller.poll(0)))  # so that nobody sleeps until it comes

    monkeypatch.setattr(BusyPoll, "wait", noted)
    monkeypatch.setattr(busy_poll, "SECONDS", 5)  # this machine may be busy
    for _ in range(100):
        step(keys=[KEY], args=[])
    assert seen == [True] * 100


@pytest.mark.parametrize("way", ["straight", "redis-py"])
def test_who_waits_for_an_answer_holds_little_memory(
    client: NamingRedis, step: Callable[..., Any], asked: list[str], way: str
) -> None:
    def ask_it() -> None:
        client.ping() if way == "redis-py" else step(keys=[KEY], args=[])

    ask_it()
    assert most_memory_of(ask_it) < 4 * READ_BYTES
    assert asked == ([way] * (1 + ROUNDS) if way == "straight" else [])


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


def test_a_connection_whose_health_is_due_to_be_asked_for_is_asked(
    client: NamingRedis, step: Callable[..., Any], asked: list[str]
) -> None:
    client.connection_pool.pool.put(connection := client.connection_pool.pool.get())
    connection.next_health_check = 0
    assert [step(keys=[KEY], args=[]) for _ in range(2)] == [2, 3]
    assert asked == ["redis-py", "straight"]


def test_who_waits_for_a_connection_gets_the_one_that_is_given_back(redis_url: str) -> None:
    with connect(f"{redis_url}?max_connections=1", 5) as client, ThreadPoolExecutor() as threads:
        idle: Idle = client.connection_pool.pool  # type: ignore[attr-defined]
        taken = idle.get_nowait()
        with pytest.raises(Empty):
            idle.get_nowait()
        waiting = threads.submit(client.ping)
        until(lambda: bool(idle.not_empty._waiters), "a thread that waits")  # type: ignore[attr-defined]
        idle.put_nowait(taken)
        assert waiting.result(5)
        with pytest.raises(Full):
            idle.put_nowait(None)


def test_a_signal_in_the_middle_leaves_no_answer_behind(
    client: NamingRedis, step: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise Interrupted

    client.connection_pool.pool.put(connection := client.connection_pool.pool.get())
    with monkeypatch.context() as patched:
        patched.setattr(idle_connection, "_read", interrupted)
        with pytest.raises(Interrupted):
            step(keys=[KEY], args=[])
    assert connection._sock is None  # the answer may come late
    assert step(keys=[KEY], args=[]) == 3


@pytest.mark.parametrize("is_transaction", [True, False])
def test_a_signal_between_the_answers_of_a_pipeline_leaves_none_behind(
    client: NamingRedis, monkeypatch: pytest.MonkeyPatch, is_transaction: bool
) -> None:
    step = atomic_step(client, "return {ARGV[1], string.rep('x', 100)}")
    step(keys=[], args=["learned"])
    pipeline = client.pipeline(is_transaction)
    pipeline.echo("first").echo("second")
    answers, read = [], pipeline.parse_response

    def interrupted(*given: Any, **options: Any) -> Any:
        answers.append(read(*given, **options))
        raise Interrupted

    monkeypatch.setattr(pipeline, "parse_response", interrupted)
    with pytest.raises(Interrupted):
        pipeline.execute()
    assert len(answers) == 1
    assert [step(keys=[], args=["own"])[0] for _ in range(3)] == ["own"] * 3


def test_a_signal_between_a_command_and_its_answer_leaves_none_behind(
    client: NamingRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise Interrupted

    client.connection_pool.pool.put(connection := client.connection_pool.pool.get())
    with monkeypatch.context() as patch:
        patch.setattr(client, "parse_response", interrupted)
        with pytest.raises(Interrupted):
            client.ping()
    assert connection._sock is None
    assert client.ping()


def test_a_signal_cannot_leave_the_pool_locked(client: NamingRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Any) -> None:
        raise Interrupted  # as its own does if the signal comes at its end: the lock is closed then

    monkeypatch.setattr(threading.Condition, "__enter__", interrupted)
    assert client.ping()


@pytest.mark.usefixtures("step")
def test_a_signal_while_a_connection_is_looked_at_takes_no_place(
    client: NamingRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Any) -> None:
        raise Interrupted

    idle = client.connection_pool.pool.queue
    places = len(idle)
    monkeypatch.setattr(idle_connection, "_idle_poller", interrupted)
    with pytest.raises(Interrupted):
        client.ask(b"*1\r\n" + packed(["PING"]))
    assert len(idle) == places


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
        ("return string.rep('x', 8183)", "x" * 8_183),
        ("return string.rep('x', 8184)", "x" * 8_184),
        ("return string.rep('x', 65527)", "x" * 65_527),
        ("return string.rep('x', 65528)", "x" * 65_528),
        ("return string.rep('x', 100000)", "x" * 100_000),
        ("return 5", 5),
        ("return nil", None),
        ("return {'a', {'b', 5, {}}, '', 'ä\\r\\n'}", ["a", ["b", 5, []], "", "ä\r\n"]),
        ("return {'a', false, 'b'}", ["a", None, "b"]),
        ("return redis.status_reply('fine')", "fine"),
    ],
)
def test_each_kind_of_answer_is_read_whole(client: NamingRedis, asked: list[str], script: str, answer: object) -> None:
    asking = atomic_step(client, script)
    assert [asking(keys=[], args=[]) for _ in range(3)] == [answer] * 3
    assert asked == ["straight"] * 2  # the first has brought the script
    assert client.ping()


@contextmanager
def answering(client: NamingRedis, *pieces: bytes) -> Iterator[None]:
    """The idle connection leads to a server that answers in these pieces; Redis 6 sends a list in a list in several."""

    def answer() -> None:
        theirs.recv(1_000)
        for piece in pieces:
            theirs.sendall(piece)
            select.select([theirs], [], [], 0.05)  # so that they are seen one by one

    client.ping()
    client.connection_pool.pool.put(connection := client.connection_pool.pool.get())
    connection.disconnect()
    connection._sock, theirs = socket.socketpair()
    connection._sock.settimeout(5)
    connection._parser.on_connect(connection)
    with theirs:
        server = threading.Thread(target=answer)
        server.start()
        try:
            yield
        finally:
            connection.disconnect()
            server.join()


def test_an_answer_of_many_parts_is_read_without_redis_py(client: NamingRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"x" * 9_000
    with (
        answering(client, b"*3\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n:5\r\n" + packed([text])),
        monkeypatch.context() as patched,
    ):
        patched.setattr(redis.Connection, "read_response", None)
        assert client.ask(b"*1\r\n" + packed(["PING"])) == ["a", ["b", 5], text.decode()]


def test_an_answer_that_comes_in_pieces_is_read_whole(client: NamingRedis) -> None:
    with answering(client, b"*2\r\n$1\r\na\r\n$4\r\nb", b"\r\n", b"c\r\n"):
        assert client.ask(b"*1\r\n" + packed(["PING"])) == ["a", "b\r\nc"]


def test_silence_is_told_as_by_redis_py(redis_url: str) -> None:
    with connect(redis_url, 5) as client:
        own = client.client_id()
        client.connection_pool.pool.put(connection := client.connection_pool.pool.get())  # type: ignore[attr-defined]
        connection._sock.settimeout(0.5)  # of this answer alone
        with pytest.raises(redis.TimeoutError):
            client.ask(WAITS_LONG)  # type: ignore[attr-defined]
        assert client.client_id() != own


def test_an_end_is_told_as_by_redis_py(redis_url: str) -> None:
    with connect(redis_url, 60) as client, connect(redis_url, 5) as another:
        own = client.client_id()

        def kill() -> None:
            until(lambda: another.client_list(client_id=[str(own)])[0]["cmd"] == "blpop", "the step under way")
            another.client_kill_filter(_id=own)

        killing = threading.Thread(target=kill)
        killing.start()
        with pytest.raises(redis.ConnectionError):
            client.ask(WAITS_LONG)  # type: ignore[attr-defined]
        killing.join()
        assert client.client_id() != own


def test_a_subscription_hears_each_message(client: NamingRedis) -> None:
    with client.pubsub() as subscription:
        subscription.subscribe("test:heard")
        for number in range(4):
            client.publish("test:heard", str(number))
        heard = [subscription.get_message(timeout=5) for _ in range(5)]
    assert [each and each["data"] for each in heard] == [1, "0", "1", "2", "3"]


def test_a_connection_that_sending_has_made_anew_can_be_read(client: NamingRedis) -> None:
    pool: Any = client.connection_pool
    connection = pool.make_connection()
    connection.connect()
    connection.disconnect()
    connection.db = 0  # so that nothing is sent before
    connection.send_command("PING")
    assert connection.can_read(5)
    assert connection.read_response() == "PONG"
    connection.disconnect()
