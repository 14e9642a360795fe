"""Reads and awaits results for all threads of a process: one thread with two connections, however many wait."""

import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import redis

from notifier.errors import BrokerUnavailable
from notifier.storage.bell import Bell
from notifier.storage.connection import broker_errors
from notifier.storage.subscription import Subscription

logger = logging.getLogger(__name__)
T = TypeVar("T")
Tell = Callable[[tuple[bytes, bytes]], object]
"""Is given a key and its value."""

IDLE_SECONDS = 10.0
"""Ours: how long the thread and its connections are kept when nobody asks and nobody waits."""
RECONNECT_SECONDS, RECONNECT_MAX_SECONDS = 0.05, 1.0
"""Ours: the first wait before a broken subscription is made anew, doubled up to the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """Somebody who waits for a key. ``tell`` is given the key and each value, maybe more than once.

    It is called in the reader's thread: it must be quick.
    """

    key: bytes
    tell: Tell


class ResultReader:
    """One for each process. Its thread starts when it is first needed, and ends when nobody needs it any more.

    Args:
        connect: makes the client; called in that thread. Each of its steps must end within a timeout.
    """

    def __init__(self, connect: "Callable[[], redis.Redis]") -> None:
        self._connect = connect
        self._lock = threading.RLock()  # a signal handler may come while its thread holds it
        self._bell: Bell | None = None
        self._calls: deque[tuple[Future[Any], Callable[[redis.Redis], Any]]] = deque()
        self._watches: dict[bytes, list[Watch]] = {}
        self._new: set[bytes] = set()
        self._gone: set[bytes] = set()
        self.problem: BrokerUnavailable | None = None
        """Why Redis did not answer when it was last asked; None if it did."""

    def run(self, act: "Callable[[redis.Redis], T]", timeout_seconds: float) -> T:
        """The result of ``act``, which may use Redis.

        Raises:
            BrokerUnavailable: Redis did not answer in time, refused, or failed.
        """
        call: Future[T] = Future()
        with self._lock:
            self._calls.append((call, act))
            if not self.ring():
                self._calls.remove((call, act))
                return self._run_here(act)
        try:
            return call.result(timeout_seconds)
        except TimeoutError:
            call.cancel()  # if it has begun, Redis may have done it
            late = BrokerUnavailable(f"Redis did not answer within {timeout_seconds:g} s; see REDIS_URL")
            self.problem = late
            raise late from None

    def _run_here(self, act: "Callable[[redis.Redis], T]") -> T:
        with closing(self._connect()) as client, broker_errors():
            return act(client)

    def watch(self, key: bytes, tell: Tell) -> Watch:
        """Tell of the value that the key has, and of each that is published from now on, until ``unwatch``."""
        watch = Watch(key, tell)
        with self._lock:
            self._watches.setdefault(key, []).append(watch)
            self._new.add(key)
            self._gone.discard(key)
        self.ring()
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Stop telling. Does nothing if it has stopped."""
        with self._lock:
            others = self._watches.get(watch.key, [])
            if watch not in others:
                return
            others.remove(watch)
            if others:
                return
            del self._watches[watch.key]
            self._gone.add(watch.key)
            self._new.discard(watch.key)
        self.ring()

    def ring(self) -> bool:
        """Let the thread look at what is new. False: there is none, for the interpreter ends and starts no more."""
        with self._lock:
            if self._bell is None:
                bell = Bell()
                try:
                    threading.Thread(target=self._serve, args=(bell,), name="notifier-results", daemon=True).start()
                except RuntimeError:
                    bell.close()
                    return False
                self._bell = bell
            self._bell.ring()
        return True

    def _serve(self, bell: Bell) -> None:
        try:
            with closing(self._connect()) as client:
                _Service(self, client, bell).run()
        finally:
            with self._lock:
                if self._bell is bell:
                    self._bell = None
                self._new = set(self._watches)
            bell.close()

    def is_idle(self) -> bool:
        """Whether nobody asks and nobody waits."""
        return not self._calls and not self._watches

    def retire(self, bell: Bell) -> bool:
        """Let the thread of this bell end, if nobody needs it."""
        with self._lock:
            idle = self.is_idle()
            if idle and self._bell is bell:
                self._bell = None
        return idle

    def serve_calls(self, client: "redis.Redis") -> None:
        """Run what was asked for."""
        while self._calls:
            try:
                call, act = self._calls.popleft()
            except IndexError:  # a caller has taken it back
                return
            if call.set_running_or_notify_cancel():
                try:
                    with broker_errors():
                        answer = act(client)
                except BrokerUnavailable as error:
                    self.problem = error
                    call.set_exception(error)
                except Exception as error:
                    call.set_exception(error)
                else:
                    self.problem = None
                    call.set_result(answer)

    def changes(self) -> tuple[set[bytes], set[bytes]]:
        """The keys that are watched since the last call, and those that no longer are."""
        with self._lock:
            new, gone = self._new, self._gone
            self._new, self._gone = set(), set()
        return new, gone

    def begin_anew(self, problem: BrokerUnavailable) -> None:
        """The subscription is broken: all that is watched is to be followed again."""
        with self._lock:
            self.problem = problem
            self._new, self._gone = set(self._watches), set()

    def tell(self, key: bytes, text: bytes) -> None:
        """Tell all who wait for this key."""
        with self._lock:
            watches = list(self._watches.get(key, ()))
        for each in watches:
            try:
                each.tell((key, text))
            except RuntimeError:  # its event loop is closed
                self.unwatch(each)


class _Service:
    """What the thread of a reader does."""

    def __init__(self, reader: ResultReader, client: "redis.Redis", bell: Bell) -> None:
        self._reader = reader
        self._client = client
        self._bell = bell
        self._subscription: Subscription | None = None
        self._failures = 0
        self._connect_at = 0.0

    def run(self) -> None:
        """Serve until nobody needs it."""
        try:
            while True:
                self._bell.hush()
                self._reader.serve_calls(self._client)
                idle = self._reader.is_idle()
                if not idle or self._subscription is not None:
                    self._follow()
                if not self._poll(IDLE_SECONDS if idle else self._seconds) and idle and self._reader.retire(self._bell):
                    return
        finally:
            self._drop()

    def _follow(self) -> None:
        if time.monotonic() < self._connect_at:
            return
        try:
            with broker_errors():
                self._hear()
            self._failures, self._connect_at, self._reader.problem = 0, 0.0, None
        except (BrokerUnavailable, OSError) as error:
            self._drop()
            self._connect_at = time.monotonic() + min(RECONNECT_MAX_SECONDS, RECONNECT_SECONDS * 2**self._failures)
            self._failures = min(self._failures + 1, 10)
            unavailable = error if isinstance(error, BrokerUnavailable) else BrokerUnavailable(type(error).__name__)
            self._reader.begin_anew(unavailable)

    def _hear(self) -> None:
        if self._subscription is None:
            self._subscription = Subscription(self._client)
        for key, text in self._subscription.hear(*self._reader.changes()):
            self._reader.tell(key, text)

    def _drop(self) -> None:
        if self._subscription is not None:
            with suppress(redis.RedisError, OSError):
                self._subscription.close()
            self._subscription = None

    @property
    def _seconds(self) -> float:
        if self._subscription is None:
            return max(0.0, self._connect_at - time.monotonic())
        return self._subscription.seconds

    def _poll(self, seconds: float) -> bool:
        """Wait until the bell rings or Redis says something. False: neither."""
        polled = [self._bell.polled.fileno()]
        if self._subscription is not None and self._subscription.descriptor is not None:
            polled.append(self._subscription.descriptor)
        if not hasattr(select, "poll"):  # on Windows, and with eventlet
            return bool(select.select(polled, (), (), seconds)[0])
        poller = select.poll()  # a selector takes several times as long, in which who waits for a result is held up
        for each in polled:
            poller.register(each, select.POLLIN)
        return bool(poller.poll(seconds * 1_000))
