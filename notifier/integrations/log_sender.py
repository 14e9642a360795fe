"""The one thread of a handler that raises alerts, so that whoever logs waits for nothing."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from queue import Empty
from weakref import WeakSet

# here, and not in the thread: a fork in the middle of an import leaves half a module, or half of its hooks
import notifier.producer.forks  # noqa: F401
from notifier.errors import BrokerUnavailable
from notifier.integrations.log_queue import Alert, LogQueue
from notifier.producer.deadline import started

AGAIN_SECONDS = 1.0
"""Ours: how soon an alert that nobody took is tried again. It has an id, so it is never posted twice."""
FIRST_CALL_SECONDS = 5.0
"""Ours: how long a fork waits for the first alert to be raised; to import all that it needs takes about a second."""
SAID_MAX = 100

own_call: ContextVar[bool] = ContextVar("notifier_own_call", default=False)
"""Whether this code runs in order to raise an alert of a log record; the threads of such a call inherit it."""


class LogSender:
    """Raises the alerts of a queue, in a thread that is started when there is something to do, and ends afterwards.

    A forked process begins anew: what waits is its parent's.
    """

    def __init__(self, size: int, exit_seconds: float) -> None:
        self._size, self._exit_seconds = size, exit_seconds
        self.begin()
        _senders.add(self)

    def begin(self) -> None:
        """With an empty queue and no thread."""
        self.queue = LogQueue(self._size)
        self._lock = threading.RLock()
        self._again = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem = ""
        self._is_busy = False
        self._ends_with_pool = False

    def add(self, key: str, kind: str, make: Callable[[], Alert]) -> None:
        """As ``LogQueue.add``; never waits."""
        self.queue.add(key, kind, make)
        self._start()

    def flush(self, seconds: float | None = None) -> None:
        """Wait until all that was added before is handed over, repeats and what was dropped too; at most so long.

        What is not by then is said on standard error. ``seconds``: None: as long as at the end of the process.
        """
        if own_call.get() or (self._thread is None and self.queue.is_empty()):
            return
        seconds = self._exit_seconds if seconds is None else seconds
        ends_at = time.monotonic() + seconds
        done = self.queue.mark()
        if not self._start():
            self._work(ends_at, done)  # Python starts no threads any more
        if not done.wait(max(0.0, ends_at - time.monotonic())):
            why = f": {self._problem}" if self._problem else ""
            left = self.queue.waiting + self._is_busy
            say(f"alerts of log records that wait after {seconds:g} s: {left}{why}")

    def try_again(self) -> None:
        """Try what nobody has taken so far, now."""
        self._again.set()

    def _start(self) -> bool:
        """Whether there is a thread, now."""
        with self._lock:
            if self._thread is not None:
                return True
            thread = self._thread = threading.Thread(target=self._work, name="notifier-logging", daemon=True)
        # without the lock: a signal handler that logs meanwhile finds a thread, be it not yet started
        if started(thread):
            if not self._ends_with_pool:
                self._ends_with_pool = True
                _at_exit_of_pool(self.flush)
            return True
        self._thread = None
        return False

    def _work(self, ends_at: float = float("inf"), done: threading.Event | None = None) -> None:
        token = own_call.set(True)
        try:
            while time.monotonic() < ends_at and not (done and done.is_set()) and self._step(ends_at):
                pass
        finally:
            own_call.reset(token)
            if self._thread is threading.current_thread():
                self._thread = None  # it was ended by force

    def _step(self, ends_at: float) -> bool:
        """Do what is next; False if nothing is left."""
        try:
            found = self.queue.take()
        except Empty:
            return not self._has_ended()
        if isinstance(found, threading.Event):
            self._hand_over_all(self.queue.ended(all_of_them=True), ends_at)
            self._tell_dropped(ends_at)
            found.set()
        elif found is not None:
            self._hand_over(found, ends_at)
        self._hand_over_all(self.queue.ended(), ends_at)
        return True

    def _has_ended(self) -> bool:
        with self._lock:  # whoever adds after this look starts another thread
            if not self.queue.is_empty():
                return False
            self._thread = None
            return True

    def _hand_over_all(self, alerts: list[Alert], ends_at: float) -> None:
        for each in alerts:
            self._hand_over(each, ends_at)

    def _tell_dropped(self, ends_at: float) -> None:
        if told := self.queue.take_dropped():
            title, _, listed = told.partition(": ")
            self._hand_over(
                {"alert_type": "monitoring", "title": f"Log: {title}", "message": listed, "markdown": False}, ends_at
            )

    def _hand_over(self, alert: Alert, ends_at: float) -> None:
        """Raise an alert; while nobody takes it, again and again. Its thread never ends by an exception."""
        if told := self.queue.take_dropped():
            alert = {**alert, "fields": [*alert.get("fields", ()), {"name": "Dropped", "value": told}]}
        self._is_busy = True
        while not self._is_taken(alert) and time.monotonic() + AGAIN_SECONDS < ends_at:
            self._again.wait(AGAIN_SECONDS)
            self._again.clear()
        self._is_busy = False

    def _is_taken(self, alert: Alert) -> bool:
        """Whether it is settled: taken, or refused for good."""
        try:
            raise_alert(alert)
        except BrokerUnavailable as error:
            self._problem = str(error)
            return False
        except Exception as error:  # of settings, of a full outbox, of whatever a value holds
            self.queue.drop(type(error).__name__, alert.get("count", 1))
            say(f"a log record became no alert: {type(error).__name__}: {error}")
        return True


def flush_all() -> None:
    """Wait until every handler of this process has handed over all that was logged before, each at most as at exit."""
    for each in tuple(_senders):
        each.try_again()
        each.flush()


def begin_anew() -> None:
    """As ``flush_all``; what is logged from then on is no repeat of what was logged before."""
    flush_all()
    for each in tuple(_senders):
        each.queue.forget_folds()


def raise_alert(alert: Alert) -> None:
    """Raise an alert as any application does. Raises: as ``send_notification.delay``."""
    global _has_imported
    if _has_imported:
        from notifier import send_notification

        send_notification.delay(**alert)
        return
    with _first_call:
        from notifier import send_notification

        try:
            send_notification.delay(**alert)
        finally:
            _has_imported = True


_said: set[str] = set()


def say(text: str) -> None:
    """Say it on standard error, once: to log it would come back here."""
    if text not in _said and len(_said) < SAID_MAX and sys.stderr is not None:
        _said.add(text)
        sys.stderr.write(f"notifier: {text}\n")


def _at_exit_of_pool(end: Callable[[], object]) -> None:
    """Call it at the end of a process of multiprocessing, or of Celery's pool: it calls no ``atexit`` handler."""
    for package in ("multiprocessing", "billiard"):
        process, util = (sys.modules.get(f"{package}.{name}") for name in ("process", "util"))
        if process and util and type(process.current_process()).__name__ != "_MainProcess":
            util.Finalize(None, end, exitpriority=0)
            return  # billiard sets both, and has the other's finalizers


_senders: WeakSet[LogSender] = WeakSet()
_first_call, _has_imported = threading.RLock(), False
"""Held while the first alert is raised: a fork meanwhile would leave the child with the locks of what it imports."""


def _before_fork() -> None:
    _here.holds_first_call = not _has_imported and _first_call.acquire(timeout=FIRST_CALL_SECONDS)


def _after_fork_in_parent() -> None:
    if _here.holds_first_call:
        _first_call.release()


def _after_fork_in_child() -> None:
    global _first_call
    _first_call = threading.RLock()
    _said.clear()
    own_call.set(False)
    for each in _senders:
        each.begin()


_here = threading.local()
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
