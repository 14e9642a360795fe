"""Child processes that end with this one: started, awaited by their output, stopped by id."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from notifier.cli import guard
from notifier.errors import NotifierError

POLL_SECONDS = 0.02


class ProcessFailed(NotifierError):
    """A child process ended or did not come up; the text holds the end of its log."""

    reason = "process_failed"


class Process:
    """A running command, its output in a log file. It ends when this process does, even by kill -9.

    ``held_fds``: files that stay open until it has ended, whatever becomes of this process.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        grace_seconds: float = 15,
        held_fds: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0  # what an earlier process wrote is not its output
        self._grace_seconds = grace_seconds
        read_fd, write_fd = os.pipe()
        with open(log, "ab", opener=partial(os.open, mode=0o600)) as output, os.fdopen(read_fd) as pid_pipe:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(write_fd), str(grace_seconds), *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                pass_fds=(write_fd, *held_fds),
                start_new_session=True,
            )
            os.close(write_fd)
            line = pid_pipe.readline()
        if not line:
            self._guard.wait()
            raise ProcessFailed(f"{name} could not be started: {self.tail()}")
        self.pid = int(line)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._guard.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code (128 + signal number if a signal ended it), or None."""
        return self._guard.poll()

    def output(self) -> str:
        """Everything it has printed."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 15) -> str:
        """The end of what it has printed."""
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for(self, pattern: str, timeout_seconds: float = 60) -> re.Match[str]:
        """Wait until it has printed ``pattern``.

        Raises:
            ProcessFailed: it ended first, or the time is over.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            ended = not self.running
            if match := re.search(pattern, self.output(), re.MULTILINE):
                return match
            if ended:
                raise ProcessFailed(f"{self.name} ended with code {self.exit_code}:\n{self.tail()}")
            time.sleep(POLL_SECONDS)
        raise ProcessFailed(f"{self.name} did not come up in {timeout_seconds:g} s:\n{self.tail()}")

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.running:
            with suppress(ProcessLookupError):  # it has, and its guard is about to say so
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self.signal(signal.SIGKILL)
        self.stop()

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit code."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        return self._guard.wait(self._grace_seconds + 5)
