"""The built wheel in a clean virtual environment: what somebody gets who installs this package."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[2]


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder; its path."""
    subprocess.run(
        [_uv(), "build", "--wheel", "--out-dir", str(folder), str(ROOT)], check=True, capture_output=True, timeout=100
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def inside(wheel: Path) -> set[str]:
    """The names of all files in a wheel."""
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def install_wheel(wheel: Path, folder: Path) -> Path:
    """Install a wheel, and what it needs in the locked versions, into a new environment; its ``bin`` folder."""
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    requirements = folder / "requirements.txt"
    frozen = subprocess.run(
        [_uv(), "export", "--project", str(ROOT), "--no-dev", "--extra=demo", "--no-emit-project", "--locked", "-q"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    requirements.write_text(frozen.stdout)
    install = [_uv(), "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--requirement", str(requirements)], check=True, capture_output=True, timeout=100)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True, timeout=60)
    return folder / "venv" / "bin"


def _uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    assert Path(uv).exists(), "uv runs this project's tests"
    return uv
