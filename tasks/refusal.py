"""A wrong setting ends the ``celery`` command with one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notifier.errors import ConfigurationError


@contextmanager
def said_in_one_line() -> Iterator[None]:
    """Raises ``SystemExit`` for a ConfigurationError, if ``celery -A …`` imports us: it would print the traceback."""
    try:
        yield
    except ConfigurationError as error:
        if _imported_by_the_celery_command():
            raise SystemExit(f"{error} [{error.reason}]") from None
        raise


def _imported_by_the_celery_command() -> bool:
    command: Any = sys.modules.get("celery.bin.celery")
    if command is None:
        return False
    context = command.click.get_current_context(silent=True)
    return context is not None and context.find_root().command is command.celery
