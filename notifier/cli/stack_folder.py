"""The folder of a stack: one stack at a time, the logs of its run alone, and settings for other terminals."""

import fcntl
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from notifier.errors import ConfigurationError

ENDING_SECONDS = 30
"""Ours: how long what an earlier run has left behind may take to end; it is asked to at once."""
POLL_SECONDS = 0.05
RUNNING, PROCESSES, ENVIRONMENT = "lock", "processes.lock", "environment"


class StackFolder:
    """A folder that one stack has for itself, until its last process has ended.

    Raises (on entering it):
        ConfigurationError: another one runs there; names its addresses and its process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._running = self._locked(RUNNING)
            self._processes = self._locked(PROCESSES, ENDING_SECONDS)
        except BaseException:
            self._closing.close()
            raise
        self.note(pid=os.getpid())
        (self.path / ENVIRONMENT).unlink(missing_ok=True)
        self._closing.callback((self.path / ENVIRONMENT).unlink, missing_ok=True)
        for log in (*self.path.glob("*.log"), *self.path.glob("*/*.log")):
            log.replace(f"{log}.1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @property
    def held_fd(self) -> int:
        """Whoever inherits this holds the folder too: a process that outlives a killed stack."""
        return self._processes.fileno()

    def note(self, **told: object) -> None:
        """Note what another one is told that wants this folder."""
        self._running.seek(0)
        self._running.truncate()
        json.dump(told, self._running)
        self._running.flush()

    def write_environment(self, variables: Mapping[str, str]) -> Path:
        """A file with these variables and the path of the commands, for a shell to ``source``; there at once or not."""
        commands = shlex.quote(str(Path(sys.executable).parent))
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())]
        # of its user alone, as mkstemp makes it
        descriptor, name = tempfile.mkstemp(dir=self.path, prefix=f"{ENVIRONMENT}.")
        with os.fdopen(descriptor, "w") as file:
            file.writelines([*lines, f'export PATH={commands}:"$PATH"\n'])  # fish reads it so too
        return Path(name).rename(self.path / ENVIRONMENT)

    def _locked(self, name: str, patience_seconds: float = 0) -> IO[str]:
        """The system ends a lock with the processes that hold it."""
        opened = open(self.path / name, "a+", opener=partial(os.open, mode=0o600))  # noqa: SIM115 - it is closed at the end
        file = self._closing.enter_context(opened)
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except OSError:
                if time.monotonic() < deadline:
                    time.sleep(POLL_SECONDS)
                    continue
                file.seek(0)
                raise ConfigurationError(f"{self.path}: {_told(file.read())}") from None


def _told(noted: str) -> str:
    try:
        running = json.loads(noted)
    except ValueError:
        running = {}
    where = ", ".join(f"{address} ({name})" for name, address in running.get("addresses", {}).items())
    which = f" (process {running['pid']})" if "pid" in running else ""
    if where:
        return f"already running at {where}{which}; end it there, or name another folder"
    return f"another one is starting or ending there{which}; name another folder"
