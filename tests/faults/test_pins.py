"""Each upper bound in ``pyproject.toml`` is there for a fault of a later release; this says when the fault is gone."""

import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.storage.connection import connect
from tests.e2e.installation import uv
from tests.servers import OwnRedis, until

APPLICATION = Path(__file__).with_name("held_message.py")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Worker:
    """A worker of some Celery that holds one message it has not acknowledged."""

    def __init__(self, python: Path, folder: Path, redis: OwnRedis) -> None:
        self._python, self._folder, self._redis = python, folder, redis
        shutil.copy(APPLICATION, folder)
        self._environment = {"PATH": "/usr/bin:/bin", "HELD_REDIS_URL": redis.url}
        command = [str(python), "-m", "celery", "-A", "held_message", "worker", "--pool", "threads", "-c", "2"]
        self.process = Process(
            "worker", [*command, "--loglevel", "INFO"], folder / "worker.log", env=self._environment, cwd=folder
        )
        self.process.wait_for(r"celery@\S+ ready\.")
        self._send("held.apply_async(countdown=3000)")
        client = connect(redis.url, 5)
        until(lambda: client.hlen("unacked"), "a held message")
        client.close()

    def _send(self, call: str) -> None:
        command = [str(self._python), "-c", f"import held_message; held_message.{call}"]
        subprocess.run(command, cwd=self._folder, env=self._environment, check=True, capture_output=True, timeout=60)

    def exit_code_after_redis_restarts(self) -> int | None:
        """Restart Redis. Returns the worker's exit code, or None where it still runs a task afterwards."""
        self._redis.away()
        self.process.wait_for(r"(?i)connection to broker lost|connection refused|Traceback")
        self._redis.back()
        sign = self._folder / "sign-of-life"
        self._send(f"touch.delay({str(sign)!r})")
        until(lambda: sign.exists() or not self.process.running, "a sign of life, or an end", 120)
        return self.process.exit_code


def newest_celery(folder: Path) -> tuple[Path, str]:
    """A virtual environment with the newest Celery of the index: its Python, and the version."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [uv(), "pip", "install", "--quiet", "--upgrade", "--python", str(python), "celery[redis]"]
    done = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"no package index answers: {done.stderr.strip()[-300:]}")
    command = [str(python), "-c", "from importlib.metadata import version; print(version('celery'))"]
    return python, subprocess.check_output(command, text=True, timeout=60).strip()


def test_the_celery_that_is_locked_survives_a_restart_of_redis(tmp_path: Path, own_redis: OwnRedis) -> None:
    worker = Worker(Path(sys.executable), tmp_path, own_redis)
    try:
        assert worker.exit_code_after_redis_restarts() is None, worker.process.tail()
    finally:
        worker.process.stop()


def test_the_newest_celery_still_exits_when_redis_restarts(tmp_path: Path, own_redis: OwnRedis) -> None:
    python, newest = newest_celery(tmp_path / "newest")
    if newest == version("celery"):
        pytest.skip(f"celery {newest} is the newest on this index, and the locked one")
    worker = Worker(python, tmp_path, own_redis)
    try:
        code = worker.exit_code_after_redis_restarts()
    finally:
        worker.process.stop()
    assert code == 1, f"celery {newest} no longer exits when Redis restarts: lift the pin in pyproject.toml"
