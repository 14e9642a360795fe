"""A call with a deadline, whatever it blocks on: name resolution has no timeout of its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def run_with_deadline(
    seconds: float,
    act: Callable[[], T],
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> T:
    """``before``, ``act`` and ``after``, in a thread that is waited for so long.

    ``act`` does not begin once the time is over. Its result is returned even where ``after`` needs longer.

    Raises:
        TimeoutError: ``act`` has not ended; where it has begun, it may yet succeed.
        Exception: what ``before`` or ``act`` raises.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            before()
            if not result.set_running_or_notify_cancel():
                return
            result.set_result(act())
        except BaseException as error:
            if not result.done():
                result.set_exception(error)
            return
        after()

    ends_at = time.monotonic() + seconds
    thread = threading.Thread(target=run, name="notifier", daemon=True)
    thread.start()
    thread.join(ends_at - time.monotonic())
    if not result.done():
        result.cancel()
        raise TimeoutError
    return result.result()
