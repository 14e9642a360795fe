"""The time by which a call must have ended, and calls that end by then even if what they wait for blocks."""

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple, Self, TypeVar

T = TypeVar("T")


def _nothing() -> None:
    pass


class DeadlineExceeded(TimeoutError):
    """A call had not ended in time. ``begun``: its main step had begun, so it may yet succeed."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__(begun)
        self.begun = begun


class Deadline(NamedTuple):
    """``seconds`` from ``started_at``, a time of this process's monotonic clock."""

    started_at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Self:
        """The deadline that many seconds from now."""
        return cls(time.monotonic(), seconds)

    def part(self, share: float) -> Self:
        """The end of the first ``share`` (0 to 1) of this time."""
        if share == 1:
            return self
        return type(self)(self.started_at, self.seconds * share)

    @property
    def elapsed_seconds(self) -> float:
        """How long ago it was set."""
        return time.monotonic() - self.started_at

    @property
    def remaining_seconds(self) -> float:
        """How long it still is; never negative."""
        return max(0.0, self.started_at + self.seconds - time.monotonic())

    def run(
        self, act: Callable[[], T], *, before: Callable[[], object] = _nothing, after: Callable[[], object] = _nothing
    ) -> T:
        """As ``run_with_deadline``, for the time that remains. Raises: the same."""
        return run_with_deadline(self.remaining_seconds, act, before=before, after=after)


def run_with_deadline(
    seconds: float,
    act: Callable[[], T],
    *,
    before: Callable[[], object] = _nothing,
    after: Callable[[], object] = _nothing,
) -> T:
    """Run ``before``, ``act`` and ``after`` in a thread, and wait at most ``seconds`` for it.

    A thread, because name resolution has no timeout of its own, and because a signal handler that raises an alert too
    then meets no lock of the call that it interrupts. It sees the caller's context variables, and what it sets of them
    is set here too once it has ended. Where none can be started they run here, and what they wait for must have its own
    timeout. ``act`` does not begin once the time is over. Its result is returned even if ``after`` needs longer.

    Raises:
        DeadlineExceeded: ``act`` has not ended; says whether it has begun.
        Exception: what ``before`` or ``act`` raises.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            before()
            if time.monotonic() > ends_at or not result.set_running_or_notify_cancel():
                return
            result.set_result(act())
        except BaseException as error:
            if not result.done():
                result.set_exception(error)
            return
        after()

    ends_at = time.monotonic() + seconds
    before_it, context = contextvars.copy_context(), contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="notifier", daemon=True)
    if started(thread):
        thread.join(max(0.0, ends_at - time.monotonic()))
        if not thread.is_alive():
            _take_over(before_it, context)
    else:
        run()
    if not result.done():
        raise DeadlineExceeded(begun=not result.cancel())
    return result.result()


def _take_over(before: contextvars.Context, after: contextvars.Context) -> None:
    """Set here what was set there; what a signal handler has set here meanwhile stays."""
    for variable, value in after.items():
        if variable not in before or before[variable] is not value:
            variable.set(value)


def started(thread: threading.Thread) -> bool:
    """Start a thread; False if none can be: the interpreter is ending, or the process may have no more of them."""
    if sys.is_finalizing():  # it would never run, and ``start`` would wait for it
        return False
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
