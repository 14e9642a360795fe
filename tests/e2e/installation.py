"""The built wheel in a clean virtual environment, with the versions of ``uv.lock``."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]


def uv() -> str:
    """Path of the uv that runs these tests."""
    found = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    assert Path(found).exists(), "uv runs this project's tests"
    return found


class Installation:
    """A virtual environment that holds the wheel, its base dependencies, those of ``extras``, and nothing else."""

    def __init__(self, folder: Path, *extras: str) -> None:
        self.bin = folder / "venv" / "bin"
        self._uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
        (self.wheel,) = folder.glob("*.whl")
        venv.create(folder / "venv", with_pip=False)
        chosen = [argument for extra in extras for argument in ("--extra", extra)]
        frozen = self._uv(
            "export", "--project", str(ROOT), "--no-dev", *chosen, "--no-emit-project", "--locked", "--quiet"
        )
        requirements = folder / "requirements.txt"
        requirements.write_text(frozen)
        self.install("--requirement", str(requirements))
        self.install("--no-deps", str(self.wheel))

    def install(self, *arguments: str) -> None:
        """``pip install`` into it."""
        self._uv("pip", "install", "--quiet", "--python", str(self.bin / "python"), *arguments)

    @property
    def application(self) -> str:
        """What ``celery -A`` is given."""
        return "tasks" if "tasks/celery.py" in ZipFile(self.wheel).namelist() else "notifier"

    def run(
        self, *command: str, cwd: Path, timeout_seconds: float = 100, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of it in a folder, with the environment of the tests less their own Python's."""
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd, env=self.environment(**environment), capture_output=True, text=True, timeout=timeout_seconds,
            check=False,
        )  # fmt: skip

    @staticmethod
    def environment(**more: str) -> dict[str, str]:
        """The environment of its programs."""
        return {name: value for name, value in {**os.environ, **more}.items() if name not in _OF_THE_TESTS}

    @staticmethod
    def _uv(*arguments: str) -> str:
        done = subprocess.run([uv(), *arguments], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


_OF_THE_TESTS = ("PYTHONPATH", "VIRTUAL_ENV")
