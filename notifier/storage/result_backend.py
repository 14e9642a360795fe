"""Where Celery keeps results: Redis, read and awaited in a way that an application can rely on.

Celery's own backend waits as long as Redis is away, and gives each thread that waits a subscription. Here every call of
an application ends in time, and one thread of the process reads and waits for all.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from celery.backends.redis import RedisBackend, SentinelBackend
from celery.exceptions import BackendGetMetaError
from celery.exceptions import TimeoutError as ResultTimeout
from redis.backoff import NoBackoff
from redis.retry import Retry

from notifier.errors import BrokerUnavailable
from notifier.settings import settings
from notifier.storage.connection import PLACE, NamingRedis, broker_errors
from notifier.storage.result_reader import ResultReader
from notifier.storage.url import read_redis_url

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)
T = TypeVar("T")
CeleryBackend: Any = RedisBackend  # its types lack most of what is used here
Result: TypeAlias = Any
"""An ``AsyncResult``, whose types lack its cache."""

STEP_SHARE = 0.4
"""Ours: the part of NOTIFIER_PUBLISH_TIMEOUT_SECONDS after which one step with Redis fails: two of them fit."""
STORE_SECONDS = 300.0
"""Ours: how long a worker tries to store what a task came to. After that the result is lost, and the slot is not."""
STORE_PAUSE_SECONDS, STORE_PAUSE_MAX_SECONDS = 0.1, 2.0
"""Ours: the first pause between two tries, doubled up to the second."""


class ResultUnavailable(BrokerUnavailable, BackendGetMetaError):
    """Redis did not return or change a result in time; in Celery's words as well as in ours."""


class ResultBackend(CeleryBackend):  # type: ignore[misc]
    """Results in Redis. One object serves all threads of a process, and its children after a fork.

    Raises (what reads, deletes or stores for an application):
        ResultUnavailable: Redis did not answer within NOTIFIER_PUBLISH_TIMEOUT_SECONDS.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.thread_safe = True
        configured = settings()
        self._limit = configured.publish_timeout_seconds
        self._place = read_redis_url("REDIS_URL", configured.redis_url.get_secret_value()).place
        # with the application: two threads that need the first backend at once make two of these
        self._readers: dict[int, ResultReader] = self.app.__dict__.setdefault("_result_readers", {})

    @property
    def reader(self) -> ResultReader:
        """The one of this process: a fork shares no connection and no lock with its parent."""
        pid = os.getpid()
        return self._readers.get(pid) or self._readers.setdefault(pid, ResultReader(self._connect))

    def _connect(self) -> "redis.Redis":
        step = self._limit * STEP_SHARE
        options: dict[str, Any] = {**self.connparams, "retry": Retry(NoBackoff(), 0), "health_check_interval": 0}
        for name in ("socket_timeout", "socket_connect_timeout"):
            if name in options:  # on a unix socket there is one of them
                options[name] = min(step, options[name] or step)
        client = cast("redis.Redis", self._create_client(**options))
        setattr(client.connection_pool, PLACE, self._place)
        return client

    def _get_client(self) -> type[NamingRedis]:
        return NamingRedis

    def _ask(self, act: "Callable[[redis.Redis], T]", timeout_seconds: float | None = None) -> T:
        limit = min(self._limit, timeout_seconds or self._limit)
        try:
            return self.reader.run(act, limit)
        except BrokerUnavailable as error:
            raise ResultUnavailable(str(error)) from error

    def get(self, key: Any) -> Any:
        """Read one key."""
        return self._ask(lambda client: client.get(key))

    def mget(self, keys: Any) -> Any:
        """Read several."""
        return self._ask(lambda client: client.mget(keys))

    def delete(self, key: Any) -> None:
        """Delete one."""
        self._ask(lambda client: client.delete(key))

    def set(self, key: Any, value: Any, **_: Any) -> None:
        """Store and publish one."""

        def store(client: "redis.Redis") -> None:
            with client.pipeline() as steps:
                steps.set(key, value, ex=self.expires or None)
                steps.publish(key, value)
                steps.execute()

        self._ask(store)

    def store_result(
        self, task_id: Any, result: Any, state: Any, traceback: Any = None, request: Any = None, **more: Any
    ) -> Any:
        """Store what a task came to. A worker's task outlasts an outage here, within a bound."""
        store = super().store_result
        return _outlast(request, lambda: store(task_id, result, state, traceback, request, **more))

    def on_chord_part_return(self, request: Any, state: Any, result: Any, **more: Any) -> None:
        """Count a part of a chord; in the same way."""
        count = super().on_chord_part_return

        def counted() -> None:
            with broker_errors():
                count(request, state, result, **more)

        _outlast(request, counted)

    def on_task_call(self, producer: Any, task_id: Any) -> None:
        """Do nothing: nobody waits yet."""

    def add_pending_result(self, result: Any, weak: bool = False, start_drainer: bool = True) -> Any:
        """Do nothing: what ``then`` was given is called in the thread whose call on this result finds it ready."""
        return result

    def add_pending_results(self, results: Any, weak: bool = False) -> Any:
        """As ``add_pending_result``."""
        return results

    def remove_pending_result(self, result: Any) -> Any:
        """As ``add_pending_result``."""
        return result

    def wait_for_pending(self, result: Any, callback: Any = None, propagate: bool = True, **options: Any) -> Any:
        """Wait for one result; its value.

        Raises:
            celery.exceptions.TimeoutError: it was not ready in time; caused by BrokerUnavailable if Redis is away.
            Exception: what the task raised, if ``propagate``.
        """
        self._ensure_not_eager()
        for _ in self.each_ready([result], **options):
            pass
        return result.maybe_throw(callback=callback, propagate=propagate)

    def iter_native(self, result: Any, **options: Any) -> Iterator[tuple[str, Any]]:
        """Each id of a set with its stored result, once it is ready; of a group in it, the id and its results.

        Raises:
            celery.exceptions.TimeoutError: as ``wait_for_pending``.
        """
        self._ensure_not_eager()
        alone = {id(node) for node in result.results if _is_single(node)}
        for node in self.each_ready(_singles(result), **options):
            if id(node) in alone:
                yield node.id, node._cache
        for node in result.results:
            if not _is_single(node):
                yield node.id, node.children

    def each_ready(
        self,
        results: Iterable[Result],
        timeout: float | None = None,
        interval: float | None = None,
        on_interval: Callable[[], object] | None = None,
        on_message: Callable[[Any], object] | None = None,
        **_: object,  # no_ack, which means nothing here
    ) -> Iterator[Result]:
        """Each result once it is ready.

        Args:
            timeout: seconds for all of them; None waits for ever, 0 asks once.
            interval: seconds after which ``on_interval`` is called, again and again.
            on_message: called with each stored result that is heard of, ready or not.

        Raises:
            celery.exceptions.TimeoutError: as ``wait_for_pending``.
        """
        missing: dict[bytes, list[Result]] = {}
        for each in results:
            if each._cache:
                yield each
            else:
                missing.setdefault(self.get_key_for_task(each.id), []).append(each)
        for key, text in self._values(missing, timeout, interval or 0.5, on_interval):
            meta = self.decode_result(text)
            if on_message:
                on_message(meta)
            if meta["status"] in self.READY_STATES:
                for each in missing.pop(key, ()):
                    if each._cache is None:
                        each._maybe_set_cache({**meta})
                    yield each

    def _values(
        self,
        missing: dict[bytes, list[Result]],
        timeout: float | None,
        interval: float,
        on_interval: Callable[[], object] | None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """What stands in the keys of ``missing``, and what is published there, until the caller has emptied it."""
        ends_at = time.monotonic() + (float("inf") if timeout is None else timeout)
        yield from self._stored(missing, timeout)
        arrived: SimpleQueue[tuple[bytes, bytes]] = SimpleQueue()
        watches = [self.reader.watch(key, arrived.put) for key in missing]
        try:
            while missing:
                try:
                    yield arrived.get(timeout=max(0.0, min(interval, ends_at - time.monotonic())))
                except Empty:
                    if time.monotonic() >= ends_at:
                        raise self._late(timeout) from self.reader.problem
                    if on_interval:
                        on_interval()
                    if not self.reader.ring():
                        yield from self._stored(missing, timeout)
        finally:
            for watch in watches:
                self.reader.unwatch(watch)

    def _stored(self, missing: Iterable[bytes], timeout: float | None) -> Iterator[tuple[bytes, bytes]]:
        keys = list(missing)
        texts: list[bytes | None] = []
        with suppress(ResultUnavailable):  # Redis may be back before the time is over
            texts = self._ask(lambda client: cast("list[bytes | None]", client.mget(keys)), timeout) if keys else []
        yield from ((key, text) for key, text in zip(keys, texts, strict=False) if text is not None)

    def _late(self, timeout: float | None) -> ResultTimeout:
        problem = self.reader.problem
        return ResultTimeout(f"not ready within {timeout:g} s" + (f": {problem}" if problem else ""))


class SentinelResultBackend(ResultBackend, SentinelBackend):  # type: ignore[misc]
    """The same behind sentinels."""


def _is_single(node: Any) -> bool:
    return hasattr(node, "_cache")  # as Celery tells a result from a group


def _singles(result: Any) -> Iterator[Result]:
    for node in result.results:
        if _is_single(node):
            yield node
        else:
            yield from _singles(node)


def _outlast(request: Any, act: Callable[[], T]) -> T | None:
    """Run ``act``; for a task of a worker, until Redis is back.

    An exception here would take a slot of the worker's pool for ever.

    Raises:
        BrokerUnavailable: Redis did not answer, and this is no task of a worker.
    """
    if request is None or request.id is None or request.is_eager:
        return act()
    started_at, pause = time.monotonic(), 0.0
    while True:
        try:
            return act()
        except BrokerUnavailable as error:
            if time.monotonic() - started_at >= STORE_SECONDS:
                logger.error("the result of task %s is lost: %s", request.id, error)
                return None
            if not pause:
                logger.warning("the result of task %s cannot be stored yet: %s", request.id, error)
            pause = min(2 * pause, STORE_PAUSE_MAX_SECONDS) or STORE_PAUSE_SECONDS
            time.sleep(pause)
