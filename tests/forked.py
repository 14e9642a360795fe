"""Workers as forks of one process that has imported what all of them import: that is most of what their start costs.

Each is a process of its own with its own environment, folder, output and signals, ends as any other, and runs what
``python -m celery`` runs.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from notifier.cli.processes import Process, ProcessFailed
from tests import forking

AT_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC", "TZ", "PATH", "VIRTUAL_ENV")
"""Beginnings of variables that an interpreter, or its C library, reads when it starts."""
PATCHED = {"gevent", "eventlet"}
"""Pools that replace modules before they are imported."""


def can_fork(environment: Mapping[str, str], arguments: Sequence[str]) -> bool:
    """Whether a fork of this process' own Python is the same as a start of it."""
    names = {name for name in {*environment, *os.environ} if name.startswith(AT_START)}
    same = all(environment.get(name) == os.environ.get(name) for name in names)
    return same and sys.platform == "linux" and not PATCHED & set(arguments)


class ForkedProcess(Process):
    """As ``Process``, of ``python -m MODULE ARGUMENTS``."""

    def __init__(
        self,
        name: str,
        module: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str],
        cwd: Path,
        grace_seconds: float = 15,
    ) -> None:
        self.name, self.log = name, log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._grace_seconds = grace_seconds
        self._code: int | None = None
        alive, self._alive = os.pipe()
        self._told, tell = os.pipe()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        asked = {"module": list(module), "environment": dict(env), "cwd": str(cwd), "grace_seconds": grace_seconds}
        socket.send_fds(_server(), [json.dumps(asked).encode()], [output, alive, tell])
        for each in (output, alive, tell):
            os.close(each)
        line = self._line()
        if line is None:
            raise ProcessFailed(f"{name} could not be started: {self.tail()}")
        self.pid = int(line)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code (128 + signal number if a signal ended it), or None."""
        if self._code is None and select.select([self._told], [], [], 0)[0]:
            self._code = int(self._line() or 128 + signal.SIGKILL)
            os.close(self._told)
        return self._code

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit code."""
        with suppress(OSError):
            os.close(self._alive)
        if self._code is None and not select.select([self._told], [], [], self._grace_seconds + 5)[0]:
            raise subprocess.TimeoutExpired(self.name, self._grace_seconds + 5)
        return self.exit_code or 0

    def _line(self) -> str | None:
        text = b""
        while not text.endswith(b"\n"):
            if not (more := os.read(self._told, 1)):
                return None
            text += more
        return text.decode()


@lru_cache
def _server() -> socket.socket:
    """The connection to the process that forks, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, forking.__file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
