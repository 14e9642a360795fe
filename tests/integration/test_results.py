"""What Celery promises of a result holds for those of this application, with one subscription for all who wait."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from celery import Celery
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as ResultTimeout
from celery.result import AsyncResult, GroupResult, allow_join_result, denied_join_result

from notifier.errors import NotDelivered
from notifier.models import NotificationMessage
from notifier.notification_result import NotificationResult
from notifier.outcome import Status
from notifier.pipeline import Pipeline
from notifier.service import DiscordNotificationService
from notifier.settings import Settings
from notifier.storage import result_reader, subscription
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from tests.results import DONE, ended, store, store_dead, waited_for
from tests.servers import until

SECONDS = 30.0
"""More than any of these waits needs."""
THREADS = 40


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    """Stores results."""
    client = connect(redis_url, 5)
    yield client
    client.close()


@pytest.fixture
def app(redis_url: str, monkeypatch: pytest.MonkeyPatch, client: "redis.Redis") -> Iterator[Celery]:
    """An application whose thread for results ends with the test."""
    monkeypatch.setattr(result_reader, "IDLE_SECONDS", 0.05)
    app = create_app("reads-results")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)
    before = reading_threads()  # of other tests' applications, which last longer
    yield app
    until(lambda: reading_threads() <= before, "the end of the thread", 10)
    until(lambda: waited_for(client) == 0, "that nobody is subscribed any more")


def reading_threads() -> set[threading.Thread]:
    """The threads that read results."""
    return {each for each in threading.enumerate() if each.name == "notifier-results"}


def subscribers(client: "redis.Redis") -> set[str]:
    """The connections that have a subscription, by id; those of the shared worker are to another database."""
    own = str(client.connection_pool.connection_kwargs["db"])
    return {str(each["id"]) for each in client.client_list(_type="pubsub") if each["db"] == own}


def once_waited_for(client: "redis.Redis", act: Callable[[], object], count: int = 1) -> threading.Thread:
    """Act when that many results are waited for."""

    def run() -> None:
        until(lambda: waited_for(client) >= count, "who waits", poll_seconds=0.01)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_any_number_of_threads_wait_over_one_subscription(app: Celery, client: "redis.Redis") -> None:
    before, threads_before = subscribers(client), reading_threads()  # other processes, and other tests of this one
    with ThreadPoolExecutor(THREADS) as threads:
        answers = [threads.submit(app.AsyncResult(f"n{number}").get, timeout=SECONDS) for number in range(THREADS)]
        until(lambda: waited_for(client) == THREADS, "all of them")
        assert len(subscribers(client) - before) <= 1
        assert len(reading_threads() - threads_before) == 1
        for number in range(THREADS):
            store(client, f"n{number}", number)
        assert [each.result(SECONDS) for each in answers] == list(range(THREADS))


def test_several_threads_wait_for_one_result(app: Celery, client: "redis.Redis") -> None:
    result = app.AsyncResult("one")
    with ThreadPoolExecutor(THREADS) as threads:
        answers = [threads.submit(result.get, timeout=SECONDS) for _ in range(THREADS)]
        once_waited_for(client, lambda: store(client, "one", 1)).join()
        assert [each.result(SECONDS) for each in answers] == [1] * THREADS


def test_a_result_that_comes_while_somebody_begins_to_wait_is_not_missed(app: Celery, client: "redis.Redis") -> None:
    ids = [f"n{number}" for number in range(200)]
    with ThreadPoolExecutor(1) as storing:
        for each in ids:
            storing.submit(store, client, each, each)
            assert app.AsyncResult(each).get(timeout=SECONDS) == each


def test_a_subscription_that_breaks_is_made_again_and_what_came_meanwhile_is_read(
    app: Celery, client: "redis.Redis"
) -> None:
    def break_it() -> None:
        client.client_kill_filter(_type="pubsub")
        store(client, "a", 1, publish=False)

    once_waited_for(client, break_it)
    assert app.AsyncResult("a").get(timeout=SECONDS) == 1


def test_what_is_waited_for_is_read_now_and_then_in_case_nothing_was_heard(
    app: Celery, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "REREAD_SECONDS", 0.1)
    once_waited_for(client, lambda: store(client, "a", 1, publish=False))
    assert app.AsyncResult("a").get(timeout=SECONDS) == 1


def test_where_no_thread_can_be_started_results_are_read_all_the_same(
    app: Celery, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the exit of an interpreter from Python 3.12 on."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    intervals: list[int] = []

    def on_interval() -> None:
        intervals.append(len(intervals))
        if len(intervals) == 2:
            store(client, "a", 1)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert app.AsyncResult("a").state == "PENDING"
    backend: Any = app.backend
    (found,) = backend.each_ready([app.AsyncResult("a")], timeout=SECONDS, interval=0.01, on_interval=on_interval)
    assert found.get(timeout=SECONDS) == 1
    with pytest.raises(ResultTimeout):
        app.AsyncResult("b").get(timeout=0.1)


def test_a_dead_letter_raises_with_its_record(app: Celery, client: "redis.Redis") -> None:
    once_waited_for(client, lambda: store_dead(client, "dead"))
    with pytest.raises(NotDelivered) as raised:
        app.AsyncResult("dead").get(timeout=SECONDS)
    assert raised.value.reason == "invalid_payload"
    assert raised.value.record == ended("dead", Status.REJECTED, "invalid_payload")
    result = app.AsyncResult("dead")
    assert isinstance(result.get(propagate=False), NotDelivered)
    assert (result.state, result.failed(), result.successful(), result.ready()) == ("FAILURE", True, False, True)


def test_the_states_between_are_heard_of_and_do_not_end_the_wait(app: Celery, client: "redis.Redis") -> None:
    heard: list[str] = []

    def retried() -> None:
        store(client, "a", {"exc_type": "Retry", "exc_message": [], "exc_module": "celery.exceptions"}, "RETRY")
        until(lambda: heard, "that it is heard", poll_seconds=0.01)
        assert app.AsyncResult("a").state == "RETRY"
        store(client, "a", 1)

    once_waited_for(client, retried)
    assert app.AsyncResult("a").get(timeout=SECONDS, on_message=lambda meta: heard.append(meta["status"])) == 1
    assert (heard[0], heard[-1], set(heard)) == ("RETRY", "SUCCESS", {"RETRY", "SUCCESS"})


def test_a_result_that_was_revoked_raises(app: Celery, client: "redis.Redis") -> None:
    gone = {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "celery.exceptions"}
    store(client, "gone", gone, "REVOKED")
    with pytest.raises(TaskRevokedError, match="revoked"):
        app.AsyncResult("gone").get(timeout=SECONDS)


def test_get_takes_what_celerys_takes(app: Celery, client: "redis.Redis") -> None:
    intervals, called = [0], []

    def on_interval() -> None:
        intervals[0] += 1

    once_waited_for(client, lambda: until(lambda: intervals[0], "an interval") or store(client, "a", 1))
    result = app.AsyncResult("a")
    answer = result.get(
        SECONDS, True, 0.01, callback=lambda *given: called.append(given), on_interval=on_interval, no_ack=False
    )
    assert (answer, called) == (1, [("a", 1)])
    assert str(result.date_done) == DONE.replace("T", " ")
    assert (result.info, result.result, result.wait()) == (1, 1, 1)
    result.forget()
    assert (result.state, app.AsyncResult("a").state) == ("PENDING", "PENDING")


@pytest.mark.parametrize("timeout", [0, 0.2])
def test_a_time_that_is_over_is_celerys_error(app: Celery, client: "redis.Redis", timeout: float) -> None:
    store(client, "there", 1)
    assert app.AsyncResult("there").get(timeout=timeout) == 1
    for wait in (app.AsyncResult("a").get, app.GroupResult("g", [app.AsyncResult("a")]).get):
        with pytest.raises(ResultTimeout) as raised:
            wait(timeout=timeout)
        assert raised.value.__cause__ is None, "Redis is there"


def test_callbacks_of_then_are_called_once_by_whoever_finds_it_ready(app: Celery, client: "redis.Redis") -> None:
    called: list[Any] = []
    ways: list[Callable[[Any], object]] = [lambda r: r.get(timeout=SECONDS), lambda r: r.ready(), lambda r: r.state]
    for number, find in enumerate(ways):
        result = app.AsyncResult(f"n{number}")
        result.then(called.append)
        store(client, result.id, number)
        find(result)
        find(result)
    assert [each.id for each in called] == ["n0", "n1", "n2"]


def group(app: Celery, name: str, count: int) -> GroupResult:
    """A group of results."""
    return app.GroupResult(name, [app.AsyncResult(f"{name}{number}") for number in range(count)])


@pytest.mark.slow
def test_a_group_is_gathered_in_order_and_one_timeout_is_for_all_of_it(app: Celery, client: "redis.Redis") -> None:
    count = 300
    for way in ("get", "join", "join_native"):
        results = group(app, way, count)
        finished: list[Any] = []
        results.then(finished.append)
        assert (results.ready(), results.completed_count()) == (False, 0)

        def all_of_them(results: GroupResult = results) -> None:
            for each in reversed(results.results):
                store(client, each.id, each.id)

        once_waited_for(client, all_of_them)
        assert getattr(results, way)(timeout=SECONDS) == [f"{way}{number}" for number in range(count)]
        assert (results.ready(), results.successful(), len(finished)) == (True, True, 1)


def test_a_group_is_iterated_as_its_results_come_and_raises_what_one_raised(app: Celery, client: "redis.Redis") -> None:
    results = group(app, "g", 3)
    store(client, "g2", 2)
    waiting = results.iter_native(timeout=SECONDS)
    assert [next(waiting)[0], waited_for(client)] == ["g2", 0]
    once_waited_for(client, lambda: store_dead(client, "g0"))
    task_id, meta = next(waiting)
    assert (task_id, type(meta["result"])) == ("g0", NotDelivered)
    waiting.close()
    with pytest.raises(NotDelivered):
        group(app, "g", 3).get(timeout=SECONDS)


def test_a_group_in_a_group_and_a_callback(app: Celery, client: "redis.Redis") -> None:
    nested = app.GroupResult("outer", [app.AsyncResult("a"), group(app, "inner", 2)])
    with pytest.raises(ResultTimeout):
        nested.get(timeout=0.1)
    for each in ("a", "inner0", "inner1"):
        store(client, each, each)
    assert nested.get(timeout=SECONDS) == ["a", ["inner0", "inner1"]]
    called: list[Any] = []
    group(app, "inner", 2).get(timeout=SECONDS, callback=lambda *given: called.append(given))
    assert sorted(called) == [("inner0", "inner0"), ("inner1", "inner1")]
    assert app.GroupResult("none", []).get(timeout=SECONDS) == []


def test_a_group_is_saved_and_restored(app: Celery) -> None:
    group(app, "g", 2).save()
    restored = app.GroupResult.restore("g")
    assert [each.id for each in restored.results] == ["g0", "g1"]
    restored.delete()
    assert app.GroupResult.restore("g") is None


def test_parents_and_children_are_followed(app: Celery, client: "redis.Redis") -> None:
    parent = app.AsyncResult("parent")
    child = app.AsyncResult("child", parent=parent)
    store_dead(client, "parent")
    with pytest.raises(NotDelivered):
        child.get(timeout=SECONDS)
    backend: Any = app.backend
    store(client, "leaf", 1)
    meta = {
        "status": "SUCCESS",
        "result": 0,
        "traceback": None,
        "children": [[["leaf", None], None]],
        "task_id": "root",
    }
    backend.set(backend.get_key_for_task("root"), backend.encode(meta))
    root = app.AsyncResult("root")
    assert [value for _, value in root.collect(timeout=SECONDS)] == [0, 1]
    assert (root.get_leaf(), [each.id for each in root.children]) == (1, ["leaf"])
    assert len(list(root.graph)) == 2


def test_within_a_task_nobody_waits_unless_celery_is_told_to_allow_it(app: Celery, client: "redis.Redis") -> None:
    store(client, "a", 1)
    with denied_join_result():
        for wait in (app.AsyncResult("a").get, app.GroupResult("g", [app.AsyncResult("a")]).get):
            with pytest.raises(RuntimeError, match=r"Never call result\.get\(\) within a task"):
                wait(timeout=SECONDS)
        with allow_join_result():
            assert app.AsyncResult("a").get(timeout=SECONDS) == 1


def test_celerys_own_class_reads_the_same(app: Celery, client: "redis.Redis") -> None:
    once_waited_for(client, lambda: store(client, "a", 1))
    assert AsyncResult("a", app=app).get(timeout=SECONDS) == 1


@pytest.fixture
def service(app: Celery) -> DiscordNotificationService:
    """The facade on that application."""
    service = DiscordNotificationService()
    service._pipeline = Pipeline(app, Settings.load())
    return service


def message(notification_id: str) -> NotificationMessage:
    """An alert."""
    return NotificationMessage(id=notification_id, title=notification_id)


async def waiting(client: "redis.Redis", count: int) -> None:
    """Until that many results are waited for."""
    ends_at = time.monotonic() + SECONDS
    while waited_for(client) != count:
        assert time.monotonic() < ends_at, waited_for(client)
        await asyncio.sleep(0.01)


async def one_after_another(service: DiscordNotificationService, client: "redis.Redis") -> list[NotificationResult]:
    """Three that wait: delivered, dead, revoked."""
    await waiting(client, 0)  # those of an earlier loop
    tasks = [asyncio.create_task(service.send(message(each), wait=SECONDS)) for each in ("ok", "dead", "gone")]
    await waiting(client, 3)
    store(client, "ok", ended("ok"))
    store_dead(client, "dead")
    gone = {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "celery.exceptions"}
    store(client, "gone", gone, "REVOKED")
    return list(await asyncio.gather(*tasks))


def test_each_event_loop_of_a_process_waits(service: DiscordNotificationService, client: "redis.Redis") -> None:
    for _ in range(2):
        ok, dead, gone = asyncio.run(one_after_another(service, client))
        assert (ok.status, ok.success) == ("delivered", True)
        assert (dead.status, dead.success, dead.error) == ("rejected", False, "invalid_payload")
        assert (gone.status, gone.success, gone.error) == ("withdrawn", False, "revoked")
        client.flushdb()


def test_who_stops_waiting_is_subscribed_to_nothing(service: DiscordNotificationService, client: "redis.Redis") -> None:
    async def stop() -> NotificationResult:
        cancelled = asyncio.create_task(service.send(message("cancelled"), wait=SECONDS))
        await waiting(client, 1)
        cancelled.cancel()
        late = await service.send(message("late"), wait=0.1)
        await waiting(client, 0)
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        return late

    late = asyncio.run(stop())
    assert (late.status, late.success) == ("queued", False)
    assert late.error == "alert late is queued: not ready within 0.1 s"


def test_a_loop_that_is_closed_while_it_waits_harms_nobody(
    app: Celery, service: DiscordNotificationService, client: "redis.Redis"
) -> None:
    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(service.send(message("abandoned"), wait=SECONDS))
    loop.run_until_complete(waiting(client, 1))
    loop.close()
    abandoned._log_destroy_pending = False  # type: ignore[attr-defined]  # that it is never ended is what is tested
    store(client, "abandoned", ended("abandoned"))
    once_waited_for(client, lambda: store(client, "a", 1))
    assert app.AsyncResult("a").get(timeout=SECONDS) == 1
    until(lambda: waited_for(client) == 0, "the end of the watch")
    with pytest.raises((asyncio.CancelledError, RuntimeError)):
        abandoned.get_coro().throw(asyncio.CancelledError)  # type: ignore[union-attr]


def test_a_call_within_a_task_queues_the_alert_and_names_celerys_rule(service: DiscordNotificationService) -> None:
    with denied_join_result():
        for result in (
            service.send_and_wait(message("sync"), 10),
            asyncio.run(service.send(message("async"), wait=10)),
        ):
            assert (result.status, result.success) == ("queued", False)
            assert f"alert {result.id} is queued: Celery forbids waiting within a task" in str(result.error)
        assert service.send_and_wait(message("nowait")).success
    assert service._pipeline.redis.zcard("notifier:outbox:general:waiting") == 3
