"""Alerts of exceptions that nobody catches: in the main thread, in others, in asyncio's loops.

Each hook raises an alert, in the background, and calls the hook that was there before.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from notifier.integrations.log_alert import PLACE
from notifier.integrations.log_handler import DiscordHandler, already_told
from notifier.integrations.log_sender import own_call
from notifier.texts import text_of

if TYPE_CHECKING:
    import asyncio

    LoopHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]

_handlers: list[DiscordHandler] = []
"""The one that the hooks hand over to; none before the first call."""


def install(handler: DiscordHandler | None = None, *, loop: "asyncio.AbstractEventLoop | None" = None) -> None:
    """Raise an alert of each exception that ends the program, a thread, or (of this ``loop``) a task.

    ``KeyboardInterrupt`` and ``SystemExit`` are none. What an exception handler of the loop is told without an
    exception is an alert too. The hooks that were there before are called as ever; a record with the same exception
    that one of them logs is no second alert. To call it again changes the handler, and adds a hook nowhere.

    Args:
        handler: what raises the alerts (its types, source and folding); None: one of its own.
        loop: a loop of asyncio, or None. Within a coroutine: ``asyncio.get_running_loop()``.
    """
    is_first = not _handlers
    _handlers[:] = [handler or (DiscordHandler() if is_first else _handlers[0])]
    if is_first:
        _hook_main(sys.excepthook)
        _hook_threads(threading.excepthook)
    if loop is not None and not getattr(loop.get_exception_handler(), "is_of_notifier", False):
        _hook_loop(loop, loop.get_exception_handler())


def _hook_main(before: Callable[..., object]) -> None:
    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _tell("sys.excepthook", logging.CRITICAL, "It was not caught, and has ended the main thread.", error, trace)
        with _told(error):
            before(kind, error, trace)

    sys.excepthook = excepthook


def _hook_threads(before: Callable[..., object]) -> None:
    def excepthook(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value
        text = f"It was not caught, and has ended the thread {args.thread.name if args.thread else '?'}."
        _tell("threading.excepthook", logging.ERROR, text, error, args.exc_traceback)
        with _told(error):
            before(args)

    threading.excepthook = excepthook


def _hook_loop(loop: "asyncio.AbstractEventLoop", before: "LoopHandler | None") -> None:
    def handle(loop: "asyncio.AbstractEventLoop", context: dict[str, Any]) -> None:
        error: BaseException | None = context.get("exception")
        of = [repr(context[name]) for name in ("task", "future", "handle") if name in context][:1]
        text = "\n".join([str(context.get("message") or "Unhandled exception in event loop"), *of])
        _tell("asyncio", logging.ERROR, text, error, error.__traceback__ if error else None)
        with _told(error):
            if before is None:
                loop.default_exception_handler(context)
            else:
                before(loop, context)

    handle.is_of_notifier = True  # type: ignore[attr-defined]
    loop.set_exception_handler(handle)


def _tell(source: str, level: int, text: str, error: BaseException | None, trace: TracebackType | None) -> None:
    """Hand it to the handler: its first line is the exception itself. Whatever fails here ends no hook."""
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return
    with suppress(Exception):
        args = (text_of(error), text) if error is not None else (text,)
        exc_info = None if error is None else (type(error), error, trace)
        # the format string is what equal ones have in common
        record = logging.LogRecord(source, level, "", 0, "\n".join(["%s"] * len(args)), args, exc_info)
        setattr(record, PLACE, _place(trace))
        if level >= _handlers[0].level:
            _handlers[0].handle(record)


def _place(trace: TracebackType | None) -> str:
    """The program, and the function in which it was raised."""
    frames = list(traceback.walk_tb(trace))[-1:]
    raised = [f"{Path(frame.f_code.co_filename).name} {frame.f_code.co_name}" for frame, _ in frames]
    return " ".join([Path(sys.argv[0] if sys.argv else "").name, *raised])


@contextmanager
def _told(error: BaseException | None) -> Iterator[None]:
    """What is logged of it meanwhile, by the hook that was there before, is no second alert."""
    variable: ContextVar[Any] = own_call if error is None else already_told
    token = variable.set(error or True)
    try:
        yield
    finally:
        variable.reset(token)
