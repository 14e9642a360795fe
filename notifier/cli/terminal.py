"""What the terminal of this process can show: how many columns, which characters."""

import os
import shutil
import sys
from typing import TextIO

from notifier.escaping import encodable


def width() -> int | None:
    """Columns of standard output: COLUMNS, else the terminal's; None if it is a file or a pipe, which has none."""
    if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]):
        return int(os.environ["COLUMNS"])
    return shutil.get_terminal_size().columns if sys.stdout and sys.stdout.isatty() else None


def printable(text: str, stream: TextIO) -> str:
    """The text as the stream's character set has it."""
    return encodable(text, getattr(stream, "encoding", None))


def take_any_character() -> None:
    """Let whatever is printed be printed, by libraries too: no character is an error."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
