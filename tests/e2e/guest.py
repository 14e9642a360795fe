"""This package as a host has it, in the environment of the checkout or in that of the built wheel."""

import subprocess
from pathlib import Path

from notifier.cli.processes import Process
from tests.conftest import assert_no_secrets_logged
from tests.e2e.flower import Flower
from tests.e2e.installation import clean_environment
from tests.no_secrets import assert_no_secrets


class Guest:
    """Runs programs and workers of one environment in one folder; none of them prints a secret.

    Args:
        binaries: where its ``python`` and ``celery`` are.
        environment: the variables of every program.
    """

    def __init__(self, binaries: Path, folder: Path, environment: dict[str, str]) -> None:
        self._binaries, self._folder, self._environment = binaries, folder, clean_environment(**environment)
        self._started: list[Process | Flower] = []

    @property
    def celery(self) -> list[str]:
        """The command that every other one begins with."""
        return [str(self._binaries / "celery"), "-A", "notifier"]

    def worker(self, **more: str) -> Process:
        """Start a worker called ``guest``, ready when this returns."""
        folder = self._folder / f"guest-{len(self._started)}"
        folder.mkdir()
        command = [*self.celery, "worker", "--loglevel", "INFO", "--hostname", "guest@%h"]
        worker = Process("guest", command, folder / "worker.log", env={**self._environment, **more}, cwd=self._folder)
        self._started.append(worker)
        worker.wait_for(r"guest@\S+ ready\.")
        return worker

    def flower(self, **more: str) -> Flower:
        """Start a dashboard."""
        flower = Flower(self._folder, {**self._environment, **more}, celery=self.celery)
        self._started.append(flower)
        return flower

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        done = subprocess.run(
            command, cwd=self._folder, env={**self._environment, **more}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        return done

    def python(self, program: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the folder."""
        return self.run(str(self._binaries / "python"), "-c", program, **more)

    def stop(self) -> None:
        """End all that it started."""
        for each in self._started:
            each.stop()
            if isinstance(each, Process):
                assert_no_secrets_logged(each)
