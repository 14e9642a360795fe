"""A handler of the standard library's logging that raises alerts."""

import logging
import os
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from notifier.integrations.folded_alerts import is_told
from notifier.integrations.log_alert import TYPES, alert_of, dedup_key
from notifier.integrations.log_sender import LogSender, own_call

QUEUE_SIZE = 1_000
EXIT_SECONDS = 5.0
NESTED_MAX = 3
"""Ours: a record may be logged while another is read (by a signal handler, by a value's own methods); not for ever."""
LEFT_OUT = frozenset(("amqp", "billiard", "celery", "kombu", "notifier", "redis", "requests", "urllib3", "vine"))
"""Loggers, with all below them, that may log because an alert is raised."""
_PACKAGE = Path(__file__).parents[1]
_TASKS = "" if (_PACKAGE / "tasks").is_dir() else f"{_PACKAGE.parent / 'tasks'}{os.sep}"
"""Where the tasks are in a checkout: their loggers have a name that may be the host's."""

already_told: ContextVar[BaseException | None] = ContextVar("notifier_already_told", default=None)
"""An exception of which an alert is raised already, though its record is logged as well."""


class DiscordHandler(logging.Handler):
    """Raises an alert for each record, in a thread of its own: whoever logs waits for nothing.

    Equal records (of one logger, level, format string and kind of exception) share one message, whichever process logs
    them: the first posts it, those that follow are counted there. What Celery, Redis and this package log is left out.

    Args:
        level: records below it are no alerts.
        types: alert types by level, as ``{"CRITICAL": "security"}``; of others than these, as ``TYPES`` says.
        fold_seconds: so long without an equal one, and the next is a new message; None: DISCORD_DEDUP_SECONDS; 0: each
            record is an alert of its own.
        queue_size: how many alerts may wait; what comes then is counted, and a later alert says so.
        exit_seconds: how long ``flush`` waits, and so the end of the process.
        source: what the alerts name as their source; None: the logger.

    Raises:
        ValueError: an unknown level or alert type.
    """

    def __init__(
        self,
        level: int | str = logging.ERROR,
        *,
        types: Mapping[str | int, str] | None = None,
        fold_seconds: float | None = None,
        queue_size: int = QUEUE_SIZE,
        exit_seconds: float = EXIT_SECONDS,
        source: str | None = None,
    ) -> None:
        self._types = {**TYPES, **(_by_number(types) if types else {})}
        self._source, self._fold_seconds = source, fold_seconds
        self._sender = LogSender(queue_size, exit_seconds)
        self._here = threading.local()
        super().__init__(level)  # last: logging knows it from here on, and may flush it

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """None: nothing here may wait for another thread."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """As ``logging.Handler.handle``, without its lock."""
        found = self.filter(record)
        if found and not _is_left_out(record):
            self.emit(found if isinstance(found, logging.LogRecord) else record)
        return bool(found)

    def emit(self, record: logging.LogRecord) -> None:
        """Read the record, for what it holds may change, and put it in line."""
        depth = getattr(self._here, "depth", 0)
        kind = f"{record.name} {record.levelname}"
        if depth >= NESTED_MAX:
            self._sender.queue.drop(kind)
            return
        self._here.depth = depth + 1
        try:
            key = "" if self._fold_seconds == 0 else dedup_key(record, self._source)
            self._sender.add(key, kind, lambda: self._alert(record, key))
        except Exception:  # of a value's own methods
            self._sender.queue.drop(kind)
            self.handleError(record)
        finally:
            self._here.depth = depth

    def _alert(self, record: logging.LogRecord, key: str) -> dict[str, Any]:
        alert = alert_of(record, self._types, self.formatter, self._source)
        if key:
            alert["dedup_key"] = key
            if self._fold_seconds is not None:
                alert["dedup_seconds"] = self._fold_seconds
        return alert

    def flush(self, timeout: float | None = None) -> None:
        """Wait until all records so far are handed over, repeats too. Logging itself calls it at exit.

        What is not by then is said on standard error.

        Args:
            timeout: in seconds; None: ``exit_seconds``.
        """
        self._sender.flush(timeout)


def _is_left_out(record: logging.LogRecord) -> bool:
    if own_call.get() or str(record.name).partition(".")[0] in LEFT_OUT:
        return True
    if _TASKS and str(record.pathname).startswith(_TASKS):
        return True
    errors = record.exc_info[1:2] if isinstance(record.exc_info, tuple) else ()
    return any(each is not None and (each is already_told.get() or is_told(each)) for each in errors)


def _by_number(types: Mapping[str | int, str]) -> dict[int, str]:
    from notifier.message_parts import AlertType  # imports pydantic

    found = {}
    for name, kind in types.items():
        level = name if isinstance(name, int) else logging.getLevelNamesMapping().get(name.upper())
        if level is None:
            raise ValueError(f"types: {name!r} is no level of logging")
        if kind not in set(AlertType):
            raise ValueError(f"types: {kind!r} is none of {', '.join(AlertType)}")
        found[level] = str(kind)
    return found
