"""The built wheel in a clean virtual environment, with the versions of ``uv.lock``."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]
_OF_THE_TESTS = ("PYTHONPATH", "VIRTUAL_ENV")


def uv() -> str:
    """Path of the uv that runs these tests."""
    found = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    assert Path(found).exists(), "uv runs this project's tests"
    return found


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder; its path."""
    _uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def inside(wheel: Path) -> set[str]:
    """The names of all files in a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


class Installation:
    """A virtual environment that holds a wheel, its base dependencies, those of ``extras``, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"

    def create(self, wheel: Path, *extras: str) -> None:
        """Make it."""
        venv.create(self.folder / "venv", with_pip=False)
        chosen = [argument for extra in extras for argument in ("--extra", extra)]
        frozen = _uv("export", "--project", str(ROOT), "--no-dev", *chosen, "--no-emit-project", "--locked", "--quiet")
        requirements = self.folder / "requirements.txt"
        requirements.write_text(frozen)
        self._install("--requirement", str(requirements))
        self._install("--no-deps", str(wheel))

    def _install(self, *arguments: str) -> None:
        _uv("pip", "install", "--quiet", "--python", str(self.bin / "python"), *arguments)

    def run(
        self, *command: str, cwd: Path, timeout_seconds: float = 150, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of it in a folder, with the environment of the tests less their own Python's."""
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd, env=clean_environment(**environment), capture_output=True, text=True, timeout=timeout_seconds,
            check=False,
        )  # fmt: skip


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of the tests, and ``more``, without what would lead a program to the tests' own packages."""
    return {name: value for name, value in {**os.environ, **more}.items() if name not in _OF_THE_TESTS}


def _uv(*arguments: str) -> str:
    done = subprocess.run([uv(), *arguments], capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
