"""While Redis is away, no call on a result holds its caller longer than configured, and no worker loses a slot."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from celery import Celery
from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import AsyncResult, GroupResult

from notifier.errors import BrokerUnavailable
from notifier.routing import ROUTES
from notifier.settings import Settings
from notifier.storage import result_backend
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from notifier.storage.url import read_redis_url
from tests.conftest import Sandbox, StartWorker
from tests.results import store, waited_for
from tests.servers import OwnRedis, SentinelRedis, until

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 0.5
"""NOTIFIER_PUBLISH_TIMEOUT_SECONDS of these tests."""
SLACK_SECONDS = 0.5
"""What a busy machine may add; with Celery's own backend most of these calls do not return."""
SLOTS = 8
QUEUE = next(iter(ROUTES.values())).queue
CALLS: dict[str, Callable[[AsyncResult, GroupResult], object]] = {  # type: ignore[type-arg]
    "state": lambda result, _: result.state,
    "ready": lambda result, _: result.ready(),
    "successful": lambda result, _: result.successful(),
    "failed": lambda result, _: result.failed(),
    "result": lambda result, _: result.result,
    "info": lambda result, _: result.info,
    "date_done": lambda result, _: result.date_done,
    "children": lambda result, _: result.children,
    "forget": lambda result, _: result.forget(),
    "group ready": lambda _, group: group.ready(),
    "group successful": lambda _, group: group.successful(),
    "group completed_count": lambda _, group: group.completed_count(),
    "group save": lambda _, group: group.save(),
    "group forget": lambda _, group: group.forget(),
}
WAITS: dict[str, Callable[[AsyncResult, GroupResult, float], object]] = {  # type: ignore[type-arg]
    "get": lambda result, _, timeout: result.get(timeout=timeout),
    "group get": lambda _, group, timeout: group.get(timeout=timeout),
    "group join": lambda _, group, timeout: group.join(timeout=timeout),
    "group iter_native": lambda _, group, timeout: list(group.iter_native(timeout=timeout)),
}


def reader_of(url: str, monkeypatch: pytest.MonkeyPatch) -> Celery:
    """An application that reads results there, with the limit of these tests."""
    limited = Settings.load().model_copy(update={"publish_timeout_seconds": LIMIT_SECONDS})
    monkeypatch.setattr(result_backend, "settings", lambda: limited)
    app = create_app("reads-results")
    app.conf.update(broker_url=url, result_backend=url)
    return app


@pytest.fixture
def app(own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> Celery:
    """One that has read before."""
    app = reader_of(own_redis.url, monkeypatch)
    assert app.AsyncResult("a").state == "PENDING"
    return app


@pytest.fixture(params=["refuses", "is silent"])
def gone_redis(request: pytest.FixtureRequest, own_redis: OwnRedis, app: Celery) -> OwnRedis:
    """A Redis that is away."""
    own_redis.away() if request.param == "refuses" else own_redis.freeze()
    return own_redis


def three(app: Celery) -> GroupResult:
    """A group of three."""
    return app.GroupResult("g", [app.AsyncResult(each) for each in "abc"])


def test_each_call_on_a_result_raises_in_time(app: Celery, gone_redis: OwnRedis) -> None:
    late = set()
    for name, call in CALLS.items():

        def seconds(call: Any = call) -> float:
            start = time.monotonic()
            with pytest.raises(BrokerUnavailable, match="Redis"):
                call(app.AsyncResult("a"), three(app))
            return time.monotonic() - start

        if not in_time(seconds, LIMIT_SECONDS, lambda: goes_again(gone_redis, app)):
            late.add(name)
    assert late == set()


def in_time(
    seconds: Callable[[], float], limit_seconds: float, again: Callable[[], object] = lambda: None, rounds: int = 3
) -> bool:
    """Whether it takes no longer in the best round: this process or Redis may stand still for a moment in another.

    ``again`` is called before each further round: to have it meet what the first has met.
    """
    for number in range(rounds):
        if number:
            again()
        if seconds() < limit_seconds + SLACK_SECONDS:
            return True
    return False


def goes_again(gone: OwnRedis, app: Celery) -> None:
    """Redis is back, is read, and goes in the same way: the next call is the first to find that it is away."""
    is_silent = gone.process.running
    gone.thaw() if is_silent else gone.back()
    until(lambda: reads(app), "an answer of Redis")
    gone.freeze() if is_silent else gone.away()


def reads(app: Celery) -> bool:
    """Whether the application can read."""
    with suppress(BrokerUnavailable):
        return app.AsyncResult("a").state == "PENDING"
    return False


def test_a_wait_with_a_timeout_ends_by_it_and_says_that_redis_was_away(app: Celery, gone_redis: OwnRedis) -> None:
    timeout = 2 * LIMIT_SECONDS
    for name, wait in WAITS.items():

        def seconds(wait: Any = wait) -> float:
            start = time.monotonic()
            with pytest.raises(ResultTimeout, match="Redis") as raised:
                wait(app.AsyncResult("a"), three(app), timeout)
            taken = time.monotonic() - start
            assert isinstance(raised.value.__cause__, BrokerUnavailable)
            assert taken >= timeout
            return taken

        assert in_time(seconds, timeout, lambda: goes_again(gone_redis, app)), name


def test_a_wait_without_a_timeout_goes_on_until_redis_is_back_and_the_result_is_there(
    app: Celery, gone_redis: OwnRedis
) -> None:
    answers: list[object] = []
    waits = [app.AsyncResult("a").get, three(app).get, three(app).join]
    threads = [threading.Thread(target=lambda wait=each: answers.append(wait())) for each in waits]
    for each in threads:
        each.start()
    with pytest.raises(ResultTimeout):
        app.AsyncResult("a").get(timeout=2 * LIMIT_SECONDS)
    gone_redis.thaw() if gone_redis.process.running else gone_redis.back()
    client = connect(gone_redis.url, 5)
    until(lambda: waited_for(client) == 3, "the subscriptions")
    for each in "abc":
        store(client, each, each)
    for thread in threads:
        thread.join(20)
    assert (answers.count("a"), answers.count(["a", "b", "c"])) == (1, 2)
    client.close()


@pytest.fixture
def sentinel_redis(tmp_path: Path) -> Iterator[SentinelRedis]:
    """One behind sentinels."""
    own = SentinelRedis(tmp_path / "sentinel")
    yield own
    own.stop()


def test_a_wait_goes_on_at_the_replica_that_takes_over(
    sentinel_redis: SentinelRedis, monkeypatch: pytest.MonkeyPatch, own_environment: None
) -> None:
    monkeypatch.setenv("REDIS_URL", sentinel_redis.url)
    address = read_redis_url("REDIS_URL", sentinel_redis.url)
    app = reader_of(address.celery_url, monkeypatch)
    app.conf.result_backend_transport_options = address.result_transport_options(LIMIT_SECONDS)
    answers: list[object] = []
    waiting = threading.Thread(target=lambda: answers.append(app.AsyncResult("a").get()))
    waiting.start()
    master = connect(sentinel_redis.master.url, 5)
    until(lambda: waited_for(master) == 1, "the subscription")
    sentinel_redis.master.away()

    def seconds() -> float:
        start = time.monotonic()
        with pytest.raises(BrokerUnavailable):
            app.AsyncResult("a").state  # noqa: B018
        return time.monotonic() - start

    assert in_time(seconds, LIMIT_SECONDS, rounds=2)  # before a replica takes over
    until(sentinel_redis.promoted, "a new master")
    new = connect(cast("OwnRedis", sentinel_redis.promoted()).url, 5)
    until(lambda: waited_for(new), "the subscription at the new master")
    store(new, "a", 1)
    waiting.join(20)
    assert answers == [1]
    for each in (master, new):
        each.close()


class SlowWorker:
    """A worker with slow_tasks.py beside our own tasks, and a program that sends them by name."""

    def __init__(
        self, start_worker: StartWorker, folder: Path, url: str, broker_url: str, store_seconds: float = 300
    ) -> None:
        self._folder = folder / "slow"
        self._folder.mkdir()
        more = {"SLOW_TASKS_FOLDER": str(self._folder), "SLOW_TASKS_STORE_SECONDS": str(store_seconds)}
        self.process = start_worker(
            "-I", "tests.faults.slow_tasks", REDIS_URL=url, CELERY_BROKER_URL=broker_url, **more
        )
        self.app = create_app("sends-slow-tasks")
        self.app.conf.update(broker_url=broker_url, result_backend=url)

    def send(self, task: str, *arguments: object) -> Any:
        """Send a task; its result."""
        return self.app.send_task(task, arguments, queue=QUEUE)

    def run(self, gate: str, count: int) -> list[Any]:
        """Send tasks that wait for a file; their results, once so many run at once."""
        results = [self.send("wait_for_file", each, gate) for each in range(count)]
        until(lambda: len(list(self._folder.glob(f"{gate}-*"))) == count, f"{count} tasks at once")
        return results

    def end(self, gate: str) -> None:
        """Let them end."""
        (self._folder / gate).touch()


@pytest.mark.parametrize("store_seconds", [300, 0.3], ids=["short", "long"])
def test_no_slot_is_lost_when_redis_is_away_while_results_are_stored(
    own_redis: OwnRedis, redis_url: str, start_worker: StartWorker, tmp_path: Path, store_seconds: float
) -> None:
    """The broker stays, so nothing else makes the worker begin anew."""
    worker = SlowWorker(start_worker, tmp_path, own_redis.url, redis_url, store_seconds)
    results = worker.run("first", SLOTS)
    own_redis.away()
    worker.end("first")
    said = r"result of task \S+ cannot be stored yet" if store_seconds > 1 else r"Task wait_for_file\[\S+ succeeded"
    until(lambda: len(re.findall(said, worker.process.output())) == SLOTS, "all that store, or have given up", 20)
    own_redis.back()
    worker.run("second", SLOTS)
    worker.end("second")
    if store_seconds > 1:
        assert [each.get(timeout=30) for each in results] == list(range(SLOTS))


def test_a_task_that_waits_for_its_alert_is_told_celerys_rule_and_the_alert_is_delivered_once(
    own_redis: OwnRedis, start_worker: StartWorker, sandbox: Sandbox, tmp_path: Path
) -> None:
    worker = SlowWorker(start_worker, tmp_path, own_redis.url, own_redis.url)
    told = worker.send("raise_alert", "told", False).get(timeout=30)
    assert (told["status"], told["success"]) == ("queued", False)
    assert "alert told is queued: Celery forbids waiting within a task" in told["error"]
    allowed = worker.send("raise_alert", "allowed", True).get(timeout=30)
    assert allowed == {"status": "delivered", "success": True, "error": None}
    until(lambda: len(sandbox.titles()) >= 2, "both alerts")
    assert sorted(sandbox.titles()) == ["allowed", "told"]
