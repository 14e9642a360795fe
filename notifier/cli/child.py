"""A command that is run for somebody else: its output goes on, the end of it is kept, and signals are passed to it."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import IO

from notifier.cli import OF_SIGNAL
from notifier.cli.guard import wake_ups
from notifier.cli.output import warn

OUTPUT_BYTES = 64 * 1024
"""Ours: of the end of the output that is kept."""
CHUNK_BYTES = 8 * 1024
DRAIN_SECONDS = 2.0
"""Ours: how long the output is read after the command has ended: what it has left running may hold it open."""
PASSED = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGINT")
NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""Exit codes, as a shell has them."""
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"  # what a terminal obeys
    r"|\r(?=\n)|[\x00-\x08\x0b-\x0c\x0e-\x1f]"
)

_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")
"""What a progress bar has written before."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: ``told`` in words, with the end of its output."""

    exit_code: int
    told: str
    output: str = ""


class _Tail:
    """The last bytes of several streams, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = bytearray()

    def read(self, stream: IO[bytes], to: IO[bytes]) -> None:
        """Pass a stream on to its end."""
        with stream:
            while chunk := os.read(stream.fileno(), CHUNK_BYTES):
                with suppress(OSError, ValueError):  # nobody reads it any more; the command goes on
                    to.write(chunk)
                    to.flush()
                with self._lock:
                    self._bytes += chunk
                    del self._bytes[:-OUTPUT_BYTES]

    @property
    def text(self) -> str:
        """As text, without what a terminal would obey."""
        with self._lock:
            return _ESCAPES.sub("", _OVERWRITTEN.sub("", self._bytes.decode(errors="replace"))).strip()


def run_child(command: Sequence[str]) -> Ended:
    """Run a command to its end. Raises nothing if it cannot be run: the exit code is that of a shell then."""
    tail = _Tail()
    received: list[int] = []
    with wake_ups() as woken, _signals(received) as children:
        try:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        except OSError as error:
            code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
            told = f"It could not be run: {error.strerror or error}: {command[0]}"
            warn(told)
            return Ended(code, told)
        children.append(child)
        streams = ((child.stdout, sys.stdout.buffer), (child.stderr, sys.stderr.buffer))
        threads = [threading.Thread(target=tail.read, args=each, daemon=True) for each in streams]
        for each in threads:
            each.start()
        for number in list(received):  # before there was a child
            _pass(child, number)
        code = _await_end(child, woken)
        for each in threads:
            each.join(DRAIN_SECONDS)
    if code < 0:
        return Ended(OF_SIGNAL - code, f"It was ended by {signal.Signals(-code).name}.", tail.text)
    return Ended(code, f"It ended with exit code {code}.", tail.text)


def _await_end(child: "subprocess.Popen[bytes]", woken: int) -> int:
    while (code := child.poll()) is None:
        select.select([woken], [], [])
        os.read(woken, CHUNK_BYTES)
    return code


@contextmanager
def _signals(received: list[int]) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Pass signals to the child, which the caller puts into the list that this yields."""
    children: list[subprocess.Popen[bytes]] = []

    def handle(number: int, _: FrameType | None) -> None:
        if not children:
            received.append(number)
        for child in children:
            _pass(child, number)

    before = {}
    for name in PASSED:
        if (number := getattr(signal, name, None)) is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handle)
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass(child: "subprocess.Popen[bytes]", number: int) -> None:
    if number in (signal.SIGINT, signal.SIGQUIT) and _is_of_terminal():
        return  # the terminal has sent it to the child too
    with suppress(OSError):
        child.send_signal(number)


def _is_of_terminal() -> bool:
    """Whether this process is in the foreground of a terminal."""
    try:
        with open("/dev/tty", "rb", buffering=0) as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
