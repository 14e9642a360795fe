"""The log of a worker: one record is one line that nothing in it can forge, and no text of an alert is above DEBUG.

Text in a terminal, JSON elsewhere, unless NOTIFIER_LOG_FORMAT says otherwise. The token of a webhook is in neither: the
text of any error may hold its URL.
"""

import copy
import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import celery.app.log
from celery import current_task
from celery.utils.log import ColorFormatter

from notifier.discord.redaction import redact
from notifier.escaping import escaped, escaped_json
from notifier.settings import settings
from notifier.worker.step_log import FIELDS

FURTHER_LINE = "\n    "
"""A record begins at the left margin; the lines of its traceback do not."""
HIDDEN = "(its text: --loglevel DEBUG)"
LINE = "notifier_line"
"""The attribute of a record that keeps its line, in what form, and whether that shows all."""
QUOTING = (ValueError, LookupError)
"""Exceptions that quote the value they were raised for, which may be part of an alert."""


class EscapingFormatter(logging.Formatter):
    """Formats a record as its base does, less what belongs to an alert, and with control characters shown.

    A worker whose level is DEBUG hides nothing: it logs the arguments of tasks as well.
    """

    def format(self, record: logging.LogRecord) -> str:
        """As ``logging.Formatter``; once for a record that goes to a file as well."""
        form = self._form(), _shows_all()
        known, line = getattr(record, LINE, (None, ""))
        if known != form:
            line = self._line(record if _shows_all() else _without_texts(record))
            setattr(record, LINE, (form, line))
        return str(line)

    def _form(self) -> str:
        """What it has in common with each other one that makes the same line of a record."""
        return str(self._fmt)

    def _line(self, shown: logging.LogRecord) -> str:
        return escaped(redact(super().format(shown).rstrip("\n"))).replace("\n", FURTHER_LINE)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """As ``logging.Formatter``: the traceback."""
        text, error = super().formatException(ei), ei[1]
        while error is not None and not _shows_all():
            if isinstance(error, QUOTING):
                text = text.replace(f"{type(error).__name__}: {error}", f"{type(error).__name__}: {HIDDEN}")
            error = error.__cause__ or error.__context__
        return text


class InColour(ColorFormatter, EscapingFormatter):
    """Celery's own, around escaped text."""


class _OfATask(celery.app.log.TaskFormatter, EscapingFormatter):
    """Celery's own, around escaped text."""


class JsonFormatter(EscapingFormatter):
    """One JSON document for each record: time, level and message, then the fields of a step (step_log.py)."""

    def __init__(self, fmt: str | None = None, use_color: bool = False) -> None:
        super().__init__(fmt)  # what Celery gives each of its formatters

    def _form(self) -> str:
        return "json"

    def _line(self, shown: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(shown.created, UTC).isoformat(timespec="milliseconds"),
            "level": shown.levelname,
            "message": shown.getMessage(),
            **getattr(shown, FIELDS, {}),
            "logger": shown.name,
            "process": shown.processName,
        }
        if current_task and current_task.request:
            told |= {"task_id": current_task.request.id, "task_name": current_task.name}
        if shown.exc_info:
            told["traceback"] = self.formatException(shown.exc_info)
        if shown.stack_info:
            told["stack"] = self.formatStack(shown.stack_info)
        told = {name: redact(value) if isinstance(value, str) else value for name, value in told.items()}
        return escaped_json(json.dumps(told, ensure_ascii=False, default=lambda value: redact(str(value))))


def is_json(stream: Any) -> bool:
    """Whether what is written there is to be JSON. ``stream``: an open file, or None for a name of one."""
    wanted = settings().log_format
    return wanted == "json" or (wanted == "auto" and not (hasattr(stream, "isatty") and stream.isatty()))


class Logging(celery.app.log.Logging):
    """Celery's, with these formatters in every handler that it makes."""

    def setup_handlers(
        self,
        logger: logging.Logger,
        logfile: Any,
        format: str,
        colorize: Any,
        formatter: Any = ColorFormatter,
        **more: Any,
    ) -> logging.Logger:
        """As Celery's."""
        if is_json(sys.__stderr__ if logfile is None else logfile):
            return super().setup_handlers(logger, logfile, format, colorize, formatter=JsonFormatter, **more)
        ours = {ColorFormatter: InColour, celery.app.log.TaskFormatter: _OfATask}.get(formatter, formatter)
        return super().setup_handlers(logger, logfile, format, colorize, formatter=ours, **more)


def _shows_all() -> bool:
    return logging.root.level <= logging.DEBUG


def _without_texts(record: logging.LogRecord) -> logging.LogRecord:
    """The record as it may be read above DEBUG; Celery's lines of a task hold its result, or its exception."""
    if not (record.exc_info or record.exc_text or isinstance(record.args, Mapping)):  # a copy takes longer than all
        return record
    record = copy.copy(record)
    record.exc_text = None  # of another formatter
    if isinstance(record.args, Mapping):
        error = record.exc_info[1] if record.exc_info else None
        hidden = {"return_value": HIDDEN} | ({"exc": type(error).__name__} if isinstance(error, QUOTING) else {})
        record.args = {name: hidden.get(str(name), value) for name, value in record.args.items()}
    return record
