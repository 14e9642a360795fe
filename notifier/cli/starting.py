"""What is being started, while it is: a line that moves on a terminal, lines elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.cli.echo import warn


@contextmanager
def starting() -> Iterator[Callable[[str], None]]:
    """Yields what tells, on standard error, which part is being started."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        yield _tell
        return
    if not sys.stderr.isatty():
        yield _tell
        return
    with Console(stderr=True).status("", spinner="line") as status:
        yield lambda part: status.update(f"starting {part} ...")


def _tell(part: str) -> None:
    warn(f"starting {part} ...")
