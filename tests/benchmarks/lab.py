"""Where something is measured: a Redis, a sandbox and workers of its own, with nobody's settings."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from notifier.cli.processes import Process
from notifier.cli.stack import READY, Stack
from notifier.storage.connection import connect
from tests.conftest import SETTINGS, Sandbox

ROOT = Path(__file__).parents[2]
PROGRAM_SECONDS = 900
"""Ours: what hangs is ended."""


def plain_environment() -> dict[str, str]:
    """This process' own, without a setting of ours or Celery's in it; the checkout can be imported."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(SETTINGS)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), "NOTIFIER_WATCH_SECONDS": "0"}


UNLIMITED = "tests.benchmarks.unlimited"
"""The application of a worker without limits. By its name: to import it changes the process that does."""


class Place:
    """The servers and processes of one side of one round."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.url = stack.redis()
        self.redis: Any = connect(self.url, 60)

    def set(self, **settings: str) -> None:
        """Settings of the processes that are started from now on."""
        self._stack.environment.update(settings)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of its processes."""
        return dict(self._stack.environment)

    def sandbox(self, *, limits: bool = True) -> Sandbox:
        """A sandbox, with Discord's limits or with none."""
        address = self._stack.sandbox()
        sandbox = Sandbox(self._stack.processes["sandbox"], address)
        if not limits:
            sandbox.call("PUT", "limits", enabled=False)
        return sandbox

    def worker(self, *arguments: str, app: str = "tasks", name: str = "worker") -> Process:
        """A Celery worker, ready when this returns."""
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel", "INFO"]
        process = self._stack.start(name, [*command, "--hostname", f"{name}@%h", *arguments])
        process.wait_for(READY)
        return process

    def run(self, program: ModuleType, **given: Any) -> Any:
        """What a program prints as JSON: a process with these settings, which gets ``given`` as JSON.

        Raises: RuntimeError: it failed; the text holds what it said.
        """
        done = subprocess.run(
            [sys.executable, "-m", program.__name__, json.dumps(given)],
            env=self.environment, cwd=self._stack.folder, capture_output=True, text=True,
            timeout=PROGRAM_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program.__name__}: {done.stderr[-2_000:]}")
        return json.loads(done.stdout)

    def redis_seconds(self) -> float:
        """What the Redis server has used of a processor."""
        used: Any = self.redis.info("cpu")
        return float(used["used_cpu_user"] + used["used_cpu_sys"])

    def commands(self) -> int:
        """How many commands it has run; those that a script calls count too."""
        found: Any = self.redis.info("commandstats")
        return sum(int(each["calls"]) for each in found.values())

    def close(self) -> None:
        """Let go of Redis; the stack stops the rest."""
        self.redis.close()


def processor_seconds(process: Process) -> float:
    """What a process and its children have used."""
    whole = psutil.Process(process.pid)
    times = [each.cpu_times() for each in (whole, *whole.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


class Lab:
    """Hands out places, and says how long to measure.

    Args:
        quick: as few rounds as show anything; for tests.
        full: the long ones too.
        says: is told what goes on, for a progress bar.
    """

    def __init__(
        self, *, quick: bool = False, full: bool = False, says: Callable[[str], None] = lambda _: None
    ) -> None:
        self.quick = quick
        self.full = full
        self.says = says

    def rounds(self, usual: int, quick: int = 1) -> int:
        """How many of them."""
        return quick if self.quick else usual

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A new one; all that it started has ended afterwards."""
        with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), plain_environment()) as stack:
            place = Place(stack)
            try:
                yield place
            finally:
                place.close()


def median(values: Sequence[float]) -> float:
    """The one in the middle."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them is not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
