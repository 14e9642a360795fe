"""What an alert says of a log record."""

import copy
import hashlib
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Any

from notifier.escaping import braceless
from notifier.texts import MORE, Walk, text_of

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes that every record has; ``extra`` brings the others."""
OF_STRUCTLOG = frozenset(
    ("event", "level", "logger", "timestamp", "exc_info", "exception", "stack_info", "stack", "positional_args")
)
"""Keys of structlog's mapping that are told elsewhere."""
EXTRAS_MAX = 100
EXTRA_ITEMS_MAX = 1_000
EXTRA_CHARACTERS_MAX = 50_000
"""Ours: of what ``extra`` brings, in all. It is read in the caller's thread, for it may change."""
TEXT_CHARACTERS_MAX = 100_000
"""Ours: of a text, and of a traceback, of which the end is kept: alerts wait in the program's own memory."""
KEY_CHARACTERS = 1_000
"""Ours: of a format string that tells records apart."""
SEVERITIES = ((logging.CRITICAL, "critical"), (logging.ERROR, "error"), (logging.WARNING, "warning"))
"""From that level on; below all of them it is ``info``."""
TYPES = {logging.CRITICAL: "critical", logging.ERROR: "error", logging.WARNING: "monitoring"}
"""The alert type from that level on; below all of them it is ``general``."""
PLACE = "_notifier_place"
"""The attribute of a record that says where its exception was raised."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

EXC_INFO_PARTS = 3


def dedup_key(record: logging.LogRecord, source: str | None) -> str:
    """What equal records have in common: logger, level, format string, the kind of exception, and where it is raised.

    (The last of exceptions that nobody has caught: there, nothing else tells two programs apart.)
    """
    event, error = _event(record), _exc_info(record)
    shown = event if isinstance(event, str) else f"{type(event).__qualname__} {text_of(event)}"
    kind = error[0].__qualname__ if error else ""
    told = "\n".join((shown[:KEY_CHARACTERS], kind, getattr(record, PLACE, "")))
    digest = hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16]
    return braceless("/".join(filter(None, ("log", source, str(record.name), record.levelname, digest))))


def kind_of(level: int, types: Mapping[int, str]) -> str:
    """The alert type of a level: that of the nearest level which is not above it."""
    below = [each for each in types if each <= level]
    return types[max(below)] if below else "general"


def alert_of(
    record: logging.LogRecord, types: Mapping[int, str], formatter: logging.Formatter | None, source: str | None
) -> dict[str, Any]:
    """The fields of the alert that tells a record; its texts are no Markdown.

    Args:
        types: alert types by level.
        formatter: makes the text, if there is one; tracebacks and stacks are told apart from it.
        source: the service; the logger if there is none.
    """
    own = _fields(record)
    fields = [*own, ("Logger", str(record.name))] if source else own
    traceback = _traceback(record)
    if not traceback and record.lineno:
        fields.append(("Where", f"{record.filename}:{record.lineno} in {record.funcName or '?'}"))
    return {
        "alert_type": kind_of(record.levelno, types),
        "severity": next((name for level, name in SEVERITIES if record.levelno >= level), "info"),
        "message": _beginning(_text(record, formatter) or _said_by_exception(record) or record.levelname.capitalize()),
        "traceback": traceback,
        "fields": [{"name": name, "value": value, "inline": len(value) < 40} for name, value in fields],
        "source": source or str(record.name),
        "timestamp": record.created,
        "markdown": False,
        "metadata": {"logger": str(record.name), "level": record.levelname, "process": record.process},
    }


def _event(record: logging.LogRecord) -> Any:
    """The message before its arguments are put in; of structlog's mapping, what it calls the event."""
    message: Any = record.msg
    return message.get("event", "") if isinstance(message, Mapping) else message


def _text(record: logging.LogRecord, formatter: logging.Formatter | None) -> str:
    if formatter is not None:
        return _formatted(record, formatter)
    if isinstance(record.msg, Mapping):
        return text_of(_event(record)).strip()
    try:
        return record.getMessage().strip()
    except Exception as error:  # arguments that do not fit the format string, or whose own methods fail
        return _unformatted(record, error)


def _formatted(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    try:
        bare = copy.copy(record)
        bare.exc_info = bare.exc_text = bare.stack_info = None
        if isinstance(record.msg, Mapping):
            bare.msg = {key: each for key, each in record.msg.items() if key not in ("exc_info", "stack_info")}
        return _COLOURS.sub("", formatter.format(bare)).strip()
    except Exception as error:  # a record that the formatter does not expect is an alert all the same
        return _unformatted(record, error)


def _unformatted(record: logging.LogRecord, error: Exception) -> str:
    return f"{text_of(record.msg)} % {text_of(record.args)} ({type(error).__name__})"


def _fields(record: logging.LogRecord) -> list[tuple[str, str]]:
    walk = Walk(EXTRA_ITEMS_MAX, EXTRA_CHARACTERS_MAX)
    return [(text_of(name), walk.text(value)) for name, value in islice(_extras(record), EXTRAS_MAX)]


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in list(vars(record).items()):
        if name not in STANDARD and not name.startswith("_"):
            yield name, value
    if isinstance(record.msg, Mapping):
        for name, value in list(record.msg.items()):
            if name not in OF_STRUCTLOG and not str(name).startswith("_"):
                yield name, value


def _exc_info(record: logging.LogRecord) -> Any:
    """The triple of ``sys.exc_info()``; None for whatever else was given."""
    found: Any = record.exc_info
    if not found and isinstance(record.msg, Mapping):
        found = record.msg.get("exc_info")
    if isinstance(found, BaseException):
        return type(found), found, found.__traceback__
    if found and not isinstance(found, tuple):
        found = sys.exc_info()
    if not found or len(found) != EXC_INFO_PARTS or not isinstance(found[1], BaseException):
        return None
    return type(found[1]), found[1], found[2] if isinstance(found[2], TracebackType) else None


def _traceback(record: logging.LogRecord) -> str | None:
    """The stack that was asked for, and the exception: its end is what is drawn if it is long."""
    parts = [record.stack_info, record.exc_text]
    if isinstance(record.msg, Mapping):
        parts = [*(text_of(record.msg.get(name)) for name in ("stack", "exception")), *parts]
    if not record.exc_text and (error := _exc_info(record)):
        parts.append(logging.Formatter().formatException(error))
    whole = "\n\n".join(filter(None, parts))
    cut = len(whole) > TEXT_CHARACTERS_MAX
    return f"{MORE}{whole[-TEXT_CHARACTERS_MAX:]}" if cut else whole or None


def _beginning(text: str) -> str:
    return f"{text[:TEXT_CHARACTERS_MAX]}{MORE}" if len(text) > TEXT_CHARACTERS_MAX else text


def _said_by_exception(record: logging.LogRecord) -> str:
    error = _exc_info(record)
    return text_of(error[1]) if error else ""
