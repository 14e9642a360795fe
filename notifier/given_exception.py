"""An exception that a caller gave becomes the title and the traceback of its alert."""

import sys

from notifier.given_parts import Given
from notifier.texts import is_a, is_text, traceback_of


def read_exceptions(given: Given) -> None:
    """``exception`` and ``exc_info`` as in logging; an exception that stands as a text brings its traceback too."""
    if is_text(given.get("exception")):  # its text, as a foreign program has it
        given.setdefault("traceback", given["exception"])
    for name in ("exc_info", "exception"):
        if (error := _error(given.pop(name, None))) is not None:
            given.setdefault("title", error)
            given.setdefault("traceback", error)
    for name in ("title", "message"):
        if is_a(given.get(name), BaseException) and not given.get("traceback"):
            given["traceback"] = given[name]
    if is_a(given.get("traceback"), BaseException):
        given["traceback"] = traceback_of(given["traceback"])


def _error(value: object) -> BaseException | None:
    """The exception that logging's ``exc_info`` means: itself, what ``sys.exc_info()`` gives, or True."""
    if is_a(value, tuple) and len(value) == 3:
        value = value[1]
    if value is True:
        value = sys.exc_info()[1]
    return value if is_a(value, BaseException) else None
