"""Workers, commands and programs as forks of one process that has imported what they import: most of their start.

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
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from notifier.cli.processes import Process, ProcessFailed
from tests import forking

AT_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC", "TZ", "PATH", "VIRTUAL_ENV")
"""Beginnings of variables that an interpreter, or its C library, reads when it starts."""
APPENDED = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY
PATCHED = {"gevent", "eventlet"}
"""Pools that replace modules before they are imported."""


def can_fork(environment: Mapping[str, str], arguments: Sequence[str] = ()) -> bool:
    """Whether a fork of this process' own Python is the same as a start of it."""
    names = {name for name in {*environment, *os.environ} if name.startswith(AT_START)}
    same = all(environment.get(name) == os.environ.get(name) for name in names)
    return same and sys.platform == "linux" and not PATCHED & set(arguments)


class ForkedProcess(Process):
    """As ``Process``, of ``python -m MODULE ARGUMENTS``, or of a program after ``-c``.

    ``errors``: where standard error goes, if not to the log.
    """

    def __init__(
        self,
        name: str,
        module: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str],
        cwd: Path,
        grace_seconds: float = 15,
        errors: Path | None = None,
    ) -> None:
        self.name, self.log = name, log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._grace_seconds = grace_seconds
        self._code: int | None = None
        self._alive: int | None
        alive, self._alive = os.pipe()
        self._told, tell = os.pipe()
        output, other = (os.open(each, APPENDED, 0o600) for each in (log, errors or log))
        asked = {"module": list(module), "environment": dict(env), "cwd": str(cwd), "grace_seconds": grace_seconds}
        socket.send_fds(_server(), [json.dumps(asked).encode()], [output, other, alive, tell])
        for each in (output, other, alive, tell):
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
        if self._alive is not None:  # closed twice it would be another's
            os.close(self._alive)
            self._alive = None
        if not self.wait(self._grace_seconds + 5):
            raise subprocess.TimeoutExpired(self.name, self._grace_seconds + 5)
        return self.exit_code or 0

    def wait(self, seconds: float) -> bool:
        """Wait for its end. Returns whether it has ended."""
        return self._code is not None or bool(select.select([self._told], [], [], seconds)[0])

    def _line(self) -> str | None:
        text = b""
        while not text.endswith(b"\n"):
            if not (more := os.read(self._told, 1)):
                return None
            text += more
        return text.decode()


def start_module(name: str, module: Sequence[str], log: Path, *, env: Mapping[str, str], cwd: Path) -> Process:
    """``python -m MODULE ARGUMENTS``, forked if that is the same."""
    if can_fork(env, module):
        return ForkedProcess(name, module, log, env=env, cwd=cwd)
    return Process(name, [sys.executable, "-m", *module], log, env=env, cwd=cwd)


def run_notifier(
    *arguments: str, env: Mapping[str, str], cwd: Path, timeout_seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command of ours, forked if that is the same."""
    if can_fork(env):
        return run_forked(["notifier", *arguments], env=env, cwd=cwd, timeout_seconds=timeout_seconds)
    return subprocess.run(
        [sys.executable, "-m", "notifier", *arguments],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout_seconds, check=False,
    )  # fmt: skip


def run_forked(
    module: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run`` with what it prints.

    Raises:
        subprocess.TimeoutExpired: it had to be killed.
    """
    with tempfile.TemporaryDirectory(prefix="notifier-command-") as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        process = ForkedProcess(module[0], module, output, env=env, cwd=cwd, errors=errors)
        if not process.wait(timeout_seconds):
            process.kill()
            raise subprocess.TimeoutExpired(list(module), timeout_seconds)
        return subprocess.CompletedProcess(list(module), process.stop(), output.read_text(), errors.read_text())


@lru_cache
def _server() -> socket.socket:
    """The connection to the process that forks, which ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, forking.__file__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
